// What this machine's caches hold. Sizes are asked of the processor, and used through these questions only.
#pragma once

#include "core/cpu.hpp"
#include "core/index.hpp"

namespace convgrad {

// Bytes between neighbors of a cache, and the most bytes between elements that meet in one line of a first-level cache:
// alike on every processor that the kernel sets are for.
inline constexpr Index cache_line_bytes = 64;
inline constexpr Index first_level_way_bytes = 4096;

inline Index second_level_bytes() noexcept { return static_cast<Index>(second_level_cache_bytes()); }

// Whether so many bytes take no more than this share of a core's second-level cache.
inline bool fits_second_level(double bytes, double share) noexcept {
  return bytes <= share * static_cast<double>(second_level_cache_bytes());
}

// Whether so many bytes outgrow this share of the last-level cache: who reads them next finds them in memory.
inline bool outgrows_last_level(double bytes, double share) noexcept {
  return bytes > share * static_cast<double>(last_level_cache_bytes());
}

}  // namespace convgrad

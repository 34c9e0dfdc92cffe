// What this processor can run and hold, asked of the processor itself.
#pragma once

#include <cstddef>

namespace convgrad {

bool cpu_has_avx512() noexcept;
bool cpu_has_avx2() noexcept;

// Of one core; a mebibyte where the system does not say.
std::size_t second_level_cache_bytes() noexcept;

// Of those cores that share one, or what CONVGRAD_CACHE_MIB in the environment says; more than any memory where neither
// does.
std::size_t last_level_cache_bytes() noexcept;

// Unless that is no number of mebibytes.
bool cache_limit_is_usable() noexcept;

}  // namespace convgrad

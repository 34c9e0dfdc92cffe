// Do strided arrays share an element? Exact whenever the answer takes a bounded amount of work, and "yes" beyond.
#pragma once

#include <array>
#include <cstdint>

#include "convgrad/convgrad.hpp"

namespace convgrad::bindings {

/// The elements of an array: the address of the first and the strides, both counted in elements of one common size.
struct Elements {
  std::int64_t first = 0;
  int rank = 0;
  std::array<std::int64_t, max_rank> size{};
  std::array<std::int64_t, max_rank> strides{};
};

/// May two arrays have an element in common?
bool may_overlap(const Elements& one, const Elements& other) noexcept;

/// May two different indices of one array name the same element, as in a broadcast array?
bool may_overlap_itself(const Elements& array) noexcept;

}  // namespace convgrad::bindings

// Where input ends and border begins, along one axis.
#pragma once

#include "algorithms/common/blocks.hpp"

namespace convgrad {

// Of `count` places, `step` apart, of which the first is at `origin`, those that lie within the `extent` of an input.
// The others lie on the border.
inline Range places_within(Index origin, Index step, Index count, Index extent) noexcept {
  Range within{0, 0};
  within.first = origin >= 0 ? 0 : smaller(count, divide_up(-origin, step));
  within.last = origin >= extent ? 0 : smaller(count, divide_up(extent - origin, step));
  if (within.last < within.first) within.last = within.first;
  return within;
}

}  // namespace convgrad

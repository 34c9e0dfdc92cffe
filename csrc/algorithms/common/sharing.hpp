// How work is shared by threads: how many are worth starting, and when they are done.
#pragma once

#include "core/geometry.hpp"

namespace convgrad {

// How many of `threads` have enough to do to be worth starting.
Index useful_threads(const Geometry& geometry, int threads) noexcept;

// When `workers` that take one task after the other are done with `tasks` of at most this cost. The last bit stands for
// what no cut foresees, and speaks for small tasks where it makes no other difference.
inline double finishing_time(Index tasks, double cost, Index workers) noexcept {
  return (static_cast<double>(divide_up(tasks, workers)) + 0.02) * cost;
}

}  // namespace convgrad

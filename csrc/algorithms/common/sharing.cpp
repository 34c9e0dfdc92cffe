#include "algorithms/common/sharing.hpp"

namespace convgrad {

Index useful_threads(const Geometry& geometry, int threads) noexcept {
  // Some ten microseconds of arithmetic: starting and joining a team of threads costs a good part of that.
  constexpr double multiplications_per_thread = 1e6;
  const double useful = 1 + geometry.multiplications() / multiplications_per_thread;
  return useful < threads ? static_cast<Index>(useful) : larger(1, threads);
}

}  // namespace convgrad

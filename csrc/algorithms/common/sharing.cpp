#include "algorithms/common/sharing.hpp"

namespace convgrad {

Index useful_threads(const Tuning& tuning, const Geometry& geometry, int threads) noexcept {
  const double useful = 1 + geometry.multiplications() / tuning.multiplications_per_thread;
  return useful < threads ? static_cast<Index>(useful) : larger(1, threads);
}

double finishing_time(const Tuning& tuning, Index tasks, double cost, Index workers) noexcept {
  return (static_cast<double>(divide_up(tasks, workers)) + tuning.lateness_of_a_task) * cost;
}

}  // namespace convgrad

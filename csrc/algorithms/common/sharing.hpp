// How work is shared by threads: how many are worth starting, which cut lets them be done soonest, and the loop over
// its tasks.
#pragma once

#include "algorithms/tuning.hpp"
#include "core/geometry.hpp"
#include "core/parallel.hpp"
#include "core/work_areas.hpp"

namespace convgrad {

// How many of `threads` have enough to do to be worth starting.
Index useful_threads(const Tuning& tuning, const Geometry& geometry, int threads) noexcept;

// As many of the useful ones as there are tasks, and one at least.
inline int workers_for(Index tasks, Index useful) noexcept {
  return static_cast<int>(larger(1, smaller(useful, tasks)));
}

// When `workers` that take one task after the other are done with `tasks` of at most this cost.
double finishing_time(const Tuning& tuning, Index tasks, double cost, Index workers) noexcept;

// Structural: how finely a search looks, not what it prefers. The next number of ranges to try: every one up to eight,
// and then with gaps that grow.
inline Index next_ranges(Index ranges) noexcept { return ranges + 1 + ranges / 8; }

// Of all cuts that are offered, keeps the one after which the workers are done soonest, and of equal ones the first. A
// cut says how many tasks it makes, `count()`, and what the largest takes, `largest_cost()`.
template <class Cut>
class SoonestCut {
 public:
  SoonestCut(const Tuning& tuning, Index workers) noexcept : tuning_(tuning), workers_(workers) {}

  void offer(const Cut& cut) noexcept {
    const double time = finishing_time(tuning_, cut.count(), cut.largest_cost(), workers_);
    if (any_ && time >= soonest_) return;
    any_ = true;
    soonest_ = time;
    best_ = cut;
  }
  [[nodiscard]] const Cut& best() const noexcept { return best_; }

 private:
  const Tuning& tuning_;
  Index workers_;
  bool any_ = false;
  double soonest_ = 0;
  Cut best_;
};

// Runs every task of a cut: run(task number, number of the one that this worker, or another soon, does after it, the
// worker's own area).
template <class Tasks, class Own, class Shared, class Run>
void run_tasks(const Tasks& tasks, const WorkAreas<Own, Shared>& areas, void* workspace, const Run& run) noexcept {
  const Index count = tasks.count();
  parallel_for(areas.workers, count, [&](Index index, int worker) {
    run(index, smaller(index + areas.workers, count - 1), areas.own_in(workspace, worker));
  });
}

}  // namespace convgrad

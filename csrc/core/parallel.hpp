// The only place that knows of OpenMP: a team of workers that take numbered tasks until none is left. A plan may bring
// a loop of its caller's instead.
#pragma once

#include <atomic>

#include "convgrad/convgrad.hpp"
#include "core/index.hpp"

namespace convgrad {

// More than pays on any machine; far more, and the system refuses to start them, which ends the process.
inline constexpr int most_threads = 1024;

inline Status check_threads(int threads) noexcept {
  if (threads >= 1 && threads <= most_threads) return {};
  return Status::invalid("threads: expected 1 to %d, got %d", most_threads, threads);
}

// 0 stands for get_num_threads().
inline Status check_threads_option(int threads) noexcept {
  if (threads >= 0 && threads <= most_threads) return {};
  return Status::invalid("threads: expected 1 to %d, or 0 for the default, got %d", most_threads, threads);
}

int default_thread_count() noexcept;

// While it lives, everything that this thread runs uses the caller's loop, if there is one. Known to the thread and not
// handed down, so that the algorithms need not know who runs their tasks.
class ParallelScope {
 public:
  explicit ParallelScope(const Parallel& parallel) noexcept;
  ~ParallelScope();
  ParallelScope(const ParallelScope&) = delete;
  ParallelScope& operator=(const ParallelScope&) = delete;

 private:
  const Parallel* outer_;
};

// Calls body(context, worker) for every worker 0 .. workers - 1, in parallel where threads can be had.
void run_workers(int workers, void (*body)(void* context, int worker), void* context) noexcept;

// Calls task(index, worker) once for every index 0 .. count - 1. A worker takes the next index when it is free, so that
// all finish together whatever else the machine does; no result may depend on which worker runs a task.
template <class Task>
void parallel_for(int workers, Index count, const Task& task) noexcept {
  if (workers <= 1 || count <= 1) {
    for (Index i = 0; i < count; ++i) task(i, 0);
    return;
  }
  struct Context {
    const Task& task;
    Index count;
    std::atomic<Index> next{0};
  } context{task, count};
  run_workers(
      static_cast<int>(smaller(workers, count)),
      [](void* erased, int worker) {
        auto& shared = *static_cast<Context*>(erased);
        for (Index i = shared.next.fetch_add(1); i < shared.count; i = shared.next.fetch_add(1)) shared.task(i, worker);
      },
      &context);
}

}  // namespace convgrad

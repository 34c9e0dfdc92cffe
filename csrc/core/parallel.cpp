#include "core/parallel.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define CONVGRAD_HAS_FORK 1
#endif

namespace convgrad {

namespace {

thread_local const Parallel* callers_loop = nullptr;

}  // namespace

ParallelScope::ParallelScope(const Parallel& parallel) noexcept : outer_(callers_loop) {
  callers_loop = parallel.run == nullptr ? nullptr : &parallel;
}
ParallelScope::~ParallelScope() { callers_loop = outer_; }

#if defined(_OPENMP)

int default_thread_count() noexcept { return omp_get_max_threads() < 1 ? 1 : omp_get_max_threads(); }

namespace {

// A child process has none of its parent's threads, but GNU's OpenMP runtime believes that it has, and waits for them
// for ever. So a child of a process that had a team works alone.
std::atomic<bool> team_started{false};
std::atomic<bool> team_lost{false};

void watch_for_fork() noexcept {
#if defined(CONVGRAD_HAS_FORK)
  if (!team_started.exchange(true, std::memory_order_relaxed))
    pthread_atfork(nullptr, nullptr, [] { team_lost.store(true, std::memory_order_relaxed); });
#endif
}

}  // namespace

namespace {

// The runtime may grant fewer threads than asked for (nested calls, limits): each then serves several workers in turn.
void run_own_workers(int workers, void (*body)(void* context, int worker), void* context) noexcept {
  watch_for_fork();
  if (team_lost.load(std::memory_order_relaxed)) {
    for (int worker = 0; worker < workers; ++worker) body(context, worker);
    return;
  }
#pragma omp parallel num_threads(workers)
  {
    const int granted = omp_get_num_threads();
    for (int worker = omp_get_thread_num(); worker < workers; worker += granted) body(context, worker);
  }
}

}  // namespace

#else

int default_thread_count() noexcept { return 1; }

namespace {

void run_own_workers(int workers, void (*body)(void* context, int worker), void* context) noexcept {
  for (int worker = 0; worker < workers; ++worker) body(context, worker);
}

}  // namespace

#endif

void run_workers(int workers, void (*body)(void* context, int worker), void* context) noexcept {
  if (callers_loop != nullptr)
    callers_loop->run(callers_loop->context, workers, body, context);
  else
    run_own_workers(workers, body, context);
}

}  // namespace convgrad

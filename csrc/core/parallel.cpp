#include "core/parallel.hpp"

#include <algorithm>

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

int default_thread_count() noexcept { return std::clamp(omp_get_max_threads(), 1, most_threads); }

namespace {

// A child process has none of its parent's threads, but GNU's OpenMP runtime believes that it has, and waits for them
// for ever. What it remembers, it remembers for each thread that has had a team, whoever asked for it. So in a child a
// new thread does what the caller would have done: it has no past.
#if defined(CONVGRAD_HAS_FORK)
bool in_child = false;
[[maybe_unused]] const int watches_for_fork = pthread_atfork(nullptr, nullptr, [] { in_child = true; });
#endif

struct Team {
  int workers;
  void (*body)(void* context, int worker);
  void* context;

  // The runtime may grant fewer threads than asked for (nested calls, limits): each then serves several workers in
  // turn.
  void run() const noexcept {
#pragma omp parallel num_threads(workers)
    {
      const int granted = omp_get_num_threads();
      for (int worker = omp_get_thread_num(); worker < workers; worker += granted) body(context, worker);
    }
  }
};

void run_own_workers(int workers, void (*body)(void* context, int worker), void* context) noexcept {
  Team team{workers, body, context};
#if defined(CONVGRAD_HAS_FORK)
  if (in_child) {
    pthread_t thread;
    const auto run_team = [](void* erased) -> void* {
      static_cast<Team*>(erased)->run();
      return nullptr;
    };
    if (pthread_create(&thread, nullptr, run_team, &team) == 0) {
      pthread_join(thread, nullptr);
    } else {
      for (int worker = 0; worker < workers; ++worker) body(context, worker);
    }
    return;
  }
#endif
  team.run();
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

#include "core/parallel.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace convgrad {

#if defined(_OPENMP)

int default_thread_count() noexcept { return omp_get_max_threads() < 1 ? 1 : omp_get_max_threads(); }

// The runtime may grant fewer threads than asked for (nested calls, limits): each then serves several workers in turn.
void run_workers(int workers, void (*body)(void* context, int worker), void* context) noexcept {
#pragma omp parallel num_threads(workers)
  {
    const int granted = omp_get_num_threads();
    for (int worker = omp_get_thread_num(); worker < workers; worker += granted) body(context, worker);
  }
}

#else

int default_thread_count() noexcept { return 1; }

void run_workers(int workers, void (*body)(void* context, int worker), void* context) noexcept {
  for (int worker = 0; worker < workers; ++worker) body(context, worker);
}

#endif

}  // namespace convgrad

// The machine's own limit, measured: what benchmarks divide by.
#include <chrono>

#include "core/parallel.hpp"
#include "plan/isa.hpp"

namespace convgrad {

namespace {

template <class T>
struct MultiplyAdds {
  const kernels::KernelSet<T>& kernels;
  double operations;  // of one worker

  static void run(void* context, int worker) noexcept {
    constexpr std::int64_t repeats = 200000;  // some tens of microseconds to a millisecond: shorter than a time slice
    auto& self = *static_cast<MultiplyAdds*>(context);
    const double operations = self.kernels.multiply_add(repeats);
    if (worker == 0) self.operations = operations;
  }
};

// From when all may begin to when the last is done: threads that have to share a core are not counted twice.
template <class T>
double best_rate(const kernels::KernelSet<T>& kernels, int threads) noexcept {
  using Clock = std::chrono::steady_clock;
  constexpr int rounds = 50;
  MultiplyAdds<T> work{kernels, 0};
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    run_workers(threads, MultiplyAdds<T>::run, &work);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const double rate = threads * work.operations / seconds;
    if (rate > best) best = rate;
  }
  return best;
}

}  // namespace

Status measure_peak_flops(DataType data_type, int threads, double& flops) noexcept {
  if (Status status = check_threads(threads); !status.ok()) return status;
  const kernels::IsaTable* table = nullptr;
  if (Status status = active_isa_table(table); !status.ok()) return status;
  flops = data_type == DataType::float32 ? best_rate(table->float32, threads) : best_rate(table->float64, threads);
  return {};
}

const char* version() noexcept { return CONVGRAD_VERSION_STRING; }

// One more whenever tests/bits is written anew because a result has changed.
int bits_version() noexcept { return 2; }

}  // namespace convgrad

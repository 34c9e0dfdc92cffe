// The machine's own limit, measured: what benchmarks divide by.
#include <chrono>

#include "plan/isa.hpp"

namespace convgrad {

namespace {

template <class T>
double best_rate(const kernels::KernelSet<T>& kernels) noexcept {
  using Clock = std::chrono::steady_clock;
  constexpr std::int64_t repeats = 200000;  // some tens of microseconds to a millisecond: shorter than a time slice
  constexpr int rounds = 50;
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    const double operations = kernels.multiply_add(repeats);
    const double rate = operations / std::chrono::duration<double>(Clock::now() - start).count();
    if (rate > best) best = rate;
  }
  return best;
}

}  // namespace

double measure_peak_flops(DataType data_type) noexcept {
  const kernels::IsaTable* table = nullptr;
  if (!active_isa_table(table).ok()) return 0;
  return data_type == DataType::float32 ? best_rate(table->float32) : best_rate(table->float64);
}

const char* version() noexcept { return CONVGRAD_VERSION_STRING; }

}  // namespace convgrad

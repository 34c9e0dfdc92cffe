// The process-wide default for the number of threads of a plan.
#include <atomic>

#include "convgrad/convgrad.hpp"
#include "core/parallel.hpp"

namespace convgrad {

namespace {
std::atomic<int> chosen{0};  // 0: nobody has chosen yet
}

Status set_num_threads(int threads) noexcept {
  if (Status status = check_threads(threads); !status.ok()) return status;
  chosen.store(threads, std::memory_order_relaxed);
  return {};
}

int get_num_threads() noexcept {
  const int threads = chosen.load(std::memory_order_relaxed);
  return threads > 0 ? threads : default_thread_count();
}

}  // namespace convgrad

// What measurements of the machine's limits have in common.
#pragma once

#include "convgrad/convgrad.hpp"

namespace convgrad {

inline constexpr int most_measuring_threads = 1024;

inline Status check_measuring_threads(int threads) noexcept {
  if (threads >= 1 && threads <= most_measuring_threads) return {};
  return Status::invalid("threads: expected 1 to %d, got %d", most_measuring_threads, threads);
}

}  // namespace convgrad

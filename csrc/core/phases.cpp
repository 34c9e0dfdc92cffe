#include "core/phases.hpp"

#include <chrono>

#include "convgrad/convgrad.hpp"

namespace convgrad {

namespace {

using Clock = std::chrono::steady_clock;

thread_local PhaseSeconds* record = nullptr;
thread_local Phase current = Phase::outside;
thread_local Clock::time_point since;

// The time since the last change belongs to the phase that ends here.
void change_to(Phase phase) noexcept {
  const Clock::time_point now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - since).count();
  switch (current) {
    case Phase::packing_weights: record->packing_weights += seconds; break;
    case Phase::packing_input: record->packing_input += seconds; break;
    case Phase::multiplying: record->multiplying += seconds; break;
    case Phase::storing: record->storing += seconds; break;
    case Phase::adding_sums: record->adding_sums += seconds; break;
    case Phase::other: record->other += seconds; break;
    case Phase::outside:
    case Phase::unrecorded: break;
  }
  current = phase;
  since = now;
}

}  // namespace

Phase PhaseTimer::begin(Phase phase) noexcept {
  if (record == nullptr) return Phase::unrecorded;
  const Phase enclosing = current;
  change(phase);
  return enclosing;
}

// The recording may have ended within the scope: a caller's parallel loop can do anything.
void PhaseTimer::change(Phase phase) noexcept {
  if (record == nullptr)
    current = Phase::outside;
  else if (phase != current)
    change_to(phase);
}

PhaseSeconds* record_phases(PhaseSeconds* seconds) noexcept {
  PhaseSeconds* const before = record;
  if (before != nullptr) change_to(current);  // what has been until now is still the one before's
  recording_threads.fetch_add((seconds != nullptr ? 1 : 0) - (before != nullptr ? 1 : 0), std::memory_order_relaxed);
  record = seconds;
  since = Clock::now();
  return before;
}

}  // namespace convgrad

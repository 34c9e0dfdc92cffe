// Where the time of a run goes: scopes in the algorithms say what this thread is at, and a thread that records
// (`record_phases`) adds up the time between their ends. What nobody asks for must cost nothing: as long as no thread
// records, a scope is one load and one branch.
#pragma once

#include <atomic>

namespace convgrad {

// The members of PhaseSeconds, what no scope encloses, and what encloses a scope that nobody records.
enum class Phase : int {
  packing_weights,
  packing_input,
  multiplying,
  storing,
  adding_sums,
  other,
  outside,
  unrecorded
};

// How many threads record; a thread looks at its own record only if there are any.
inline std::atomic<int> recording_threads{0};

// While it lives, this thread's time belongs to its phase, except for that of the scopes within it. For blocks of work,
// of a microsecond or more: a scope that records reads the clock twice. Nothing takes its address, so that it stays in
// a register.
class PhaseTimer {
 public:
  explicit PhaseTimer(Phase phase) noexcept
      : enclosing_(recording_threads.load(std::memory_order_relaxed) == 0 ? Phase::unrecorded : begin(phase)) {}
  ~PhaseTimer() { next(enclosing_); }
  // What follows belongs to another phase. Cheaper than a scope of its own: one look at the clock for both.
  void next(Phase phase) noexcept {
    if (enclosing_ != Phase::unrecorded) change(phase);
  }
  PhaseTimer(const PhaseTimer&) = delete;
  PhaseTimer& operator=(const PhaseTimer&) = delete;

 private:
  // Returns the phase that encloses the new one.
  [[gnu::cold]] static Phase begin(Phase phase) noexcept;
  [[gnu::cold]] static void change(Phase phase) noexcept;

  const Phase enclosing_;
};

}  // namespace convgrad

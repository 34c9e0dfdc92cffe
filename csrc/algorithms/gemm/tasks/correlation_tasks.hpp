// How a correlation is cut into tasks: (group, block of pixels, range of output channels). Sums do not depend on these
// cuts, so they follow the number of threads.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/read/blocking.hpp"

namespace convgrad::gemm {

struct CorrelationTask {
  Index group;
  PixelBlock pixels;
  Index first_channel;  // output channels, within the group
  Index channels;
};

// What a task takes, in multiplications: those that it does, lanes without a result counted, and what else takes time.
struct TaskCost {
  Index pixel_unit = 1;  // the numbers of pixels and of channels are rounded up to multiples of these
  Index channel_unit = 1;
  double pixel_and_tap = 0;  // for each pair of them, whatever the number of channels
  double strip_element = 0;
  double weight = 0;  // for each, whatever the number of pixels
};

struct TaskLimits {
  BlockingLimits blocking;
  Index fewest_pixels;    // of a block, about
  Index fewest_channels;  // cut output channels into ranges of a multiple of `channel_step`, and at least so many
  Index channel_step;
  Index results;     // of a task that are kept at once, about
  bool always_kept;  // or only where there are several tap blocks
};

class CorrelationTasks {
 public:
  CorrelationTasks() = default;
  // One worker gets blocks as large as the limits allow. For several it is the cut after which all are done soonest.
  CorrelationTasks(const Tuning& tuning, const Geometry& geometry, const TaskLimits& limits, const TaskCost& cost,
                   Index workers) noexcept;

  [[nodiscard]] const Blocking& blocking() const noexcept { return blocking_; }
  [[nodiscard]] Index channels_per_task() const noexcept { return channels_per_task_; }
  // Of the layer, or blocks of so many as a vector has lanes.
  [[nodiscard]] Index groups() const noexcept { return groups_; }
  [[nodiscard]] Index count() const noexcept { return groups_ * blocking_.pixel_blocks() * channel_ranges(); }
  [[nodiscard]] CorrelationTask task(Index index) const noexcept;
  // The same for all tasks of a block of pixels and a group, which follow one another.
  [[nodiscard]] Index block_of(Index index) const noexcept { return index / channel_ranges(); }
  void describe(Text& text) const noexcept;
  // What the largest task takes, in multiplications.
  [[nodiscard]] double largest_cost() const noexcept;
  // When so many workers are done with the multiplications alone.
  [[nodiscard]] double multiplying_time(const Tuning& tuning, Index workers) const noexcept;
  // That the kernels do for a task, lanes without a result counted.
  [[nodiscard]] double multiplications(const CorrelationTask& task) const noexcept;

 private:
  [[nodiscard]] Index channel_ranges() const noexcept { return divide_up(out_channels_, channels_per_task_); }
  void offer_ranges(const TaskLimits& limits, Index enough, SoonestCut<CorrelationTasks>& search) noexcept;

  Blocking blocking_;
  TaskCost cost_;
  Index groups_ = 1;
  Index out_channels_ = 0;
  Index taps_ = 0;
  Index channels_per_task_ = 1;
};

}  // namespace convgrad::gemm

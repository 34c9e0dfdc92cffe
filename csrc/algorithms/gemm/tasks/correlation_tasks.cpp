#include "algorithms/gemm/tasks/correlation_tasks.hpp"

#include "algorithms/common/sharing.hpp"

namespace convgrad::gemm {

CorrelationTasks::CorrelationTasks(const Tuning& tuning, const Geometry& geometry, const TaskLimits& limits,
                                   const TaskCost& cost, Index workers) noexcept
    : blocking_(geometry, limits.blocking),
      cost_(cost),
      groups_(geometry.groups),
      out_channels_(geometry.out_channels),
      taps_(geometry.in_channels * geometry.taps_per_channel()) {
  SoonestCut<CorrelationTasks> search(tuning, workers);
  CorrelationTasks attempt = *this;
  const Index enough = workers <= 1 ? 1 : tuning.most_rounds * workers;
  attempt.offer_ranges(limits, enough, search);
  // Blocks half as large and so on, and as many as give every worker the same number.
  const Index all_pixels = geometry.batch * geometry.output_pixels() * geometry.groups;
  Index blocks = search.best().blocking_.pixel_blocks();
  const auto offer_blocks = [&](Index pixels) {
    if (pixels < limits.fewest_pixels || pixels >= limits.blocking.pixels) return;
    BlockingLimits smaller_blocks = limits.blocking;
    smaller_blocks.pixels = pixels;
    attempt.blocking_ = Blocking(geometry, smaller_blocks);
    if (attempt.blocking_.pixel_blocks() == blocks) return;
    blocks = attempt.blocking_.pixel_blocks();
    attempt.offer_ranges(limits, enough, search);
  };
  if (workers > 1) {
    for (Index pixels = limits.blocking.pixels / 2; pixels >= limits.fewest_pixels; pixels /= 2) offer_blocks(pixels);
    for (Index rounds = 1; rounds <= tuning.most_rounds; ++rounds) {
      const Index pixels = divide_up(all_pixels, rounds * workers);
      offer_blocks(pixels);
      offer_blocks(round_up(pixels, larger(1, geometry.output[2])));  // blocks are of whole rows
    }
  }
  *this = search.best();
}

// All numbers of channel ranges for these blocks, until there are enough tasks.
void CorrelationTasks::offer_ranges(const TaskLimits& limits, Index enough,
                                    SoonestCut<CorrelationTasks>& search) noexcept {
  const Index step = limits.channel_step;
  const Index channels = larger(1, out_channels_);
  Index most = channels;
  if (limits.always_kept || blocking_.tap_blocks() > 1)
    most = smaller(most, limits.results / round_up(blocking_.most_pixels(), cost_.pixel_unit) / step * step);
  Index before = 0;
  for (Index ranges = divide_up(channels, larger(step, most));; ++ranges) {
    channels_per_task_ = round_up(divide_up(channels, ranges), step);
    if (ranges > 1 && channels_per_task_ == before) {
      if (before == step) return;
      continue;
    }
    before = channels_per_task_;
    search.offer(*this);
    if (count() >= enough || channels_per_task_ <= larger(step, limits.fewest_channels)) return;
  }
}

double CorrelationTasks::largest_cost() const noexcept {
  const auto pixels = static_cast<double>(round_up(blocking_.most_pixels(), cost_.pixel_unit));
  const auto channels =
      static_cast<double>(round_up(smaller(channels_per_task_, larger(1, out_channels_)), cost_.channel_unit));
  const auto taps = static_cast<double>(taps_);
  const auto strips = static_cast<double>(blocking_.strip_elements()) * static_cast<double>(blocking_.tap_blocks());
  return (pixels * (channels + cost_.pixel_and_tap) + channels * cost_.weight) * taps + strips * cost_.strip_element;
}

CorrelationTask CorrelationTasks::task(Index index) const noexcept {
  CorrelationTask task;
  task.first_channel = index % channel_ranges() * channels_per_task_;
  task.channels = smaller(channels_per_task_, out_channels_ - task.first_channel);
  index /= channel_ranges();
  task.pixels = blocking_.pixel_block(index % blocking_.pixel_blocks());
  task.group = index / blocking_.pixel_blocks();
  return task;
}

void CorrelationTasks::describe(Text& text) const noexcept {
  blocking_.describe(text);
  text.line("tasks", "%lld, of %lld output channels each", static_cast<long long>(count()),
            static_cast<long long>(smaller(channels_per_task_, out_channels_)));
}

double CorrelationTasks::multiplications(const CorrelationTask& task) const noexcept {
  return static_cast<double>(round_up(task.pixels.count(), cost_.pixel_unit)) *
         static_cast<double>(round_up(task.channels, cost_.channel_unit)) * static_cast<double>(taps_);
}

double CorrelationTasks::multiplying_time(const Tuning& tuning, Index workers) const noexcept {
  return finishing_time(tuning, count(), multiplications(task(0)), workers);
}

}  // namespace convgrad::gemm

#include "algorithms/gemm/grad_kernel/grad_kernel_tasks.hpp"

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/sharing.hpp"

namespace convgrad::gemm {

GradKernelTasks::GradKernelTasks(const Geometry& geometry, const BlockingLimits& limits, Index channels_per_item,
                                 const ItemCost& cost) noexcept
    : geometry_(geometry),
      limits_(limits),
      cost_(cost),
      blocking_(geometry, limits),
      channels_per_item_(channels_per_item) {}

void GradKernelTasks::share(const Tuning& tuning, Index workers, Index channel_step) noexcept {
  if (workers <= 1) return;
  SoonestCut<GradKernelTasks> search(tuning, workers);
  search.offer(*this);
  const Index enough = tuning.most_rounds * workers;
  const Index channel_steps = divide_up(channels_per_item_, channel_step);
  const Index taps = geometry_.in_channels * geometry_.taps_per_channel();
  Index tap_blocks = 0;
  for (Index tap_ranges = divide_up(taps, blocking_.most_taps()); tap_ranges <= taps;
       tap_ranges = next_ranges(tap_ranges)) {
    GradKernelTasks attempt = *this;
    attempt.limits_.taps = smaller(limits_.taps, divide_up(taps, tap_ranges));
    attempt.blocking_ = Blocking(geometry_, attempt.limits_);
    if (attempt.blocking_.tap_blocks() == tap_blocks) continue;
    tap_blocks = attempt.blocking_.tap_blocks();
    for (Index ranges = 1; ranges <= channel_steps; ranges = next_ranges(ranges)) {
      attempt.channels_per_item_ = smaller(channels_per_item_, divide_up(channel_steps, ranges) * channel_step);
      search.offer(attempt);
      if (attempt.count() >= enough) break;
    }
    attempt.channels_per_item_ = channels_per_item_;
    if (attempt.count() >= enough) break;
  }
  *this = search.best();
}

double GradKernelTasks::largest_cost() const noexcept {
  const Index blocks = divide_up(blocking_.pixel_blocks(), parts_);
  const auto pixels =
      static_cast<double>(blocking_.most_rows() * round_up(blocking_.most_columns(), cost_.column_unit));
  const auto channels = static_cast<double>(round_up(channels_per_item_, cost_.channel_unit));
  const auto taps = static_cast<double>(blocking_.most_taps());
  const auto strip = static_cast<double>(blocking_.strip_elements());
  return static_cast<double>(blocks) * (pixels * channels * (taps + cost_.grad_output) + strip * cost_.strip_element);
}

Index GradKernelTasks::items() const noexcept {
  if (geometry_.in_channels == 0 || geometry_.out_channels == 0) return 0;
  return geometry_.groups * channel_ranges() * blocking_.tap_blocks();
}

void GradKernelTasks::describe(Text& text) const noexcept {
  blocking_.describe(text);
  text.line("tasks", "%lld items of %lld output channels, sums in %lld parts, %lld blocks together",
            static_cast<long long>(items()), static_cast<long long>(channels_per_item_), static_cast<long long>(parts_),
            static_cast<long long>(joined_));
}

GradKernelItem GradKernelTasks::item(Index index) const noexcept {
  GradKernelItem item;
  item.taps = blocking_.tap_block(index % blocking_.tap_blocks());
  index /= blocking_.tap_blocks();
  item.first_channel = index % channel_ranges() * channels_per_item_;
  item.channels = smaller(channels_per_item_, geometry_.out_channels - item.first_channel);
  item.group = index / channel_ranges();
  return item;
}

PixelPart GradKernelTasks::part(Index index) const noexcept {
  const Index blocks = blocking_.pixel_blocks();
  return {blocks * index / parts_, blocks * (index + 1) / parts_};
}

void GradKernelTasks::join_blocks(Index most_pixels, Index most_strip_elements) noexcept {
  const Index most =
      smaller(divide_up(blocking_.pixel_blocks(), parts_), most_pixels / larger(1, blocking_.most_pixels()));
  joined_ = 1;
  while (joined_ < most) {
    ++joined_;
    if (strip_room_in_any_order() <= most_strip_elements) continue;
    --joined_;
    return;
  }
}

PixelBlock GradKernelTasks::joined_block(Index first, Index end, Index& next) const noexcept {
  PixelBlock block = blocking_.pixel_block(first);
  const int axis = joined_axis();
  for (next = first + 1; next < end && next < first + joined_; ++next) {
    const PixelBlock follower = blocking_.pixel_block(next);
    if (axis == of_images) {
      block.images += follower.images;
      continue;
    }
    bool joins = follower.first_image == block.first_image;
    for (int a = 0; a < axes; ++a)
      joins = joins && (a == axis ? follower.first[a] == block.first[a] + block.size[a]
                                  : follower.first[a] == block.first[a] && follower.size[a] == block.size[a]);
    if (!joins) break;
    block.size[axis] += follower.size[axis];
  }
  return block;
}

// The innermost one along which there are several blocks, or that of images.
int GradKernelTasks::joined_axis() const noexcept {
  int axis = axes - 1;
  while (axis > of_images && blocking_.most_size(axis) == geometry_.output[axis]) --axis;
  return axis;
}

Index GradKernelTasks::most_pixels() const noexcept { return joined_ * blocking_.most_pixels(); }

Index GradKernelTasks::strip_room_in_any_order() const noexcept {
  return blocking_.strip_room_in_any_order(joined_axis(), joined_);
}

double GradKernelTasks::multiplications(const GradKernelItem& item, const PixelPart& part) const noexcept {
  Index pixels = 0;
  for (Index b = part.first_block; b < part.end_block; ++b) {
    const PixelBlock block = blocking_.pixel_block(b);
    pixels += block.images * block.size[0] * block.size[1] * round_up(block.size[2], cost_.column_unit);
  }
  return static_cast<double>(pixels) * static_cast<double>(round_up(item.channels, cost_.channel_unit)) *
         static_cast<double>(item.taps.count());
}

}  // namespace convgrad::gemm

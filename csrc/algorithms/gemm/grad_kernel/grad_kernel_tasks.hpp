// How grad_kernel is cut into tasks: items (group, range of output channels, block of taps), and each item's sum over
// the pixels into parts. Items own their results, so their size is free and follows the number of threads. Parts are
// added up, so they follow from the shape alone, and so does the order of the pixels: the number of channels and taps
// in a block does not show in it.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/read/blocking.hpp"

namespace convgrad::gemm {

struct GradKernelItem {
  Index group;
  Index first_channel;  // output channels, within the group
  Index channels;
  TapBlock taps;
};

// A run of pixel blocks.
struct PixelPart {
  Index first_block;
  Index end_block;
};

// What an item takes, in multiplications: those that it does, lanes without a result counted, and what else takes time.
struct ItemCost {
  Index column_unit = 1;  // numbers of columns and of channels are rounded up to multiples of these
  Index channel_unit = 1;
  double strip_element = 0;
  double grad_output = 0;  // for each of G's elements, whatever the number of taps
};

class GradKernelTasks {
 public:
  GradKernelTasks() = default;
  // Items of at most so many channels and taps (`limits`).
  GradKernelTasks(const Geometry& geometry, const BlockingLimits& limits, Index channels_per_item,
                  const ItemCost& cost) noexcept;
  // At most so many, and of the same number of pixel blocks as nearly as can be.
  void set_parts(Index most) noexcept {
    const Index blocks = larger(1, blocking_.pixel_blocks());
    parts_ = divide_up(blocks, divide_up(blocks, larger(1, most)));
  }
  // Makes items smaller, of a multiple of `channel_step` channels and of some input channels' taps, where that lets
  // `workers` be done sooner.
  void share(const Tuning& tuning, Index workers, Index channel_step) noexcept;

  // Lets blocks that follow one another in a part be taken together, up to about so many pixels and strip elements. The
  // order of the sum stays.
  void join_blocks(Index most_pixels, Index most_strip_elements) noexcept;
  // Those from `first` on that are taken together; `next` is the one after them.
  [[nodiscard]] PixelBlock joined_block(Index first, Index end, Index& next) const noexcept;
  // The largest.
  [[nodiscard]] Index most_pixels() const noexcept;
  [[nodiscard]] Index strip_room_in_any_order() const noexcept;

  [[nodiscard]] const Blocking& blocking() const noexcept { return blocking_; }
  [[nodiscard]] Index channels_per_item() const noexcept { return channels_per_item_; }
  // Of the layer, or blocks of so many as a vector has lanes.
  [[nodiscard]] Index groups() const noexcept { return geometry_.groups; }
  [[nodiscard]] Index items() const noexcept;
  [[nodiscard]] Index parts() const noexcept { return parts_; }
  [[nodiscard]] Index count() const noexcept { return items() * parts_; }
  [[nodiscard]] GradKernelItem item(Index index) const noexcept;
  [[nodiscard]] PixelPart part(Index index) const noexcept;
  void describe(Text& text) const noexcept;
  // Of the whole dK, that the kernels do for one item and part, lanes without a result counted.
  [[nodiscard]] double multiplications(const GradKernelItem& item, const PixelPart& part) const noexcept;

  // What the largest task takes, in multiplications.
  [[nodiscard]] double largest_cost() const noexcept;

 private:
  [[nodiscard]] Index channel_ranges() const noexcept { return divide_up(geometry_.out_channels, channels_per_item_); }
  [[nodiscard]] int joined_axis() const noexcept;

  Geometry geometry_;
  BlockingLimits limits_{};
  ItemCost cost_;
  Blocking blocking_;
  Index channels_per_item_ = 1;
  Index parts_ = 1;
  Index joined_ = 1;  // at most so many
};

}  // namespace convgrad::gemm

// Panels: matrices of (row, lane) values packed so that a micro-kernel reads one vector after another. A panel is
// `width` lanes wide (one to three vectors); lanes beyond the last channel hold zeros.
#pragma once

#include "algorithms/tuning.hpp"
#include "core/index.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// The lanes of a panel: `count` channels from `first` on, and zeros up to `width`.
struct PanelLanes {
  Index first;
  Index count;
  Index width;
};

// `channels` lanes cut into panels of the full width, the last one narrower where that suffices. Where that would leave
// a panel of one vector, which loads more for each multiplication, panels have three vectors if these leave none.
class PanelSplit {
 public:
  PanelSplit() = default;
  template <class T>
  PanelSplit(const kernels::KernelSet<T>& kernels, Index channels) noexcept
      : channels_(channels), lanes_(kernels.lanes), full_width_(kernels.lanes * kernels.tile_vectors) {
    const Index vectors = divide_up(channels, lanes_);
    if (kernels.wide_tile_rows > 0 && vectors % 2 == 1 && vectors % 3 != 1 &&
        tuning_of(kernels).split_into_wide_panels > 0)
      full_width_ = 3 * lanes_;
  }

  // All panels of so many vectors.
  template <class T>
  static PanelSplit of_vectors(const kernels::KernelSet<T>& kernels, Index vectors, Index channels) noexcept {
    PanelSplit split;
    split.channels_ = channels;
    split.lanes_ = kernels.lanes;
    split.full_width_ = kernels.lanes * vectors;
    return split;
  }

  // The full width, however many channels there are.
  template <class T>
  static Index widest(const kernels::KernelSet<T>& kernels) noexcept {
    return kernels.lanes * (kernels.wide_tile_rows > 0 ? 3 : kernels.tile_vectors);
  }

  [[nodiscard]] Index count() const noexcept { return divide_up(channels_, full_width_); }
  [[nodiscard]] Index first_lane(Index panel) const noexcept { return panel * full_width_; }
  [[nodiscard]] Index used_lanes(Index panel) const noexcept {
    return smaller(full_width_, channels_ - first_lane(panel));
  }
  [[nodiscard]] Index width(Index panel) const noexcept { return round_up(used_lanes(panel), lanes_); }
  [[nodiscard]] PanelLanes lanes(Index panel) const noexcept {
    return {first_lane(panel), used_lanes(panel), width(panel)};
  }
  [[nodiscard]] Index vectors(Index panel) const noexcept { return width(panel) / lanes_; }
  // What they take, as if a panel of one vector had a little more.
  template <class T>
  [[nodiscard]] double cost_in_vectors(const kernels::KernelSet<T>& kernels) const noexcept {
    const Index last = count() - 1;
    if (last < 0) return 0;
    const double one = tuning_of(kernels).split_cost_of_narrow_panel;
    return static_cast<double>(last * full_width_ / lanes_) +
           (vectors(last) == 1 ? one : static_cast<double>(vectors(last)));
  }
  [[nodiscard]] Index full_width() const noexcept { return full_width_; }
  [[nodiscard]] Index padded_channels() const noexcept { return round_up(channels_, lanes_); }

 private:
  Index channels_ = 0;
  Index lanes_ = 1;
  Index full_width_ = 1;
};

}  // namespace convgrad::gemm

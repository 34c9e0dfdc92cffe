// Bands of pixel rows that meet the border alike. A tap that lies on the border for a whole row of pixels contributes
// zeros to all of its sums, and is left out: on a map of 14x14 pixels and a 3x3 kernel that is one product in twenty,
// on 7x7 one in ten.
//
// It does not show in the bits: adding a product with zero changes no sum that is not -0, and no sum starts from -0.
// Only an infinite or nan weight would show, so it is up to the caller to leave out nothing where there is one.
#pragma once

#include "algorithms/gemm/blocking.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// The planes and rows of the kernel that do not lie on the border all along: from `first` to `last` - 1. Where planes
// are left out, no rows are, so that the taps of a channel, or of a plane, are one piece.
struct KernelPart {
  Index first[2];
  Index last[2];

  friend bool operator==(const KernelPart& a, const KernelPart& b) noexcept {
    return a.first[0] == b.first[0] && a.last[0] == b.last[0] && a.first[1] == b.first[1] && a.last[1] == b.last[1];
  }
};

// Pixels of a block, in their order, that share a part.
struct BorderBand {
  Index first_pixel;
  Index pixels;
  Index part;
};

class BorderParts {
 public:
  BorderParts() = default;
  // Finds all parts there are, or just the whole kernel where little would be left out.
  explicit BorderParts(const Geometry& geometry) noexcept;

  [[nodiscard]] Index count() const noexcept { return count_; }
  // The share of all products that are left out.
  [[nodiscard]] double left_out() const noexcept { return left_out_; }
  [[nodiscard]] Index most_bands(const Blocking& blocking) const noexcept {
    return count_ == 1 ? 1 : blocking.most_rows();
  }
  [[nodiscard]] Index bands(const PixelBlock& pixels, BorderBand* bands) const noexcept;

  // Of all taps of whole channels, those of a part.
  [[nodiscard]] Index taps_of(Index part) const noexcept;
  void select(Index part, const Index* taps, Index channels, Index* selected) const noexcept;
  // How a kernel walks them in a panel of all taps of `channels` channels; `start` is where it begins.
  [[nodiscard]] kernels::Reduction reduction(Index part, const Index* selected, Index channels, Index width,
                                             Index& start) const noexcept;

 private:
  static constexpr Index most_parts = 8;

  [[nodiscard]] KernelPart find_part(Index plane, Index row) const noexcept;

  Geometry geometry_;
  KernelPart parts_[most_parts] = {};
  Index count_ = 1;
  double left_out_ = 0;
};

}  // namespace convgrad::gemm

// Pixels that meet the border alike. A tap that lies on the border contributes a product with zero, and is left out: on
// a map of 14x14 pixels and a 3x3 kernel that is one product in eleven, on 7x7 one in six.
//
// It does not show in the bits: adding a product with zero changes no sum that is not -0, and no sum starts from -0;
// one becomes -0 only where a product is too small for its type. Only an infinite or nan weight would show, so it is up
// to the caller to leave out nothing where there is one.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/gemm/border/box_walk.hpp"
#include "algorithms/read/blocking.hpp"
#include "algorithms/tuning.hpp"

namespace convgrad::gemm {

// Pixels of a block that share a part of the kernel: those at `first` and after in the order that `arrange` makes.
struct BorderGroup {
  Index first;
  Index pixels;
  Index part;
};

// Along each axis the planes, rows or columns of the kernel that count for a pixel are one of a few ranges, of which
// number 0 is all of them. A part is a range for every axis, and its number has theirs as digits. Part 0 is the whole
// kernel.
class BorderParts {
 public:
  // Structural: room for them. A kernel of seven taps along two axes has seven times seven.
  static constexpr Index most_parts = 64;

  BorderParts() = default;
  // Finds all parts there are, or just the whole kernel where little would be left out.
  BorderParts(const Geometry& geometry, const Tuning& tuning) noexcept;

  [[nodiscard]] Index count() const noexcept { return count_[0] * count_[1] * count_[2]; }
  // The share of all products that are left out.
  [[nodiscard]] double left_out() const noexcept { return left_out_; }
  // Arranges the pixels of a block by part, and by place within: order[i] is the place of pixel i. Returns the number
  // of groups, of which each is one part's.
  Index arrange(const PixelBlock& pixels, Index* order, BorderGroup (&groups)[most_parts]) const noexcept;

  // The taps of a part: how many each channel has, and how a kernel walks them in a panel of all taps of `channels`
  // channels.
  [[nodiscard]] Index taps_of(Index part) const noexcept;
  [[nodiscard]] BoxWalk walk(Index part, const Index* tap_offsets, Index channels) const noexcept;

 private:
  void find_ranges(int axis) noexcept;
  void decide_corners(const Tuning& tuning) noexcept;
  void count_left_out() noexcept;
  [[nodiscard]] Index range_of(int axis, Index position) const noexcept;
  [[nodiscard]] Range range(Index part, int axis) const noexcept;
  [[nodiscard]] Index part(Index plane, Index row, Index column) const noexcept;

  Geometry geometry_;
  Range range_[axes][most_parts] = {};
  Index count_[axes] = {1, 1, 1};  // of ranges
  bool corners_ = false;           // have parts of their own, cut along two axes
  double left_out_ = 0;
};

}  // namespace convgrad::gemm

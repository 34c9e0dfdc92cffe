// Pixels that meet the border alike. A tap that lies on the border contributes a product with zero, and is left out: on
// a map of 14x14 pixels and a 3x3 kernel that is one product in eleven, on 7x7 one in six.
//
// It does not show in the bits: adding a product with zero changes no sum that is not -0, and no sum starts from -0.
// Only an infinite or nan weight would show, so it is up to the caller to leave out nothing where there is one.
#pragma once

#include "algorithms/gemm/blocking.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// The planes, rows and columns of the kernel that count: from `first` to `last` - 1. At most one axis is cut, so that a
// kernel walks even pieces; at an edge and in a corner that is the outermost axis.
struct KernelPart {
  Index first[axes];
  Index last[axes];

  friend bool operator==(const KernelPart& a, const KernelPart& b) noexcept {
    for (int axis = 0; axis < axes; ++axis)
      if (a.first[axis] != b.first[axis] || a.last[axis] != b.last[axis]) return false;
    return true;
  }
};

// Pixels of a block that share a part: those at `first` and after in the order that `arrange` makes.
struct BorderGroup {
  Index first;
  Index pixels;
  Index part;
};

class BorderParts {
 public:
  // Each side of a kernel of seven taps along two axes has three.
  static constexpr Index most_parts = 13;

  BorderParts() = default;
  // Finds all parts there are, or just the whole kernel where little would be left out.
  explicit BorderParts(const Geometry& geometry) noexcept;

  [[nodiscard]] Index count() const noexcept { return count_; }
  // The share of all products that are left out.
  [[nodiscard]] double left_out() const noexcept { return left_out_; }
  // Arranges the pixels of a block by part, and by place within: order[i] is the place of pixel i. Returns the number
  // of groups, of which each is one part's.
  Index arrange(const PixelBlock& pixels, Index* order, BorderGroup (&groups)[most_parts]) const noexcept;

  // Of all taps of whole channels, those of a part.
  [[nodiscard]] Index taps_of(Index part) const noexcept;
  void select(Index part, const Index* taps, Index channels, Index* selected) const noexcept;
  // How a kernel walks them in a panel of all taps of `channels` channels; `start` is where it begins.
  [[nodiscard]] kernels::Reduction reduction(Index part, const Index* selected, Index channels, Index width,
                                             Index& start) const noexcept;

 private:
  [[nodiscard]] bool add_parts(int axis) noexcept;
  [[nodiscard]] Index find_part(int axis, Index position) const noexcept;

  Geometry geometry_;
  KernelPart parts_[most_parts] = {};
  bool cut_[axes] = {};  // the axes along which there are parts
  Index count_ = 1;
  double left_out_ = 0;
};

}  // namespace convgrad::gemm

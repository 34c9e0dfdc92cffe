// Rows of the kernel that lie on the border above or below a row of pixels, and are left out. As in border_parts.hpp,
// that shows in no bit unless a weight is infinite or nan, and it is up to the caller to leave out nothing then.
#pragma once

#include "algorithms/gemm/border/box_walk.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

// Of the rows 0 .. count - 1 under a kernel, of which the first is at `origin` in the input, those that exist.
Range existing_rows(const Geometry& geometry, Index origin, Index count) noexcept;

// The share of the kernel's rows that lies on the border.
double share_of_border_rows(const Geometry& geometry) noexcept;

// Whether no weight of these output channels is infinite or nan.
template <class T>
bool all_finite(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index lanes, Index channels,
                const Index (&taps)[axes]) noexcept;

// Rows of pixels by the part of the kernel that exists under them: one of a few ranges, of which number 0 is all of it.
class BorderRows {
 public:
  static constexpr Index most_ranges = 16;

  BorderRows() = default;  // leaves out nothing
  // Just number 0 where there are too many.
  explicit BorderRows(const Geometry& geometry) noexcept;

  [[nodiscard]] Index count() const noexcept { return count_; }
  [[nodiscard]] Range range(Index number) const noexcept { return range_[number]; }
  // The number of a row's.
  [[nodiscard]] Index range_of(Index row) const noexcept;

 private:
  [[nodiscard]] Index find(Range range) const noexcept;

  Geometry geometry_;
  Range range_[most_ranges] = {};
  Index count_ = 1;
};

}  // namespace convgrad::gemm

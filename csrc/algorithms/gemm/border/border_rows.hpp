// Rows of the kernel that lie on the border above or below a row of pixels, and are left out. As in border_parts.hpp,
// that shows in no bit unless a weight is infinite or nan, and it is up to the caller to leave out nothing then.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "core/geometry.hpp"

namespace convgrad::gemm {

// Whether rows of pixels share rows of the input: what is under row r of the kernel for one row of pixels is under row
// r - 1 for the next.
inline bool rows_share(const Geometry& geometry) noexcept {
  return geometry.kernel[1] > 1 && geometry.output[1] > 1 && geometry.stride[1] == geometry.dilation[1];
}

// Of all pairs of a row of pixels and a row of the kernel, the share that lies on the border.
double share_of_border_rows(const Geometry& geometry) noexcept;

// Rows of pixels by the part of the kernel that exists under them: one of a few ranges, of which number 0 is all of it.
class BorderRows {
 public:
  static constexpr Index most_ranges = 16;  // Structural: room for them

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

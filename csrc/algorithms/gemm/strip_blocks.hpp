// How large the blocks of layers with few output channels are, which read vectors of pixels straight from a strip.
#pragma once

#include <algorithm>

#include "algorithms/gemm/blocking.hpp"

namespace convgrad::gemm {

inline constexpr Index strip_lanes_bytes = Index{512} << 10;

// A block is worth its set-up with about this much arithmetic, and with several times the rows that the next one copies
// again; within these sizes and while its strip is small.
inline Index pixels_of_strip(const Geometry& geometry, Index size) noexcept {
  constexpr double multiplications_per_block = 4e5;
  constexpr Index rows_per_row_copied_again = 4;
  constexpr Index small_strip_bytes = Index{400} << 10;
  constexpr Index fewest_pixels = 448;
  constexpr Index most_pixels = 4096;
  const double each = static_cast<double>(geometry.out_channels) *
                      static_cast<double>(geometry.in_channels * geometry.taps_per_channel());
  const Index copied_again = (geometry.kernel[1] - 1) * geometry.dilation[1];
  const double wanted =
      std::max(multiplications_per_block / (each < 1 ? 1 : each),
               static_cast<double>(rows_per_row_copied_again * copied_again) * static_cast<double>(geometry.output[2]));
  const Index strip = geometry.taps_per_channel() == 1 ? strip_lanes_bytes : small_strip_bytes;
  const Index most = smaller(most_pixels, strip / size / larger(1, geometry.in_channels));
  return larger(fewest_pixels, wanted > static_cast<double>(most) ? most : static_cast<Index>(wanted));
}

}  // namespace convgrad::gemm

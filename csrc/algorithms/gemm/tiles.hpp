// Covers the rows of a block with micro-kernel tiles of nearly equal height, so that no width leaves a thin last tile.
#pragma once

#include <cstdint>

#include "core/index.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// accumulators[row, :] (+)= sum over r of source[row_offsets[row] + reduction_offsets[r]] * panel[r, :]
// They start from `start` where it is given (one panel-wide row for all) and from what they hold otherwise.
template <class T>
inline void run_tiles(const kernels::KernelSet<T>& kernels, Index vectors, const T* source,
                      const std::int32_t* row_offsets, Index rows, const std::int32_t* reduction_offsets, Index length,
                      const T* panel, const T* start, T* accumulators) noexcept {
  const Index width = vectors * kernels.lanes;
  const Index tiles = divide_up(rows, kernels.tile_rows);
  for (Index i = 0; i < tiles; ++i) {
    const Index first = rows * i / tiles;
    const Index height = rows * (i + 1) / tiles - first;
    T* result = accumulators + first * width;
    kernels.tile[vectors - 1][height - 1](source, row_offsets + first, reduction_offsets, length, panel,
                                          start != nullptr ? start : result, start != nullptr ? 0 : width, result,
                                          width);
  }
}

}  // namespace convgrad::gemm

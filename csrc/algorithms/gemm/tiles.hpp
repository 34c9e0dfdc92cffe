// Covers the rows of a block with micro-kernel tiles of nearly equal height, so that no size leaves a thin last tile.
#pragma once

#include "core/index.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// Where the accumulators of a block start from and where they go: row i at start + i * start_stride and result + i *
// result_stride. With no start they go on from what the result holds.
template <class T>
struct Accumulators {
  const T* start;
  Index start_stride;
  T* result;
  Index result_stride;
};

// result[row, :] = start[row, :] + sum over r of source[row_offsets[row] + reduction.offset[r]] * panel[r, :]
template <class T>
inline void run_tiles(const kernels::KernelSet<T>& kernels, Index vectors, const T* source, const Index* row_offsets,
                      Index rows, const kernels::Reduction& reduction, const T* panel,
                      const Accumulators<T>& accumulators) noexcept {
  const Index tiles = divide_up(rows, kernels.tile_rows);
  for (Index i = 0; i < tiles; ++i) {
    const Index first = rows * i / tiles;
    const Index height = rows * (i + 1) / tiles - first;
    T* result = accumulators.result + first * accumulators.result_stride;
    const bool fresh = accumulators.start != nullptr;
    kernels.tile[vectors - 1][height - 1](source, row_offsets + first, reduction, panel,
                                          fresh ? accumulators.start + first * accumulators.start_stride : result,
                                          fresh ? accumulators.start_stride : accumulators.result_stride, result,
                                          accumulators.result_stride);
  }
}

}  // namespace convgrad::gemm

// The first tile of a panel packs the weights for the others, where rows of weights lie as a panel's rows do, only far
// apart: those of a 1x1 kernel in grad_input.
#pragma once

#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/panels/tiles.hpp"

namespace convgrad::gemm {

template <class T>
struct UnpackedRows {
  const T* weights;         // null where the panel is packed already
  const Index* row_offset;  // of the panel's rows
  T* panel;                 // where they go
  Index prefetched;         // elements from a row to the one that is prefetched meanwhile
};

// Does the first tile of `pixels`, a panel of `tile_vectors`, and takes its rows away from those that are left to do.
template <class T>
void run_packing_tile(const kernels::KernelSet<T>& kernels, const T* source, BlockRows& pixels,
                      const kernels::Reduction& taps, const UnpackedRows<T>& from, Accumulators<T>& accumulators,
                      Prefetch<T>& input, Prefetch<T>& results) noexcept {
  const Index rows = EvenTiles(pixels.count, kernels.tile_rows).rows(0);
  PrefetchList<2> lines;
  Index one = 1;
  const kernels::PrefetchLines prefetched = lines.fill(one, input, results);
  const kernels::TileSums<T> sums = accumulators.sums(0);
  const Index first[] = {0, from.prefetched};
  kernels.fill_sweep[rows - 1](
      source, pixels.offset, taps.offset, taps.length, {from.weights, from.row_offset, first, from.panel},
      {nullptr, 0, sums.initial, sums.initial_stride, 0, sums.result, sums.result_stride, 0, 1, prefetched});
  pixels.offset += rows;
  pixels.count -= rows;
  if (accumulators.start != nullptr) accumulators.start += rows * accumulators.start_stride;
  accumulators.result += rows * accumulators.result_stride;
}

}  // namespace convgrad::gemm

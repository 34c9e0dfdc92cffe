// Vectors of pixels as they lie in a strip, and where their results belong.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/read/strip.hpp"

namespace convgrad::gemm {

// Rows of pixels that lie evenly spaced in the results: `rows` x `columns` pixels from (image, plane, row, column) on.
struct Stretch {
  Index position;
  Index position_step;  // from one row to the next
  Index image, plane, row, column;
  Index rows, columns;
};

// Lays vectors over the pixels of a block, as they lie in the strip, after those that are there already. They begin
// where `row_offset(image, plane, row)` says, and only `belongs(row)` ones count.
template <class RowOffset, class Belongs>
void cover(const PixelBlock& block, const RowOffset& row_offset, const Belongs& belongs, Index lanes,
           Index* vector_offsets, Index& vectors, Stretch* stretches, Index& count) noexcept {
  const Index first_vector = vectors;
  const Index first_stretch = count;
  for (Index n = 0; n < block.images; ++n)
    for (Index i = 0; i < block.size[0]; ++i)
      for (Index j = 0; j < block.size[1]; ++j) {
        if (!belongs(j)) continue;
        const Index row = row_offset(n, i, j);
        for (Index k = 0; k < block.size[2];) {
          const bool covered = vectors > first_vector && row + k >= vector_offsets[vectors - 1] &&
                               row + k < vector_offsets[vectors - 1] + lanes;
          if (!covered) vector_offsets[vectors++] = row + k;
          const Index lane = row + k - vector_offsets[vectors - 1];
          const Index columns = smaller(block.size[2] - k, lanes - lane);
          const Index position = (vectors - 1) * lanes + lane;
          Stretch* last = count > first_stretch ? &stretches[count - 1] : nullptr;
          if (k > 0 && last->position + last->columns == position)
            last->columns += columns;
          else
            stretches[count++] = {position, 0, n, i, j, k, 1, columns};
          k += columns;
        }
        // A whole row that continues the even spacing of those before it joins them.
        if (count - first_stretch < 2) continue;
        Stretch& before = stretches[count - 2];
        const Stretch& here = stretches[count - 1];
        const bool whole = before.columns == block.size[2] && here.columns == block.size[2];
        const bool follows = before.image == n && before.plane == i && before.row + before.rows == j;
        const Index step = here.position - before.position;
        if (whole && follows && (before.rows == 1 || step == before.rows * before.position_step)) {
          if (before.rows == 1) before.position_step = step;
          ++before.rows;
          --count;
        }
      }
}

// All channels of a stretch, whose results are `pitch` apart.
template <class T>
void store_stretch(const kernels::KernelSet<T>& kernels, const Stretch& stretch, const T* results, Index pitch,
                   Index channels, const Tensor<T>& output) noexcept {
  const T* from = results + stretch.position;
  T* to = output.data + stretch.image * output.outer + stretch.plane * output.axis[0] + stretch.row * output.axis[1] +
          stretch.column * output.axis[2];
  if (output.axis[2] == 1) {
    for (Index channel = 0; channel < channels; ++channel)
      kernels.copy_rows(from + channel * pitch, stretch.position_step, stretch.rows, stretch.columns,
                        to + channel * output.inner, output.axis[1]);
    return;
  }
  for (Index j = 0; j < stretch.rows; ++j, from += stretch.position_step, to += output.axis[1]) {
    if (output.inner == 1) {
      kernels.transpose(from, pitch, channels, stretch.columns, to, output.axis[2]);
      continue;
    }
    for (Index channel = 0; channel < channels; ++channel)
      scatter(from + channel * pitch, stretch.columns, to + channel * output.inner, output.axis[2]);
  }
}

}  // namespace convgrad::gemm

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

// Lays vectors over pixels as they lie in the strip. A vector begins where a pixel is that none of the ones before
// holds, and holds those that follow in memory, of the next rows, too.
struct VectorCover {
  Index lanes;
  Index* vector_offsets;
  Index vectors;
  Stretch* stretch;
  Index stretches;

  // Adds the rows of a block for which belongs(row) is true. They share no vector with those that are there already.
  template <class Belongs>
  void add(const PixelBlock& block, const StripShape& shape, const Belongs& belongs) noexcept {
    const Index first_vector = vectors;
    const Index first_stretch = stretches;
    for (Index n = 0; n < block.images; ++n)
      for (Index i = 0; i < block.size[0]; ++i)
        for (Index j = 0; j < block.size[1]; ++j) {
          if (!belongs(j)) continue;
          add_row({0, 0, n, i, j, 0, 1, 0}, shape.row_offset(n, i, j), block.size[2], first_vector);
          if (stretches - first_stretch > 1) join_last(block.size[2]);
        }
  }

 private:
  // `row` is the stretch without its columns.
  void add_row(Stretch row, Index offset, Index columns, Index first_vector) noexcept {
    for (Index k = 0; k < columns; k += row.columns) {
      const bool held = vectors > first_vector && offset + k >= vector_offsets[vectors - 1] &&
                        offset + k < vector_offsets[vectors - 1] + lanes;
      if (!held) vector_offsets[vectors++] = offset + k;
      const Index lane = offset + k - vector_offsets[vectors - 1];
      row.columns = smaller(columns - k, lanes - lane);
      row.position = (vectors - 1) * lanes + lane;
      row.column = k;
      if (k > 0 && stretch[stretches - 1].position + stretch[stretches - 1].columns == row.position)
        stretch[stretches - 1].columns += row.columns;
      else
        stretch[stretches++] = row;
    }
  }

  // A whole row of pixels that continues the even spacing of those before it joins them.
  void join_last(Index columns) noexcept {
    Stretch& before = stretch[stretches - 2];
    const Stretch& last = stretch[stretches - 1];
    const bool whole = before.columns == columns && last.columns == columns;
    const bool follows =
        before.image == last.image && before.plane == last.plane && before.row + before.rows == last.row;
    const Index step = last.position - before.position;
    if (!whole || !follows || (before.rows > 1 && step != before.rows * before.position_step)) return;
    if (before.rows == 1) before.position_step = step;
    ++before.rows;
    --stretches;
  }
};

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

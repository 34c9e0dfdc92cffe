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

// Whether vectors are shorter than a cache line, so that a tile is done with a tap after few cycles.
template <class T>
inline bool short_vectors(const kernels::KernelSet<T>& kernels) noexcept {
  return kernels.lanes * Index{sizeof(T)} < 64;
}

inline constexpr Index no_kind = -1;

// Which kind of grouped tiles serves rows with these offsets in a panel of so many vectors, if any.
template <class T>
inline Index find_group_kind(const kernels::KernelSet<T>& kernels, Index vectors, const Index* offsets,
                             Index rows) noexcept {
  if (vectors > 1) return no_kind;
  for (Index kind = 0; kind < kernels::grouped_tile_kinds; ++kind) {
    const Index group = kernels::rows_of_group[kind];
    if (rows % group > 0 || kernels.grouped_tile_rows[kind] <= kernels.narrow_tile_rows) continue;
    Index i = 0;
    while (i < rows && (i % group == 0 || offsets[i] == offsets[i - 1] + 1)) ++i;
    if (i == rows) return kind;
  }
  return no_kind;
}

// One tile, or two where a panel of one vector had better be read by a lower one. `rows` of a `kind` are a multiple of
// its group.
template <class T>
inline void run_tile(const kernels::KernelSet<T>& kernels, Index vectors, Index kind, const T* source,
                     const Index* row_offsets, Index rows, const kernels::Reduction& reduction, const T* panel,
                     const Accumulators<T>& accumulators) noexcept {
  const bool fresh = accumulators.start != nullptr;
  const T* start = fresh ? accumulators.start : accumulators.result;
  const Index start_stride = fresh ? accumulators.start_stride : accumulators.result_stride;
  if (kind != no_kind) {
    kernels.grouped_tile[kind][rows / kernels::rows_of_group[kind] - 1](
        source, row_offsets, reduction, panel, start, start_stride, accumulators.result, accumulators.result_stride);
    return;
  }
  const Index first = vectors == 1 && rows > kernels.narrow_tile_rows ? rows / 2 : 0;
  if (first > 0)
    kernels.tile[0][first - 1](source, row_offsets, reduction, panel, start, start_stride, accumulators.result,
                               accumulators.result_stride);
  kernels.tile[vectors - 1][rows - first - 1](
      source, row_offsets + first, reduction, panel, start + first * start_stride, start_stride,
      accumulators.result + first * accumulators.result_stride, accumulators.result_stride);
}

// Rows in tiles of nearly equal height, the higher ones first.
struct EvenTiles {
  EvenTiles(Index rows, Index most) noexcept
      : count(divide_up(rows, most)), low(rows / larger(1, count)), higher(rows - count * low) {}

  [[nodiscard]] Index first(Index tile) const noexcept { return tile * low + smaller(tile, higher); }
  [[nodiscard]] Index rows(Index tile) const noexcept { return low + (tile < higher ? 1 : 0); }

  Index count;
  Index low;     // rows of the lowest
  Index higher;  // as many have a row more
};

// Calls visit(first row, rows) for each tile of a block.
template <class T, class Visit>
inline void for_each_tile(const kernels::KernelSet<T>& kernels, Index vectors, Index kind, Index rows,
                          const Visit& visit) noexcept {
  const Index group = kind == no_kind ? 1 : kernels::rows_of_group[kind];
  const Index most = kind != no_kind ? kernels.grouped_tile_rows[kind]
                     : vectors == 1  ? kernels.narrow_tile_rows
                     : vectors == 2  ? kernels.tile_rows
                                     : kernels.wide_tile_rows;
  const EvenTiles tiles(rows / group, most / group);
  for (Index i = 0; i < tiles.count; ++i) visit(tiles.first(i) * group, tiles.rows(i) * group);
}

// result[row, :] = start[row, :] + sum over r of source[row_offsets[row] + reduction.offset[r]] * panel[r, :], with
// before_tile() before each tile.
template <class T, class BeforeTile>
inline void run_tiles(const kernels::KernelSet<T>& kernels, Index vectors, const T* source, const Index* row_offsets,
                      Index rows, const kernels::Reduction& reduction, const T* panel,
                      const Accumulators<T>& accumulators, const BeforeTile& before_tile) noexcept {
  const Index kind = find_group_kind(kernels, vectors, row_offsets, rows);
  for_each_tile(kernels, vectors, kind, rows, [&](Index first, Index count) {
    before_tile();
    Accumulators<T> here = accumulators;
    here.result += first * here.result_stride;
    if (here.start != nullptr) here.start += first * here.start_stride;
    run_tile(kernels, vectors, kind, source, row_offsets + first, count, reduction, panel, here);
  });
}

}  // namespace convgrad::gemm

// Covers the rows of a block with micro-kernel tiles of nearly equal height, so that no size leaves a thin last tile.
#pragma once

#include "algorithms/common/prefetch.hpp"
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

  [[nodiscard]] kernels::TileSums<T> sums(Index row) const noexcept {
    T* to = result + row * result_stride;
    if (start == nullptr) return {to, result_stride, to, result_stride};
    return {start + row * start_stride, start_stride, to, result_stride};
  }
};

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

// One tile, or two where a panel of one vector had better be read by a lower one.
template <class T>
inline void run_tile(const kernels::KernelSet<T>& kernels, Index vectors, const T* source, const Index* row_offsets,
                     Index rows, const kernels::Reduction& reduction, const T* panel,
                     const Accumulators<T>& accumulators) noexcept {
  const Index first = vectors == 1 && rows > kernels.narrow_tile_rows ? rows / 2 : 0;
  const kernels::Tile<T>(&tile)[kernels::max_tile_rows] = kernels.tile[vectors - 1];
  if (first > 0) tile[first - 1](source, {row_offsets, nullptr, 1}, reduction, panel, accumulators.sums(0), {});
  tile[rows - first - 1](source, {row_offsets + first, nullptr, 1}, reduction, panel, accumulators.sums(first), {});
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

// Rows of a block: what each reads, and its place among the results, which is their order where it is null.
struct BlockRows {
  const Index* offset;
  const Index* place;
  Index count;
};

// result[row, :] = start[row, :] + sum over r of source[row offset + reduction.offset[r]] * panel[r, :], in tiles of
// nearly equal height. Every tile prefetches as many lines as a step of each `prefetch` has.
template <class T, class... Prefetches>
inline void run_tiles(const kernels::KernelSet<T>& kernels, Index vectors, const T* source, const BlockRows& rows,
                      const kernels::Reduction& reduction, const T* panel, const Accumulators<T>& accumulators,
                      Prefetches&... prefetch) noexcept {
  const Index kind = find_group_kind(kernels, vectors, rows.offset, rows.count);
  const Index group = kind == no_kind ? 1 : kernels::rows_of_group[kind];
  const Index most = kind != no_kind ? kernels.grouped_tile_rows[kind]
                     : vectors == 1  ? kernels.narrow_tile_rows
                     : vectors == 2  ? kernels.tile_rows
                                     : kernels.wide_tile_rows;
  const EvenTiles tiles(rows.count / group, most / group);
  const kernels::Tile<T>* of_height = kind == no_kind ? kernels.tile[vectors - 1] : kernels.grouped_tile[kind];
  PrefetchList<sizeof...(prefetch)> lines;
  for (Index first = 0, some = 0; first < tiles.count; first += some) {
    // As many as are of one height, and whose lines there is room for.
    some = (first < tiles.higher ? tiles.higher : tiles.count) - first;
    const kernels::PrefetchLines prefetched = lines.fill(some, prefetch...);
    const Index row = tiles.first(first) * group;
    const bool in_order = rows.place == nullptr;
    of_height[tiles.rows(first) - 1](source, {rows.offset + row, in_order ? nullptr : rows.place + row, some},
                                     reduction, panel, accumulators.sums(in_order ? row : 0), prefetched);
  }
}

}  // namespace convgrad::gemm

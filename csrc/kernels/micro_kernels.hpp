// The micro-kernels: what each computes, and what it promises. Every instruction set has its own of all of them.
#pragma once

#include <stdint.h>

namespace convgrad::kernels {

inline constexpr int max_tile_rows = 14;
inline constexpr int max_tile_vectors = 3;

// The micro-kernel. For one tile of `rows` rows after the other, it keeps `rows` x `vectors` accumulators in registers
// and walks the reduction r = 0 .. length - 1:
//
//     accumulator[i][:] += broadcast(source[offset[i] + reduction.offset[r]]) * panel[r][:]
//
//       source   any memory; the offsets say where element (i, r) of the never-stored im2col matrix lies in it
//       panel    packed: length x (vectors * lanes) values, contiguous, r-major
//       initial  what accumulator[i] starts as, at place[i] * initial_stride: a bias (stride 0), or the result so far
//       result   where accumulator[i] is stored, at place[i] * result_stride; may be `initial`
//       prefetch lines that are wanted soon: each tile prefetches some of them
//
// Each lane is one output element and one chain of fused multiply-adds in the order of r: the bits depend on neither
// `rows`, `vectors`, the lane count nor on where a caller cuts the reduction, since a stored accumulator loses nothing.
//
// r may leave out some of the panel's rows, and their offsets: it goes through `length` of them, skips `gap`, and so on
// for each of `segments`; then it skips `set_gap` more, and so on for each of `sets`. Of both there is one at least.
struct Reduction {
  const int64_t* offset;
  int64_t length;
  int64_t segments = 1;
  int64_t gap = 0;
  int64_t sets = 1;
  int64_t set_gap = 0;
};

// The rows of all tiles, those of one after those of the other.
struct TileRows {
  const int64_t* offset;
  const int64_t* place;  // 0, 1, 2 and so on, where it is null
  int64_t tiles;         // one at least
};

template <class T>
struct TileSums {
  const T* initial;
  int64_t initial_stride;
  T* result;
  int64_t result_stride;
};

// Lines that are wanted soon: each tile, or panel, prefetches as many, with its first taps.
struct PrefetchLines {
  const void* const* address = nullptr;
  int64_t per_tile = 0;
};

template <class T>
using Tile = void (*)(const T* source, const TileRows& rows, const Reduction& reduction, const T* panel,
                      const TileSums<T>& sums, const PrefetchLines& prefetch);

// The same rows over one panel after the other. A tile of few taps is over before a call has begun and ended, and here
// the next one's multiply-adds follow while the sums of the last are stored. There are no gaps.
template <class T>
struct PanelSweep {
  const T* panel;
  int64_t panel_step;
  const T* initial;
  int64_t initial_stride;  // from one row to the next
  int64_t initial_step;    // from one panel to the next
  T* result;
  int64_t result_stride;
  int64_t result_step;
  int64_t count;  // of panels, one at least
  PrefetchLines prefetch;
  bool streams = false;  // results consist of whole cache lines, and go around the caches
};

template <class T>
using SweepTile = void (*)(const T* source, const int64_t* row_offset, const int64_t* offset, int64_t length,
                           const PanelSweep<T>& sweep);

// The same over panels that nobody has filled: row r of panel p is neighbors in `strip`, from first[p] + tap_offset[r]
// on. They are read there and written to the panel on the way, unless that is null. What lies at first[p + 1] is
// prefetched meanwhile, so there is one more of these than of panels: of the last, any number.
template <class T>
struct PanelSource {
  const T* strip;
  const int64_t* tap_offset;
  const int64_t* first;
  T* panel;  // where they go, in place of PanelSweep::panel
};

template <class T>
using FillSweep = void (*)(const T* source, const int64_t* row_offset, const int64_t* offset, int64_t length,
                           const PanelSource<T>& from, const PanelSweep<T>& sweep);

// With one multiply-add for each broadcast, loads are what counts, so a panel of one vector had better have high tiles,
// and those lack registers for the addresses of their rows. Where rows come in groups of neighbors, as pixels of a row
// and taps of a kernel do, row_offset[i] = row_offset[i - i % group] + i % group, a group shares one.
inline constexpr int grouped_tile_kinds = 4;
inline constexpr int rows_of_group[grouped_tile_kinds] = {7, 5, 4, 3};
inline constexpr int max_grouped_tile_rows = 28;
inline constexpr int max_tile_groups = 9;

// The second micro-kernel, for a few rows, whose vectors are not packed but lie anywhere in a strip:
//
//     accumulator[i][j] += broadcast(weights[row_offset[i] + weight_offset[r]]) * source[vector_offset[j] +
//     source_offset[r] ...]
//
//       start    accumulator[i][j] starts as start[i * start_stride + j * lanes ...]
//       result   and is stored at result[i * result_stride + j * lanes ...]; may be `start`
//       prefetch where it is not null, what lies at prefetch[source_offset[r]] is prefetched: it is wanted soon
//
// The same promise: one lane, one chain, in the order of r.
inline constexpr int max_strip_rows = 4;
inline constexpr int max_strip_vectors = 8;

template <class T>
struct StripAddress {
  const int64_t* row_offset;
  const int64_t* weight_offset;
  const int64_t* vector_offset;
  const int64_t* source_offset;
  const T* prefetch = nullptr;
};

template <class T>
using StripTile = void (*)(const T* weights, const T* source, const StripAddress<T>& address, int64_t length,
                           const T* start, int64_t start_stride, T* result, int64_t result_stride);

// The third micro-kernel, for one output channel: rows of pixels that lie below each other. What is under row r of the
// kernel for one of them is under row r - 1 for the next, so each vector is loaded once for all.
//
//     accumulator[i][j] += broadcast(weights[weight[p] + r * weight_row + k * weight_column]) *
//                          source[plane[p] + (i + r) * source_row + column[k] + vector[j] ...]
//
//       over all planes p, rows r and columns k of the kernel, in this order, as long as first <= i + r < last: other
//       rows of the source are left out
//
//       start    accumulator[i][j] starts as start.data[i * start.row + start.vector[j] ...]
//       result   and is stored at result.data[i * result.row + result.vector[j] ...], which may be the same
//
// It has as many rows and vectors as the second. The same promise: one lane, one chain.
struct RowsAddress {
  const int64_t* plane;   // a channel and a plane of the kernel
  const int64_t* weight;  // where its weights begin
  int64_t planes;
  int64_t kernel_rows;
  int64_t kernel_columns;
  int64_t source_row;
  const int64_t* column;
  int64_t weight_row;
  int64_t weight_column;
  const int64_t* vector;
  int64_t first;
  int64_t last;
  bool streams = false;  // results are whole vectors of memory, and go around the caches
};

template <class T>
struct RowVectors {
  T* data;
  const int64_t* vector;
  int64_t row;
};

template <class T>
using RowTile = void (*)(const T* weights, const T* source, const RowsAddress& address,
                         const RowVectors<const T>& start, const RowVectors<T>& result);

// The fourth micro-kernel, for the gradient of few output channels: sums over pixels, kept apart by column.
//
//     result[(i * columns + j) * sum_lanes + lane] += a[a_row[y] + a_offset[i] + x] * b[b_row[y] + b_offset[j] + x]
//
//       for every row y < rows_of_pixels and every x < pixels with x mod sum_lanes = lane
//
// `sum_lanes` is the same for every instruction set (64 bytes), so each lane is one chain whose order depends on the
// shape alone; the caller adds the lanes up. Both operands are readable up to the next multiple of sum_lanes, and `b`
// for sum_lanes more; what they hold beyond `pixels` does not count, not even an infinity. Where `prefetch_slowness`
// is 1 or 2, tiles of more than one row of `a` prefetch what lies `prefetch_distance` elements further on, from
// x / prefetch_slowness on.
inline constexpr int max_dot_rows = 4;
inline constexpr int max_dot_columns = 12;

template <class T>
inline constexpr int64_t sum_lanes = 64 / static_cast<int64_t>(sizeof(T));

template <class T>
struct DotOperand {
  const T* data;
  const int64_t* offset;
  const int64_t* row;
  int64_t prefetch_distance = 0;
  int64_t prefetch_slowness = 0;
};

template <class T>
using DotTile = void (*)(const DotOperand<T>& a, const DotOperand<T>& b, int64_t rows_of_pixels, int64_t pixels,
                         T* result);

// The fifth micro-kernel, for the gradient of one output channel, and several rows of the kernel that lie below each
// other. What one of them meets under a row of pixels, the one below meets under the row of pixels above, so each
// vector of `b` is loaded once for all.
//
//     result[(i * columns + j) * sum_lanes + lane] += a[a_plane[p] + y * a_step + x] *
//                                                     b[b_plane[p] + (y + i) * b_step + column[j] + x]
//
//       for every plane p < planes, row y < rows_of_pixels and every x < pixels with x mod sum_lanes = lane, in the
//       same order as the fourth, and with the same promises
inline constexpr int max_dot_kernel_rows = 3;

struct DotRows {
  const int64_t* a_plane;
  const int64_t* b_plane;
  int64_t planes;
  int64_t rows_of_pixels;
  int64_t a_step;
  int64_t b_step;
  const int64_t* column;
  int64_t pixels;
};

template <class T>
using DotRowsTile = void (*)(const T* a, const T* b, const DotRows& address, T* result);

}  // namespace convgrad::kernels

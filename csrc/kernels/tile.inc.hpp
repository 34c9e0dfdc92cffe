// The micro-kernel of micro_kernels.hpp, written once for every ISA.
#pragma once

#include "kernel_set.hpp"
#include "taps.inc.hpp"
#include "vector.inc.hpp"

namespace {

template <class T, int rows, int vectors>
inline __attribute__((always_inline)) void load_sums(const T* initial, int64_t initial_stride,
                                                     Vector<T> (&accumulator)[rows][vectors]) {
#pragma GCC unroll 28
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 3
    for (int j = 0; j < vectors; ++j) accumulator[i][j] = load(initial + j * lanes_of<T>);
    initial += initial_stride;
    keep_in_register(initial);
  }
}

// The last sums first: when those are there, all are. On Zen 3 each store takes the next tile's multiply-adds a cycle,
// two where they wait for one sum after another.
template <class T, int rows, int vectors>
inline __attribute__((always_inline)) void store_sums(const Vector<T> (&accumulator)[rows][vectors], T* result,
                                                      int64_t result_stride) {
  result += (rows - 1) * result_stride;
#pragma GCC unroll 28
  for (int i = rows - 1; i >= 0; --i) {
#pragma GCC unroll 3
    for (int j = vectors - 1; j >= 0; --j) store(result + j * lanes_of<T>, accumulator[i][j]);
    result -= result_stride;
    keep_in_register(result);
  }
}

// Rows come in groups of `group` neighbors; without, each is one.
template <class T, int rows, int group>
inline __attribute__((always_inline)) void find_rows(const T* source, const int64_t* row_offset,
                                                     const T* (&row)[(rows + group - 1) / group]) {
#pragma GCC unroll 28
  for (int i = 0; i < rows; i += group) {
    row[i / group] = source + row_offset[i];
    // Or GCC adds `source` to every tap's offset, and the row's offset to that.
    if (rows / group < 8) keep_in_register(row[i / group]);
  }
}

// The sums of rows that are not in their order.
template <class T, int rows, int vectors>
inline __attribute__((always_inline)) void load_sums_at(const int64_t* place, const T* initial, int64_t initial_stride,
                                                        Vector<T> (&accumulator)[rows][vectors]) {
#pragma GCC unroll 28
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < vectors; ++j) accumulator[i][j] = load(initial + place[i] * initial_stride + j * lanes_of<T>);
}

template <class T, int rows, int vectors>
inline __attribute__((always_inline)) void store_sums_at(const int64_t* place,
                                                         const Vector<T> (&accumulator)[rows][vectors], T* result,
                                                         int64_t result_stride) {
#pragma GCC unroll 28
  for (int i = rows - 1; i >= 0; --i)
#pragma GCC unroll 3
    for (int j = vectors - 1; j >= 0; --j)
      store(result + place[i] * result_stride + j * lanes_of<T>, accumulator[i][j]);
}

// Tile after tile, with add(row, accumulator, address) for the multiply-adds of one, which prefetches its lines.
template <class T, int rows, int vectors, int group, class Add>
inline __attribute__((always_inline)) void for_each_tile(const T* source, const convgrad::kernels::TileRows& tile_rows,
                                                         const convgrad::kernels::TileSums<T>& sums,
                                                         const convgrad::kernels::PrefetchLines& prefetch,
                                                         const Add& add) {
  const int64_t* offset = tile_rows.offset;
  const int64_t* place = tile_rows.place;
  const T* initial = sums.initial;
  T* result = sums.result;
  const int64_t initial_stride = sums.initial_stride;
  const int64_t result_stride = sums.result_stride;
  const void* const* address = prefetch.address;
  for (int64_t left = tile_rows.tiles; left > 0; --left) {
    const T* row[(rows + group - 1) / group];
    find_rows<T, rows, group>(source, offset, row);
    offset += rows;
    Vector<T> accumulator[rows][vectors];
    if (place == nullptr) {
      load_sums<T>(initial, initial_stride, accumulator);
      initial += rows * initial_stride;
    } else {
      load_sums_at<T>(place, initial, initial_stride, accumulator);
    }
    add(row, accumulator, address);
    if (place == nullptr) {
      store_sums<T>(accumulator, result, result_stride);
      result += rows * result_stride;
    } else {
      store_sums_at<T>(place, accumulator, result, result_stride);
      place += rows;
    }
  }
}

// A function of its own, so that a tile that knows no gaps has the registers for itself.
template <class T, int rows, int vectors, int group>
__attribute__((noinline)) void tile_with_gaps(const T* source, const convgrad::kernels::TileRows& tile_rows,
                                              const convgrad::kernels::Reduction& reduction, const T* panel,
                                              const convgrad::kernels::TileSums<T>& sums,
                                              const convgrad::kernels::PrefetchLines& prefetch) {
  constexpr int64_t width = vectors * lanes_of<T>;
  const int64_t length = reduction.length;
  const auto add = [&](const auto& row, auto& accumulator, auto& address) __attribute__((always_inline)) {
    for (int64_t line = prefetch.per_tile; line > 0; --line) __builtin_prefetch(*address++, 0, 2);
    const int64_t* offset_end = reduction.offset + length;
    const T* panel_end = panel + length * width;
    for (int64_t set = 0; set < reduction.sets; ++set) {
      for (int64_t segment = 0; segment < reduction.segments; ++segment) {
        add_taps<T, rows, vectors, group>(row, offset_end, panel_end, length, accumulator);
        offset_end += length + reduction.gap;
        panel_end += (length + reduction.gap) * width;
      }
      offset_end += reduction.set_gap;
      panel_end += reduction.set_gap * width;
    }
  };
  for_each_tile<T, rows, vectors, group>(source, tile_rows, sums, prefetch, add);
}

template <class T, int rows, int vectors, int group = 1>
__attribute__((noinline)) void tile(const T* source, const convgrad::kernels::TileRows& tile_rows,
                                    const convgrad::kernels::Reduction& reduction, const T* panel,
                                    const convgrad::kernels::TileSums<T>& sums,
                                    const convgrad::kernels::PrefetchLines& prefetch) {
  if (__builtin_expect(reduction.segments * reduction.sets > 1, 0))
    return tile_with_gaps<T, rows, vectors, group>(source, tile_rows, reduction, panel, sums, prefetch);
  const int64_t length = reduction.length;
  const auto add = [&](const auto& row, auto& accumulator, auto& address) __attribute__((always_inline)) {
    add_taps_and_prefetch<T, rows, vectors, group>(row, reduction.offset, panel, length, address, prefetch.per_tile,
                                                   accumulator);
  };
  for_each_tile<T, rows, vectors, group>(source, tile_rows, sums, prefetch, add);
}

}  // namespace

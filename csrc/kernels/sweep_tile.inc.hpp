// The micro-kernel that takes the same rows over one panel after the other (micro_kernels.hpp), written once for every
// ISA.
#pragma once

#include "kernel_set.hpp"
#include "stream.inc.hpp"
#include "taps.inc.hpp"
#include "tile.inc.hpp"
#include "vector.inc.hpp"

namespace {

template <class T, int rows, int vectors>
inline __attribute__((always_inline)) void stream_sums(const Vector<T> (&accumulator)[rows][vectors], T* result,
                                                       int64_t result_stride) {
#pragma GCC unroll 28
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 3
    for (int j = 0; j < vectors; ++j) stream(result + j * lanes_of<T>, accumulator[i][j]);
    result += result_stride;
    keep_in_register(result);
  }
}

template <class T, int rows, int vectors>
__attribute__((noinline)) void sweep_tile(const T* source, const int64_t* row_offset, const int64_t* offset,
                                          int64_t length, const convgrad::kernels::PanelSweep<T>& sweep) {
  const T* row[rows];
  find_rows<T, rows, 1>(source, row_offset, row);
  const T* panel = sweep.panel;
  const T* initial = sweep.initial;
  T* result = sweep.result;
  const void* const* address = sweep.prefetch.address;
  for (int64_t left = sweep.count; left > 0; --left) {
    Vector<T> accumulator[rows][vectors];
    load_sums<T>(initial, sweep.initial_stride, accumulator);
    add_taps_and_prefetch<T, rows, vectors, 1>(row, offset, panel, length, address, sweep.prefetch.per_tile,
                                               accumulator);
    if (sweep.streams)
      stream_sums<T>(accumulator, result, sweep.result_stride);
    else
      store_sums<T>(accumulator, result, sweep.result_stride);
    panel += sweep.panel_step;
    initial += sweep.initial_step;
    result += sweep.result_step;
  }
}

template <class T, int rows, int vectors, bool keeps>
inline __attribute__((always_inline)) void sweep_strip(const T* source, const int64_t* row_offset,
                                                       const int64_t* offset, int64_t length,
                                                       const convgrad::kernels::PanelSource<T>& from,
                                                       const convgrad::kernels::PanelSweep<T>& sweep) {
  constexpr int64_t width = vectors * lanes_of<T>;
  const T* row[rows];
  find_rows<T, rows, 1>(source, row_offset, row);
  const int64_t* tap_offset = from.tap_offset;
  T* panel = from.panel;
  const T* initial = sweep.initial;
  T* result = sweep.result;
  const void* const* address = sweep.prefetch.address;
  for (int64_t p = 0; p < sweep.count; ++p) {
    Vector<T> accumulator[rows][vectors];
    load_sums<T>(initial, sweep.initial_stride, accumulator);
    const T* strip = from.strip + from.first[p];
    const int64_t next = from.first[p + 1] - from.first[p];
    T* to = panel;
    int64_t r = 0;
    const auto tap = [&]() __attribute__((always_inline)) {
      keep_in_register(r);
      const T* first = strip + tap_offset[r];
      // Its last element, and that of each vector before: where a row spans one line more, the panel before has
      // prefetched the first.
#pragma GCC unroll 3
      for (int j = 1; j <= vectors; ++j) __builtin_prefetch(first + next + j * lanes_of<T> - 1, 0, 3);
      Vector<T> column[vectors];
      load_column<T>(first, column);
      if (keeps) {
#pragma GCC unroll 3
        for (int j = 0; j < vectors; ++j) store(to + j * lanes_of<T>, column[j]);
        to += width;
      }
      add_products<T, rows, vectors, 1>(row, offset[r], column, accumulator);
      ++r;
    };
    prefetch_between_taps(address, sweep.prefetch.per_tile, length, tap);
    while (r < length) tap();
    if (sweep.streams)
      stream_sums<T>(accumulator, result, sweep.result_stride);
    else
      store_sums<T>(accumulator, result, sweep.result_stride);
    if (keeps) panel += sweep.panel_step;
    initial += sweep.initial_step;
    result += sweep.result_step;
  }
}

template <class T, int rows, int vectors>
__attribute__((noinline)) void fill_sweep(const T* source, const int64_t* row_offset, const int64_t* offset,
                                          int64_t length, const convgrad::kernels::PanelSource<T>& from,
                                          const convgrad::kernels::PanelSweep<T>& sweep) {
  if (from.panel != nullptr)
    sweep_strip<T, rows, vectors, true>(source, row_offset, offset, length, from, sweep);
  else
    sweep_strip<T, rows, vectors, false>(source, row_offset, offset, length, from, sweep);
}

}  // namespace

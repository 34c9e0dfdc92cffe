// The micro-kernel that takes the same rows over one panel after the other (micro_kernels.hpp), written once for every
// ISA.
#pragma once

#include "kernel_set.hpp"
#include "tile.inc.hpp"
#include "vector.inc.hpp"

namespace {

template <class T, int rows, int vectors>
__attribute__((noinline)) void sweep_tile(const T* source, const int64_t* row_offset, const int64_t* offset,
                                          int64_t length, const convgrad::kernels::PanelSweep<T>& sweep) {
  const T* row[rows];
  find_rows<T, rows, 1>(source, row_offset, row);
  offset += length;
  const T* panel = sweep.panel;
  const T* initial = sweep.initial;
  T* result = sweep.result;
  for (int64_t left = sweep.count; left > 0; --left) {
    Vector<T> accumulator[rows][vectors];
    load_sums<T>(initial, sweep.initial_stride, accumulator);
    add_many_taps<T, rows, vectors, 1>(row, offset, panel, length, accumulator);
    store_sums<T>(accumulator, result, sweep.result_stride);
    panel += sweep.panel_step;
    initial += sweep.initial_step;
    result += sweep.result_step;
  }
}

template <class T, int rows, int vectors>
__attribute__((noinline)) void fill_sweep(const T* source, const int64_t* row_offset, const int64_t* offset,
                                          int64_t length, const convgrad::kernels::PanelSource<T>& from,
                                          const convgrad::kernels::PanelSweep<T>& sweep) {
  constexpr int64_t width = vectors * lanes_of<T>;
  const T* row[rows];
  find_rows<T, rows, 1>(source, row_offset, row);
  const int64_t* tap_offset = from.tap_offset;
  T* panel = from.panel;
  const T* initial = sweep.initial;
  T* result = sweep.result;
  for (int64_t p = 0; p < sweep.count; ++p) {
    Vector<T> accumulator[rows][vectors];
    load_sums<T>(initial, sweep.initial_stride, accumulator);
    const T* strip = from.strip + from.first[p];
    const int64_t next = from.first[p + 1] - from.first[p];
    T* to = panel;
    for (int64_t r = 0; r < length; ++r) {
      keep_in_register(r);
      const T* tap = strip + tap_offset[r];
      // Its last element: where a row spans two lines, the panel before has asked for the first.
      __builtin_prefetch(tap + next + width - 1, 0, 3);
      Vector<T> column[vectors];
      load_column<T>(tap, column);
#pragma GCC unroll 3
      for (int j = 0; j < vectors; ++j) store(to + j * lanes_of<T>, column[j]);
      add_products<T, rows, vectors, 1>(row, offset[r], column, accumulator);
      to += width;
    }
    store_sums<T>(accumulator, result, sweep.result_stride);
    panel += sweep.panel_step;
    initial += sweep.initial_step;
    result += sweep.result_step;
  }
}

}  // namespace

// The micro-kernel of kernel_set.hpp, written once for every ISA.
#pragma once

#include "kernel_set.hpp"
#include "vector.inc.hpp"

namespace {

// Rows come in groups of `group` neighbors; without, each is one.
template <class T, int rows, int vectors, int group = 1>
void tile(const T* source, const int64_t* row_offset, const convgrad::kernels::Reduction& reduction, const T* panel,
          const T* initial, int64_t initial_stride, T* result, int64_t result_stride) {
  constexpr int lanes = lanes_of<T>;
  Vector<T> accumulator[rows][vectors];
  const T* row[(rows + group - 1) / group];
#pragma GCC unroll 28
  for (int i = 0; i < rows; ++i) {
    if (i % group == 0) row[i / group] = source + row_offset[i];
#pragma GCC unroll 3
    for (int j = 0; j < vectors; ++j) accumulator[i][j] = load(initial + i * initial_stride + j * lanes);
  }
  const int64_t* reduction_offset = reduction.offset;
  const int64_t length = reduction.length;
  for (int64_t set = reduction.sets; set > 0; --set) {
    for (int64_t segment = reduction.segments; segment > 0; --segment) {
      for (int64_t r = 0; r < length; ++r) {
        const int64_t offset = reduction_offset[r];
        Vector<T> column[vectors];
#pragma GCC unroll 3
        for (int j = 0; j < vectors; ++j) column[j] = load(panel + j * lanes);
        // Two rows at a time: with one after the other some heights keep the two multiply-add units less evenly busy,
        // and lose up to eight per cent.
#pragma GCC unroll 28
        for (int i = 0; i < rows; i += 2) {
          const int next = i + 1 < rows ? i + 1 : i;
          Vector<T> first = row[i / group][offset + i % group] - Vector<T>{};
          Vector<T> second = row[next / group][offset + next % group] - Vector<T>{};
          if (vectors > 1) keep_in_register(first);
          if (vectors > 1 && next > i) keep_in_register(second);
#pragma GCC unroll 3
          for (int j = 0; j < vectors; ++j) accumulator[i][j] += first * column[j];
          if (next == i) continue;
#pragma GCC unroll 3
          for (int j = 0; j < vectors; ++j) accumulator[next][j] += second * column[j];
        }
        panel += vectors * lanes;
      }
      reduction_offset += length + reduction.gap;
      panel += reduction.gap * (vectors * lanes);
    }
    reduction_offset += reduction.set_gap;
    panel += reduction.set_gap * (vectors * lanes);
  }
#pragma GCC unroll 28
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 3
    for (int j = 0; j < vectors; ++j) store(result + i * result_stride + j * lanes, accumulator[i][j]);
  }
}

}  // namespace

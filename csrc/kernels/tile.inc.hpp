// The micro-kernel of kernel_set.hpp, written once for every ISA.
#pragma once

#include "vector.inc.hpp"

namespace {

template <class T, int rows, int vectors>
void tile(const T* source, const int64_t* row_offset, const int64_t* reduction_offset, int64_t length, const T* panel,
          const T* initial, int64_t initial_stride, T* result, int64_t result_stride) {
  constexpr int lanes = lanes_of<T>;
  Vector<T> accumulator[rows][vectors];
  const T* row[rows];
#pragma GCC unroll 14
  for (int i = 0; i < rows; ++i) {
    row[i] = source + row_offset[i];
#pragma GCC unroll 2
    for (int j = 0; j < vectors; ++j) accumulator[i][j] = load(initial + i * initial_stride + j * lanes);
  }
  for (int64_t r = 0; r < length; ++r) {
    const int64_t offset = reduction_offset[r];
    Vector<T> column[vectors];
#pragma GCC unroll 2
    for (int j = 0; j < vectors; ++j) column[j] = load(panel + j * lanes);
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i) {
      Vector<T> scalar = row[i][offset] - Vector<T>{};
      if (vectors > 1) keep_in_register(scalar);
#pragma GCC unroll 2
      for (int j = 0; j < vectors; ++j) accumulator[i][j] += scalar * column[j];
    }
    panel += vectors * lanes;
  }
#pragma GCC unroll 14
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < vectors; ++j) store(result + i * result_stride + j * lanes, accumulator[i][j]);
  }
}

}  // namespace

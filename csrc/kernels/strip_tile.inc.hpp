// The second micro-kernel of kernel_set.hpp, written once for every ISA.
#pragma once

#include "kernel_set.hpp"
#include "vector.inc.hpp"

namespace {

template <class T, int rows, int vectors>
void strip_tile(const T* weights, const T* source, const convgrad::kernels::StripAddress& address, int64_t length,
                const T* start, int64_t start_stride, T* result, int64_t result_stride) {
  constexpr int lanes = lanes_of<T>;
  Vector<T> accumulator[rows][vectors];
  const T* row[rows];
  const T* column[vectors];
#pragma GCC unroll 8
  for (int j = 0; j < vectors; ++j) column[j] = source + address.vector_offset[j];
#pragma GCC unroll 4
  for (int i = 0; i < rows; ++i) {
    row[i] = weights + address.row_offset[i];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) accumulator[i][j] = load(start + i * start_stride + j * lanes);
  }
  const int64_t* const weight_offset = address.weight_offset;
  const int64_t* const source_offset = address.source_offset;
  for (int64_t r = 0; r < length; ++r) {
    const int64_t from_row = weight_offset[r];
    const int64_t from_column = source_offset[r];
    Vector<T> scalar[rows];
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) scalar[i] = row[i][from_row] - Vector<T>{};
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) {
      Vector<T> value = load(column[j] + from_column);
      if (rows > 1) keep_in_register(value);
#pragma GCC unroll 4
      for (int i = 0; i < rows; ++i) accumulator[i][j] += scalar[i] * value;
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) store(result + i * result_stride + j * lanes, accumulator[i][j]);
  }
}

}  // namespace

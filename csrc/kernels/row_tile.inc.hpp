// The third micro-kernel of kernel_set.hpp, written once for every ISA.
#pragma once

#include "kernel_set.hpp"
#include "vector.inc.hpp"

namespace {

// One row of the source, for the rows of pixels low .. high. `weight` is that of row 0.
template <class T, int low, int high, int rows, int vectors>
inline __attribute__((always_inline)) void add_row(const T* weight, int64_t weight_row, int64_t weight_column,
                                                   const T* const (&vector)[vectors], int64_t row,
                                                   const int64_t* column, int64_t columns,
                                                   Vector<T> (&accumulator)[rows][vectors]) {
  for (int64_t k = 0; k < columns; ++k) {
    const int64_t offset = row + column[k];
    Vector<T> scalar[rows];
#pragma GCC unroll 4
    for (int i = low; i <= high; ++i) scalar[i] = weight[-i * weight_row] - Vector<T>{};
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) {
      Vector<T> value = load(vector[j] + offset);
      if (high > low) keep_in_register(value);
#pragma GCC unroll 4
      for (int i = low; i <= high; ++i) accumulator[i][j] += scalar[i] * value;
    }
    weight += weight_column;
  }
}

template <class T, int rows, int vectors>
void row_tile(const T* weights, const T* source, const convgrad::kernels::RowsAddress& address,
              const convgrad::kernels::RowVectors<const T>& start, const convgrad::kernels::RowVectors<T>& result) {
  Vector<T> accumulator[rows][vectors];
  const T* vector[vectors];
#pragma GCC unroll 8
  for (int j = 0; j < vectors; ++j) {
    vector[j] = source + address.vector[j];
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) accumulator[i][j] = load(start.data + i * start.row + start.vector[j]);
  }
  const int64_t weight_row = address.weight_row;
  const int64_t weight_column = address.weight_column;
  const int64_t columns = address.kernel_columns;
  const int64_t* const column = address.column;
  for (int64_t p = 0; p < address.planes; ++p) {
    const T* weight = weights + address.weight[p] + address.first * weight_row;
    int64_t row = address.plane[p] + address.first * address.source_row;
    for (int64_t m = address.first; m < address.last; ++m) {
      // Row i of pixels has it under row m - i of the kernel, if there is one.
      const int64_t low = m < address.kernel_rows ? 0 : m - address.kernel_rows + 1;
      const int64_t high = m < rows ? m : rows - 1;
#define CONVGRAD_ADD_ROW(from, to)                                                                        \
  case (from) * 4 + (to):                                                                                 \
    if constexpr ((from) <= (to) && (to) < rows)                                                          \
      add_row<T, from, to>(weight, weight_row, weight_column, vector, row, column, columns, accumulator); \
    break;
      switch (low * 4 + high) {
        CONVGRAD_ADD_ROW(0, 0)
        CONVGRAD_ADD_ROW(0, 1)
        CONVGRAD_ADD_ROW(0, 2)
        CONVGRAD_ADD_ROW(0, 3)
        CONVGRAD_ADD_ROW(1, 1)
        CONVGRAD_ADD_ROW(1, 2)
        CONVGRAD_ADD_ROW(1, 3)
        CONVGRAD_ADD_ROW(2, 2)
        CONVGRAD_ADD_ROW(2, 3)
        CONVGRAD_ADD_ROW(3, 3)
        default: break;
      }
#undef CONVGRAD_ADD_ROW
      weight += weight_row;
      row += address.source_row;
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < vectors; ++j) {
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) store(result.data + i * result.row + result.vector[j], accumulator[i][j]);
  }
}

}  // namespace

// The third micro-kernel of micro_kernels.hpp, written once for every ISA.
#pragma once

#include "kernels/copies/stream.inc.hpp"
#include "kernels/kernel_set.hpp"
#include "kernels/tiles/products.inc.hpp"

namespace {

// One row of the source under one row of pixels after the other.
template <class T>
struct SourceRow {
  const T* weight;  // for row 0
  int64_t weight_row;
  int64_t weight_column;
  int64_t offset;
  const int64_t* column;
  int64_t columns;
};

// Adds it to the rows of pixels low .. high, if there are such.
template <class T, int low, int high, int rows, int vectors>
inline __attribute__((always_inline)) void add_row(const SourceRow<T>& row, const T* const (&vector)[vectors],
                                                   Vector<T> (&accumulator)[rows][vectors]) {
  if constexpr (high < rows) {
    const T* weight = row.weight;
    for (int64_t k = 0; k < row.columns; ++k) {
      const int64_t offset = row.offset + row.column[k];
      add_products<T, low, high>([&](int i) { return weight[-i * row.weight_row] - Vector<T>{}; },
                                 [&](int j) { return load(vector[j] + offset); }, accumulator);
      weight += row.weight_column;
    }
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
  SourceRow<T> row{nullptr, address.weight_row, address.weight_column, 0, address.column, address.kernel_columns};
  for (int64_t p = 0; p < address.planes; ++p) {
    row.weight = weights + address.weight[p] + address.first * address.weight_row;
    row.offset = address.plane[p] + address.first * address.source_row;
    for (int64_t m = address.first; m < address.last; ++m) {
      // Row i of pixels has it under row m - i of the kernel, if there is one.
      const int64_t low = m < address.kernel_rows ? 0 : m - address.kernel_rows + 1;
      const int64_t high = m < rows ? m : rows - 1;
      switch (low * 4 + high) {
        case 0: add_row<T, 0, 0>(row, vector, accumulator); break;
        case 1: add_row<T, 0, 1>(row, vector, accumulator); break;
        case 2: add_row<T, 0, 2>(row, vector, accumulator); break;
        case 3: add_row<T, 0, 3>(row, vector, accumulator); break;
        case 5: add_row<T, 1, 1>(row, vector, accumulator); break;
        case 6: add_row<T, 1, 2>(row, vector, accumulator); break;
        case 7: add_row<T, 1, 3>(row, vector, accumulator); break;
        case 10: add_row<T, 2, 2>(row, vector, accumulator); break;
        case 11: add_row<T, 2, 3>(row, vector, accumulator); break;
        case 15: add_row<T, 3, 3>(row, vector, accumulator); break;
        default: break;
      }
      row.weight += address.weight_row;
      row.offset += address.source_row;
    }
  }
  const auto store_all = [&](const auto& store_one) __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) {
#pragma GCC unroll 4
      for (int i = 0; i < rows; ++i) store_one(result.data + i * result.row + result.vector[j], accumulator[i][j]);
    }
  };
  if (__builtin_expect(address.streams, 0))
    store_all([](T* to, Vector<T> value) __attribute__((always_inline)) { stream(to, value); });
  else
    store_all([](T* to, Vector<T> value) __attribute__((always_inline)) { store(to, value); });
}

}  // namespace

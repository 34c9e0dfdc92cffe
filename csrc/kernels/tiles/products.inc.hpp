// One step of a tile: every row's vector times every column's, added to the accumulators. The including ISA file
// defines CONVGRAD_REGISTERS first.
#pragma once

#include "kernels/vector.inc.hpp"

namespace {

// The vectors of one side stay in registers while those of the other pass one by one: the rows', or, where registers do
// not suffice for that, the columns'.
constexpr bool rows_pass(int rows, int columns) { return rows * columns + rows + 1 > CONVGRAD_REGISTERS; }
constexpr int most_columns(int rows) {
  int columns = 1;
  while (rows * (columns + 1) + (rows_pass(rows, columns + 1) ? columns + 1 : rows) + 1 <= CONVGRAD_REGISTERS)
    ++columns;
  return columns;
}

// accumulator[i][j] += row(i) * column(j) for the rows low .. high.
template <class T, int low, int high, int rows, int columns, class Row, class Column>
inline __attribute__((always_inline)) void add_products(const Row& row, const Column& column,
                                                        Vector<T> (&accumulator)[rows][columns]) {
  if constexpr (rows_pass(rows, columns)) {
    Vector<T> kept[columns];
#pragma GCC unroll 12
    for (int j = 0; j < columns; ++j) kept[j] = column(j);
#pragma GCC unroll 4
    for (int i = low; i <= high; ++i) {
      Vector<T> passing = row(i);
      keep_in_register(passing);
#pragma GCC unroll 12
      for (int j = 0; j < columns; ++j) accumulator[i][j] += passing * kept[j];
    }
  } else {
    Vector<T> kept[rows];
#pragma GCC unroll 4
    for (int i = low; i <= high; ++i) kept[i] = row(i);
#pragma GCC unroll 12
    for (int j = 0; j < columns; ++j) {
      Vector<T> passing = column(j);
      if (high > low) keep_in_register(passing);
#pragma GCC unroll 4
      for (int i = low; i <= high; ++i) accumulator[i][j] += kept[i] * passing;
    }
  }
}

}  // namespace

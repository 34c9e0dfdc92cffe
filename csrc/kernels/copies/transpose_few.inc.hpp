// Transposition of fewer rows than a vector has lanes, such as a few channels.
#pragma once

#include "kernels/copies/transpose_block.inc.hpp"

namespace {

// Vectors are loaded from one row each, and after the butterfly hold whole columns of `height` elements, one behind the
// other. Each is stored as it is, and nothing beside it.
template <class T, int height>
inline __attribute__((always_inline)) void transpose_columns(const T* source, int64_t source_stride, T* destination,
                                                             int64_t destination_stride) {
  struct Column {
    T element[height];
  };
  Vector<T> row[height];
#pragma GCC unroll 8
  for (int i = 0; i < height; ++i) row[i] = load(source + i * source_stride);
  transpose_rows<T>(row);
#pragma GCC unroll 8
  for (int first = 0; first < lanes_of<T>; first += height)
#pragma GCC unroll 8
    for (int i = 0; i < height; ++i, destination += destination_stride) {
      Column column;
      __builtin_memcpy(&column, reinterpret_cast<const char*>(&row[i]) + first * sizeof(T), sizeof column);
      __builtin_memcpy(destination, &column, sizeof column);
    }
}

// Any number of rows below that of lanes, and at least as many columns: two powers of two that overlap.
template <class T, int height>
void transpose_few(const T* source, int64_t source_stride, int64_t rows, int64_t columns, T* destination,
                   int64_t destination_stride) {
  if constexpr (height < lanes_of<T>) {
    if (rows >= 2 * height)
      return transpose_few<T, 2 * height>(source, source_stride, rows, columns, destination, destination_stride);
    const int64_t second = rows - height;
    for (int64_t c = 0; c < columns; c += lanes_of<T>) {
      if (c > columns - lanes_of<T>) c = columns - lanes_of<T>;
      const T* from = source + c;
      T* to = destination + c * destination_stride;
      transpose_columns<T, height>(from, source_stride, to, destination_stride);
      if (second > 0)
        transpose_columns<T, height>(from + second * source_stride, source_stride, to + second, destination_stride);
    }
  }
}

}  // namespace

// The fourth micro-kernel of micro_kernels.hpp, written once for every ISA.
#pragma once

#include "kernel_set.hpp"
#include "products.inc.hpp"

namespace {

template <class T>
inline __attribute__((always_inline)) Vector<T> keep_lanes(Vector<T> value, typename VectorOf<T>::Mask mask) {
  return reinterpret_cast<Vector<T>>(reinterpret_cast<typename VectorOf<T>::Mask>(value) & mask);
}

// The lanes `part` .. `part` + lanes - 1 of every row of sum_lanes pixels, which is one cache line: narrow vectors take
// several passes. It prefetches what is read next, unless `slowness` is 0, at such a fraction of the speed that it
// reads.
template <int slowness, class T, int rows, int columns>
inline __attribute__((always_inline)) void dot_part(const convgrad::kernels::DotOperand<T>& a,
                                                    const convgrad::kernels::DotOperand<T>& b, int64_t rows_of_pixels,
                                                    int64_t pixels, int64_t part, T* result) {
  constexpr int64_t lanes = lanes_of<T>;
  constexpr int64_t step = convgrad::kernels::sum_lanes<T>;
  const int64_t whole = pixels / step * step;
  // Lane l of the last vector counts if whole + part + l < pixels.
  typename VectorOf<T>::Mask mask{};
  for (int64_t l = 0; l < lanes; ++l) mask[l] = whole + part + l < pixels ? -1 : 0;

  Vector<T> accumulator[rows][columns];
  const T* left[rows];
  const T* right[columns];
#pragma GCC unroll 12
  for (int j = 0; j < columns; ++j) right[j] = b.data + b.offset[j] + part;
#pragma GCC unroll 4
  for (int i = 0; i < rows; ++i) {
    left[i] = a.data + a.offset[i] + part;
#pragma GCC unroll 12
    for (int j = 0; j < columns; ++j) accumulator[i][j] = load(result + (i * columns + j) * step + part);
  }
  for (int64_t y = 0; y < rows_of_pixels; ++y) {
    const int64_t from_left = a.row[y];
    const int64_t from_right = b.row[y];
    for (int64_t x = 0; x < whole; x += step) {
      if (slowness > 0) {
#pragma GCC unroll 4
        for (int i = 0; i < rows; ++i)
          __builtin_prefetch(left[i] + from_left + x / slowness + a.prefetch_distance, 0, 2);
      }
      add_products<T, 0, rows - 1>([&](int i) { return load(left[i] + from_left + x); },
                                   [&](int j) { return load(right[j] + from_right + x); }, accumulator);
    }
    if (whole + part < pixels)
      add_products<T, 0, rows - 1>([&](int i) { return keep_lanes<T>(load(left[i] + from_left + whole), mask); },
                                   [&](int j) { return keep_lanes<T>(load(right[j] + from_right + whole), mask); },
                                   accumulator);
  }
#pragma GCC unroll 4
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < columns; ++j) store(result + (i * columns + j) * step + part, accumulator[i][j]);
  }
}

#if CONVGRAD_VECTOR_BYTES == 64
// One row of `a`, and columns that come in rows of `run` taps next to each other, as those of a kernel do: each row of
// taps takes two loads and shifts the rest out of them in registers. Vectors of 64 bytes nearly always cross a cache
// line, and such loads take three times as long.
template <int by>
struct ShiftLanes {
  static constexpr int lane(int i, int) { return i + by; }
};

template <class T, int run, int columns, int column>
inline __attribute__((always_inline)) void add_shifted(Vector<T> factor, const T* const (&right)[columns], int64_t from,
                                                       typename VectorOf<T>::Mask mask, Vector<T> first,
                                                       Vector<T> second, Vector<T> (&accumulator)[columns]) {
  if constexpr (column < columns) {
    if constexpr (column % run == 0) {
      first = load(right[column] + from);
      second = load(right[column] + from + lanes_of<T>);
    }
    Vector<T> value = first;
    if constexpr (column % run > 0) value = shuffle<T, ShiftLanes<column % run>>(first, second);
    accumulator[column] += factor * keep_lanes<T>(value, mask);
    add_shifted<T, run, columns, column + 1>(factor, right, from, mask, first, second, accumulator);
  }
}

template <class T, int run, int columns>
void dot_row(const convgrad::kernels::DotOperand<T>& a, const convgrad::kernels::DotOperand<T>& b,
             int64_t rows_of_pixels, int64_t pixels, T* result) {
  constexpr int64_t lanes = lanes_of<T>;
  const int64_t whole = pixels / lanes * lanes;
  typename VectorOf<T>::Mask all{};
  typename VectorOf<T>::Mask some{};
  for (int64_t l = 0; l < lanes; ++l) {
    all[l] = -1;
    some[l] = whole + l < pixels ? -1 : 0;
  }
  Vector<T> accumulator[columns];
  const T* right[columns];
  const T* const left = a.data + a.offset[0];
#pragma GCC unroll 12
  for (int j = 0; j < columns; ++j) {
    right[j] = b.data + b.offset[j];
    accumulator[j] = load(result + j * lanes);
  }
  for (int64_t y = 0; y < rows_of_pixels; ++y) {
    for (int64_t x = 0; x < whole; x += lanes)
      add_shifted<T, run, columns, 0>(load(left + a.row[y] + x), right, b.row[y] + x, all, Vector<T>{}, Vector<T>{},
                                      accumulator);
    if (whole < pixels)
      add_shifted<T, run, columns, 0>(keep_lanes<T>(load(left + a.row[y] + whole), some), right, b.row[y] + whole, some,
                                      Vector<T>{}, Vector<T>{}, accumulator);
  }
#pragma GCC unroll 12
  for (int j = 0; j < columns; ++j) store(result + j * lanes, accumulator[j]);
}

template <int run, int columns>
bool in_runs(const int64_t* offset) {
  for (int j = 0; j < columns; ++j)
    if (j % run > 0 && offset[j] != offset[j - 1] + 1) return false;
  return true;
}

// Whether the columns were served that way.
template <class T, int run, int columns>
bool dot_runs(const convgrad::kernels::DotOperand<T>& a, const convgrad::kernels::DotOperand<T>& b,
              int64_t rows_of_pixels, int64_t pixels, T* result) {
  if constexpr (columns % run == 0 && run <= lanes_of<T>) {
    if (!in_runs<run, columns>(b.offset)) return false;
    dot_row<T, run, columns>(a, b, rows_of_pixels, pixels, result);
    return true;
  }
  return false;
}
#endif

template <class T, int rows, int columns>
void dot_tile(const convgrad::kernels::DotOperand<T>& a, const convgrad::kernels::DotOperand<T>& b,
              int64_t rows_of_pixels, int64_t pixels, T* result) {
#if CONVGRAD_VECTOR_BYTES == 64
  if constexpr (rows == 1) {
    if (dot_runs<T, 7, columns>(a, b, rows_of_pixels, pixels, result)) return;
    if (dot_runs<T, 5, columns>(a, b, rows_of_pixels, pixels, result)) return;
    if (dot_runs<T, 3, columns>(a, b, rows_of_pixels, pixels, result)) return;
  }
#endif
  int64_t part = 0;
  if (rows > 1 && a.prefetch_slowness > 0) {
    if (a.prefetch_slowness == 1)
      dot_part<1, T, rows, columns>(a, b, rows_of_pixels, pixels, part, result);
    else
      dot_part<2, T, rows, columns>(a, b, rows_of_pixels, pixels, part, result);
    part += lanes_of<T>;
  }
  for (; part < convgrad::kernels::sum_lanes<T>; part += lanes_of<T>)
    dot_part<0, T, rows, columns>(a, b, rows_of_pixels, pixels, part, result);
}

}  // namespace

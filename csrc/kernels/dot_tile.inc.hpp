// The third micro-kernel of kernel_set.hpp, written once for every ISA.
#pragma once

#include "kernel_set.hpp"
#include "vector.inc.hpp"

namespace {

template <class T>
inline __attribute__((always_inline)) Vector<T> keep_lanes(Vector<T> value, typename VectorOf<T>::Mask mask) {
  return reinterpret_cast<Vector<T>>(reinterpret_cast<typename VectorOf<T>::Mask>(value) & mask);
}

// The lanes `part` .. `part` + lanes - 1 of every row of row_lanes pixels: narrow vectors take several passes.
template <class T, int rows, int columns>
inline __attribute__((always_inline)) void dot_part(const convgrad::kernels::DotOperand<T>& a,
                                                    const convgrad::kernels::DotOperand<T>& b, int64_t rows_of_pixels,
                                                    int64_t pixels, int64_t part, T* result) {
  constexpr int64_t lanes = lanes_of<T>;
  constexpr int64_t step = convgrad::kernels::row_lanes<T>;
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
      Vector<T> factor[rows];
#pragma GCC unroll 4
      for (int i = 0; i < rows; ++i) factor[i] = load(left[i] + from_left + x);
#pragma GCC unroll 12
      for (int j = 0; j < columns; ++j) {
        Vector<T> value = load(right[j] + from_right + x);
        if (rows > 1) keep_in_register(value);
#pragma GCC unroll 4
        for (int i = 0; i < rows; ++i) accumulator[i][j] += factor[i] * value;
      }
    }
    if (whole + part < pixels) {
      Vector<T> factor[rows];
#pragma GCC unroll 4
      for (int i = 0; i < rows; ++i) factor[i] = load(left[i] + from_left + whole);
#pragma GCC unroll 12
      for (int j = 0; j < columns; ++j) {
        const Vector<T> value = keep_lanes<T>(load(right[j] + from_right + whole), mask);
#pragma GCC unroll 4
        for (int i = 0; i < rows; ++i) accumulator[i][j] += factor[i] * value;
      }
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < columns; ++j) store(result + (i * columns + j) * step + part, accumulator[i][j]);
  }
}

template <class T, int rows, int columns>
void dot_tile(const convgrad::kernels::DotOperand<T>& a, const convgrad::kernels::DotOperand<T>& b,
              int64_t rows_of_pixels, int64_t pixels, T* result) {
  for (int64_t part = 0; part < convgrad::kernels::row_lanes<T>; part += lanes_of<T>)
    dot_part<T, rows, columns>(a, b, rows_of_pixels, pixels, part, result);
}

}  // namespace

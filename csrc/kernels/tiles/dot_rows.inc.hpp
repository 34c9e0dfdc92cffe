// The fifth micro-kernel of micro_kernels.hpp, written once for every ISA.
#pragma once

#include "kernels/tiles/dot_tile.inc.hpp"

namespace {

// Adds one row of `b` to the rows low .. high of the kernel, if there are such.
template <class T, int low, int high, int rows, int columns>
inline __attribute__((always_inline)) void add_dots(const T* left, int64_t left_step, const T* const (&right)[columns],
                                                    int64_t from, int64_t whole, bool more,
                                                    typename VectorOf<T>::Mask mask,
                                                    Vector<T> (&accumulator)[rows][columns]) {
  if constexpr (high < rows) {
    for (int64_t x = 0; x < whole; x += convgrad::kernels::sum_lanes<T>)
      add_products<T, low, high>([&](int i) { return load(left - i * left_step + x); },
                                 [&](int j) { return load(right[j] + from + x); }, accumulator);
    if (more)
      add_products<T, low, high>([&](int i) { return keep_lanes<T>(load(left - i * left_step + whole), mask); },
                                 [&](int j) { return keep_lanes<T>(load(right[j] + from + whole), mask); },
                                 accumulator);
  }
}

// The lanes `part` .. `part` + lanes - 1 of every row of sum_lanes pixels.
template <class T, int rows, int columns>
inline __attribute__((always_inline)) void dot_rows_part(const T* a, const T* b,
                                                         const convgrad::kernels::DotRows& address, int64_t part,
                                                         T* result) {
  constexpr int64_t step = convgrad::kernels::sum_lanes<T>;
  const int64_t whole = address.pixels / step * step;
  // Lane l of the last vector counts if whole + part + l < pixels.
  typename VectorOf<T>::Mask mask{};
  for (int64_t l = 0; l < lanes_of<T>; ++l) mask[l] = whole + part + l < address.pixels ? -1 : 0;
  const bool more = whole + part < address.pixels;

  Vector<T> accumulator[rows][columns];
  const T* right[columns];
#pragma GCC unroll 12
  for (int j = 0; j < columns; ++j) {
    right[j] = b + address.column[j] + part;
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) accumulator[i][j] = load(result + (i * columns + j) * step + part);
  }
  for (int64_t p = 0; p < address.planes; ++p) {
    const T* left = a + address.a_plane[p] + part;
    int64_t from = address.b_plane[p];
    for (int64_t t = 0; t < address.rows_of_pixels + rows - 1; ++t) {
      // Row i of the kernel has it under row t - i of the pixels, if there is one.
      const int64_t low = t < address.rows_of_pixels ? 0 : t - address.rows_of_pixels + 1;
      const int64_t high = t < rows ? t : rows - 1;
      switch (low * 4 + high) {
        case 0: add_dots<T, 0, 0>(left, address.a_step, right, from, whole, more, mask, accumulator); break;
        case 1: add_dots<T, 0, 1>(left, address.a_step, right, from, whole, more, mask, accumulator); break;
        case 2: add_dots<T, 0, 2>(left, address.a_step, right, from, whole, more, mask, accumulator); break;
        case 5: add_dots<T, 1, 1>(left, address.a_step, right, from, whole, more, mask, accumulator); break;
        case 6: add_dots<T, 1, 2>(left, address.a_step, right, from, whole, more, mask, accumulator); break;
        case 10: add_dots<T, 2, 2>(left, address.a_step, right, from, whole, more, mask, accumulator); break;
        default: break;
      }
      left += address.a_step;
      from += address.b_step;
    }
  }
#pragma GCC unroll 12
  for (int j = 0; j < columns; ++j) {
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) store(result + (i * columns + j) * step + part, accumulator[i][j]);
  }
}

template <class T, int rows, int columns>
void dot_rows(const T* a, const T* b, const convgrad::kernels::DotRows& address, T* result) {
  for (int64_t part = 0; part < convgrad::kernels::sum_lanes<T>; part += lanes_of<T>)
    dot_rows_part<T, rows, columns>(a, b, address, part, result);
}

}  // namespace

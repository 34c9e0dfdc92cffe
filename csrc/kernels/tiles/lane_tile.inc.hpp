// The sixth micro-kernel of lane_kernels.hpp, written once for every ISA.
#pragma once

#include "kernels/kernel_set.hpp"
#include "kernels/vector.inc.hpp"

namespace {

template <class T, int rows, int columns>
void lane_tile(const T* weights, const T* source, const convgrad::kernels::LaneAddress& address, const T* start,
               T* result) {
  constexpr int lanes = lanes_of<T>;
  Vector<T> accumulator[rows][columns];
#pragma GCC unroll 2
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 14
    for (int j = 0; j < columns; ++j)
      accumulator[i][j] = load(start + i * address.start_row + j * address.start_column);
  // From the end, which is where the counter is 0.
  const int64_t* const tap_offset = address.tap_offset + address.taps;
  const int64_t source_row = address.source_row;
  for (int64_t r = -address.taps; r != 0; ++r, weights += lanes) {
    const T* from = source + tap_offset[r];
    const Vector<T> weight = load(weights);
#pragma GCC unroll 2
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 14
      for (int j = 0; j < columns; ++j) add_product<T>(accumulator[i][j], weight, load(from + j * lanes));
      if (i + 1 < rows) from += source_row;
    }
  }
#pragma GCC unroll 2
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 14
    for (int j = 0; j < columns; ++j)
      store(result + i * address.result_row + j * address.result_column, accumulator[i][j]);
}

}  // namespace

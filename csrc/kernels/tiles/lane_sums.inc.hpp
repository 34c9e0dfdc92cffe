// The seventh micro-kernel of lane_kernels.hpp, written once for every ISA.
#pragma once

#include "kernels/kernel_set.hpp"
#include "kernels/vector.inc.hpp"

namespace {

template <class T, int taps>
void lane_sums(const T* grad, const T* source, const convgrad::kernels::LanePixels& pixels, const int64_t* tap_offset,
               T* sums) {
  constexpr int lanes = lanes_of<T>;
  Vector<T> accumulator[taps];
#pragma GCC unroll 9
  for (int t = 0; t < taps; ++t) accumulator[t] = Vector<T>{};
  const T* from[taps];
#pragma GCC unroll 9
  for (int t = 0; t < taps; ++t) from[t] = source + tap_offset[t];
  const int64_t columns = pixels.columns * lanes;
  for (int64_t row = 0; row < pixels.rows; ++row) {
    for (int64_t x = 0; x < columns; x += lanes) {
      const Vector<T> value = load(grad + x);
#pragma GCC unroll 9
      for (int t = 0; t < taps; ++t) add_product<T>(accumulator[t], value, load(from[t] + x));
    }
    grad += pixels.grad_row;
#pragma GCC unroll 9
    for (int t = 0; t < taps; ++t) from[t] += pixels.source_row;
  }
#pragma GCC unroll 9
  for (int t = 0; t < taps; ++t) store(sums + t * lanes, load(sums + t * lanes) + accumulator[t]);
}

}  // namespace

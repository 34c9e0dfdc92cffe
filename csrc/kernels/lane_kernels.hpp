// The micro-kernels for layers of many groups, whose lanes are neighboring groups: what each computes, and what it
// promises. Continues micro_kernels.hpp.
#pragma once

#include <stdint.h>

namespace convgrad::kernels {

// The sixth micro-kernel, for layers of many groups: lanes are neighboring groups, each with a pixel and a weight of
// its own, so nothing is broadcast:
//
//     accumulator[i][j][:] += source[tap_offset[r] + i * source_row + j * lanes ...] * weights[r * lanes ...]
//
//       for `rows` rows of pixels and `columns` neighbors of each, in a strip whose elements are vectors of groups
//
//       start    accumulator[i][j] starts as start[i * start_row + j * start_column ...]
//       result   and is stored at result[i * result_row + j * result_column ...]; may be `start`
//
// The same promise: one lane, one chain, in the order of r.
inline constexpr int max_lane_rows = 2;
inline constexpr int max_lane_columns = 14;

struct LaneAddress {
  const int64_t* tap_offset;
  int64_t taps;
  int64_t source_row;
  int64_t start_row;
  int64_t start_column;
  int64_t result_row;
  int64_t result_column;
};

template <class T>
using LaneTile = void (*)(const T* weights, const T* source, const LaneAddress& address, const T* start, T* result);

// The seventh, for the gradient of the same layers: sums over pixels, from zero, which are then added to those that are
// there:
//
//     sums[t * lanes ...] += sum over rows and columns of grad[row * grad_row + column * lanes ...] *
//                            source[tap_offset[t] + row * source_row + column * lanes ...]
//
// One lane, one chain in the order of the pixels, for each tap and call.
inline constexpr int max_lane_taps = 9;

struct LanePixels {
  int64_t rows;
  int64_t columns;
  int64_t grad_row;
  int64_t source_row;
};

template <class T>
using LaneSums = void (*)(const T* grad, const T* source, const LanePixels& pixels, const int64_t* tap_offset, T* sums);

}  // namespace convgrad::kernels

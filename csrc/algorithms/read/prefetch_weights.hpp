// The prefetch of weights that are packed next.
#pragma once

#include "algorithms/common/prefetch.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad {

// The weights that `pack_weights` is about to take.
template <class T>
Prefetch<T> prefetch_of_weights(const Weights<T>& weights, Index channels, const Index (&taps)[axes], Index lanes,
                                Index steps) noexcept {
  const Index count = taps[0] * taps[1] * taps[2];
  if (weights.channel == count)  // forward: a row for each lane
    return {{weights.data, weights.lane, lanes, channels * count}, steps};
  // In grad_input a row for each channel, whose taps go backwards.
  if (weights.lane != count) return {};
  const T* first = weights.data;
  for (int axis = 0; axis < axes; ++axis) first += smaller(0, weights.axis[axis]) * (taps[axis] - 1);
  return {{first, weights.channel, channels, lanes * count}, steps};
}

}  // namespace convgrad

// Brings the weights that are packed next into the second-level cache, a few lines at a time, while others are
// multiplied: packing reads many short rows that are far apart, which no processor foresees.
#pragma once

#include "algorithms/gemm/panel.hpp"

namespace convgrad::gemm {

template <class T>
class WeightsAhead {
 public:
  WeightsAhead() = default;
  // All of it within `steps` steps.
  WeightsAhead(const Weights<T>& weights, Index channels, const Index (&taps)[axes], Index lanes,
               Index steps) noexcept {
    const Index count = taps[0] * taps[1] * taps[2];
    if (weights.channel == count) {  // forward: a row for each lane
      first_ = weights.data;
      row_pitch_ = weights.lane;
      row_lines_ = divide_up(channels * count, line) + 1;
      left_ = lanes * row_lines_;
    } else if (weights.lane == count) {  // grad_input: a row for each channel, whose taps go backwards
      first_ = weights.data;
      for (int axis = 0; axis < axes; ++axis) first_ += smaller(0, weights.axis[axis]) * (taps[axis] - 1);
      row_pitch_ = weights.channel;
      row_lines_ = divide_up(lanes * count, line) + 1;
      left_ = channels * row_lines_;
    }
    lines_per_step_ = divide_up(left_, larger(1, steps));
  }

  void step() noexcept {
    for (Index i = smaller(lines_per_step_, left_); i > 0; --i, --left_) {
      __builtin_prefetch(first_ + line_ * line, 0, 2);
      if (++line_ < row_lines_) continue;
      line_ = 0;
      first_ += row_pitch_;
    }
  }

 private:
  static constexpr Index line = 64 / static_cast<Index>(sizeof(T));

  const T* first_ = nullptr;
  Index row_pitch_ = 0;
  Index row_lines_ = 0;
  Index line_ = 0;
  Index left_ = 0;
  Index lines_per_step_ = 0;
};

}  // namespace convgrad::gemm

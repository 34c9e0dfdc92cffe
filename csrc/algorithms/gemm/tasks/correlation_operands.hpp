// What one run of a correlation reads and writes.
#pragma once

#include "algorithms/gemm/write/bias.hpp"
#include "algorithms/read/weights.hpp"
#include "core/geometry.hpp"

namespace convgrad::gemm {

template <class T>
struct CorrelationOperands {
  Tensor<const T> input;
  Weights<T> weights;
  const T* packed = nullptr;  // what `pack` made of the weights, or null: they are read as they lie
  Bias<T> bias;
  Tensor<T> output;
};

}  // namespace convgrad::gemm

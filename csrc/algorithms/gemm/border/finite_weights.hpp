// Products with the border's zeros may be left out as long as every weight is finite: infinity or nan times zero is
// nan, which would be missing in the sum.
#pragma once

#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

// Whether no weight of these output channels (`lanes`), from weights.data on, is infinite or nan.
template <class T>
bool weights_are_finite(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index lanes, Index channels,
                        const Index (&taps)[axes]) noexcept;

}  // namespace convgrad::gemm

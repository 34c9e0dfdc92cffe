// Algorithm "gemm": all three passes as one blocked GEMM whose im2col matrix is an address, of which at most a
// block is ever stored. Serves every problem.
#pragma once

#include "algorithms/algorithm.hpp"

namespace convgrad::gemm {

template <class T>
Candidate<T> candidate() noexcept;

}  // namespace convgrad::gemm

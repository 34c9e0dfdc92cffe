// Slow and obvious: equations (1)-(3) as loops. The last candidate of every pass, and what the others are tested
// against.
#pragma once

#include "algorithms/algorithm.hpp"

namespace convgrad::reference {

template <class T>
Candidate<T> candidate() noexcept;

}  // namespace convgrad::reference

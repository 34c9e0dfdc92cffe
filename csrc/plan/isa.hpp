// Which kernel set runs: the best that the processor has, or the one that CONVGRAD_ISA names.
#pragma once

#include "convgrad/convgrad.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad {

// Decided once per process. A bad CONVGRAD_ISA, or another bad variable in the environment, is reported every time it
// is asked for.
Status active_isa_table(const kernels::IsaTable*& table) noexcept;

}  // namespace convgrad

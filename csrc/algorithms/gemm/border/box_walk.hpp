// A box within a box, as a micro-kernel walks it: those rows of a panel, one for each element of the outer box, that
// belong to the inner one.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "core/geometry.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

struct BoxWalk {
  Index first;  // the panel's row, and the offset, where it begins
  kernels::Reduction reduction;
};

// Images and axes of pixels, or channels and axes of taps.
inline constexpr int levels = axes + 1;

// Of all `offsets`, those in `range`, which is whole but for at most two levels below the outermost that has more than
// one.
BoxWalk walk_box(const Index (&size)[levels], const Range (&range)[levels], const Index* offsets) noexcept;

}  // namespace convgrad::gemm

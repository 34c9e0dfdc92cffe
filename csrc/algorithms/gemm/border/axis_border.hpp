// Where the kernel meets the input, and where the border, along one axis. All that leaves out the border asks here.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "core/geometry.hpp"

namespace convgrad::gemm {

// Structural: there is room for a table of so many output positions along an axis. Of more, hardly any lie on the
// border.
inline constexpr Index most_border_positions = 1024;

// The taps that meet the input at an output position; none where it lies on the border entirely.
Range taps_within_input(const Geometry& geometry, int axis, Index position) noexcept;

// The output positions that meet the input under a tap.
Range positions_within_input(const Geometry& geometry, int axis, Index tap) noexcept;

// Of all pairs of an output position and a tap, the share that meets the input.
double share_within_input(const Geometry& geometry, int axis) noexcept;

}  // namespace convgrad::gemm

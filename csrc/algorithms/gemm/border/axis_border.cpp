#include "algorithms/gemm/border/axis_border.hpp"

#include "algorithms/common/places_within.hpp"

namespace convgrad::gemm {

Range taps_within_input(const Geometry& g, int axis, Index position) noexcept {
  return places_within(position * g.stride[axis] - g.padding[axis], g.dilation[axis], g.kernel[axis], g.input[axis]);
}

Range positions_within_input(const Geometry& g, int axis, Index tap) noexcept {
  return places_within(tap * g.dilation[axis] - g.padding[axis], g.stride[axis], g.output[axis], g.input[axis]);
}

// Counted along whichever is shorter. In double: layers too large to run are planned, too.
double share_within_input(const Geometry& g, int axis) noexcept {
  double pairs = 0;
  if (g.kernel[axis] < g.output[axis])
    for (Index tap = 0; tap < g.kernel[axis]; ++tap)
      pairs += static_cast<double>(positions_within_input(g, axis, tap).count());
  else
    for (Index position = 0; position < g.output[axis]; ++position)
      pairs += static_cast<double>(taps_within_input(g, axis, position).count());
  return pairs / (static_cast<double>(larger(1, g.kernel[axis])) * static_cast<double>(larger(1, g.output[axis])));
}

}  // namespace convgrad::gemm

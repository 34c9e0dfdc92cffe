#include "algorithms/gemm/border/border_pixels.hpp"

#include "algorithms/gemm/border/axis_border.hpp"

namespace convgrad::gemm {

double share_of_border_products(const Geometry& geometry) noexcept {
  double met = 1;
  for (int axis = 0; axis < axes; ++axis) met *= share_within_input(geometry, axis);
  return 1 - met;
}

BoxWalk find_border_pixels(const Geometry& geometry, const PixelBlock& pixels, const Index (&tap)[axes],
                           const Index* pixel_offsets) noexcept {
  const Index size[levels] = {pixels.images, pixels.size[0], pixels.size[1], pixels.size[2]};
  Range range[levels] = {{0, pixels.images}};
  for (int level = 1; level < levels; ++level) {
    const int axis = level - 1;
    const Range met = positions_within_input(geometry, axis, tap[axis]);
    range[level] = {larger(0, met.first - pixels.first[axis]), smaller(size[level], met.last - pixels.first[axis])};
    if (range[level].count() <= 0) return {0, {pixel_offsets, 0}};
  }
  // With several images a kernel can follow cuts along two axes: then the innermost is walked as a whole.
  if (!leaves_out_all(pixels) && range[1].count() < size[1] && range[2].count() < size[2]) range[3] = {0, size[3]};
  return walk_box(size, range, pixel_offsets);
}

}  // namespace convgrad::gemm

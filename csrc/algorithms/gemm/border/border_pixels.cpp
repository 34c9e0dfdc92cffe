#include "algorithms/gemm/border/border_pixels.hpp"

namespace convgrad::gemm {

namespace {

// The output positions along an axis whose input under a tap is no padding.
Range inside(const Geometry& g, int axis, Index tap) noexcept {
  const Index origin = tap * g.dilation[axis] - g.padding[axis];
  const Index first = origin < 0 ? divide_up(-origin, g.stride[axis]) : 0;
  const Index left = g.input[axis] - origin;
  const Index last = left <= 0 ? 0 : smaller(g.output[axis], divide_up(left, g.stride[axis]));
  return {smaller(first, g.output[axis]), last};
}

}  // namespace

double share_of_border_products(const Geometry& geometry) noexcept {
  double met = 1;
  for (int axis = 0; axis < axes; ++axis) {
    Index positions = 0;
    for (Index tap = 0; tap < geometry.kernel[axis]; ++tap) {
      const Range range = inside(geometry, axis, tap);
      positions += larger(0, range.last - range.first);
    }
    const auto all =
        static_cast<double>(larger(1, geometry.kernel[axis])) * static_cast<double>(larger(1, geometry.output[axis]));
    met *= static_cast<double>(positions) / all;
  }
  return 1 - met;
}

BoxWalk find_border_pixels(const Geometry& geometry, const PixelBlock& pixels, const Index (&tap)[axes],
                           const Index* pixel_offsets) noexcept {
  const Index size[levels] = {pixels.images, pixels.size[0], pixels.size[1], pixels.size[2]};
  Range range[levels] = {{0, pixels.images}};
  for (int level = 1; level < levels; ++level) {
    const int axis = level - 1;
    const Range met = inside(geometry, axis, tap[axis]);
    range[level] = {larger(0, met.first - pixels.first[axis]), smaller(size[level], met.last - pixels.first[axis])};
    if (range[level].count() <= 0) return {0, {pixel_offsets, 0}};
  }
  // With several images a kernel can follow cuts along two axes: then the innermost is walked as a whole.
  if (!leaves_out_all(pixels) && range[1].count() < size[1] && range[2].count() < size[2]) range[3] = {0, size[3]};
  return walk_box(size, range, pixel_offsets);
}

}  // namespace convgrad::gemm

#include "algorithms/gemm/border_pixels.hpp"

#include <algorithm>

namespace convgrad::gemm {

namespace {

struct Range {
  Index first;
  Index last;
};

// The output positions along an axis whose input under a tap is no padding.
Range inside(const Geometry& g, int axis, Index tap) noexcept {
  const Index origin = tap * g.dilation[axis] - g.padding[axis];
  const Index first = origin < 0 ? divide_up(-origin, g.stride[axis]) : 0;
  const Index left = g.input[axis] - origin;
  const Index last = left <= 0 ? 0 : smaller(g.output[axis], divide_up(left, g.stride[axis]));
  return {smaller(first, g.output[axis]), last};
}

}  // namespace

double border_share(const Geometry& geometry) noexcept {
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

BorderPixels find_border_pixels(const Geometry& geometry, const PixelBlock& pixels, const Index (&tap)[axes],
                                Index width, const Index* pixel_offsets, Index* selected) noexcept {
  constexpr int levels = axes + 1;  // images, and the axes
  const Index size[levels] = {pixels.images, pixels.size[0], pixels.size[1], pixels.size[2]};
  Range range[levels] = {{0, pixels.images}, {}, {}, {}};
  int outermost = size[0] > 1 ? 0 : levels;
  int innermost = levels;  // of those cut
  double most = 0;
  for (int level = 1; level < levels; ++level) {
    const int axis = level - 1;
    const Range met = inside(geometry, axis, tap[axis]);
    range[level] = {larger(0, met.first - pixels.first[axis]), smaller(size[level], met.last - pixels.first[axis])};
    if (range[level].first >= range[level].last) return {0, {pixel_offsets, 0, 1, 0}};
    if (outermost == levels && size[level] > 1) {
      outermost = level;
      continue;
    }
    const double left_out =
        1 - static_cast<double>(range[level].last - range[level].first) / static_cast<double>(size[level]);
    if (left_out <= most) continue;
    most = left_out;
    innermost = level;
  }
  for (int level = 0; level < levels; ++level)
    if (level != outermost && level != innermost) range[level] = {0, size[level]};

  Index first = 0;
  Index pieces = 1;  // of which the pixels consist,
  Index length = 1;  // each of so many,
  Index pitch = 1;   // and so far from the next
  for (int level = levels - 1; level >= 0; --level) {
    const Index count = range[level].last - range[level].first;
    Index step = 1;
    for (int inner = level + 1; inner < levels; ++inner) step *= size[inner];
    first += range[level].first * step;
    if (innermost == levels || level >= innermost) {
      length *= count;
      pitch = step * size[level];
    } else {
      pieces *= count;
    }
  }
  if (pieces == 1 || length == pitch) return {first, {pixel_offsets + first, length * pieces, 1, 0}};
  for (Index piece = 0; piece < pieces; ++piece)
    std::copy_n(pixel_offsets + first + piece * pitch, length, selected + piece * length);
  return {first, {selected, length, pieces, (pitch - length) * width}};
}

}  // namespace convgrad::gemm

#include "algorithms/gemm/border_bands.hpp"

namespace convgrad::gemm {

namespace {

// More bands, and their thinner tiles cost what they save.
constexpr double least_left_out = 0.02;
// Nor is there much to leave out of larger maps.
constexpr Index most_positions = 1024;

struct Range {
  Index first;
  Index last;
};

// The taps along one axis that meet the input at output position `position`; all of them if there are none.
Range inside(const Geometry& g, int axis, Index position) noexcept {
  const Index origin = position * g.stride[axis] - g.padding[axis];
  Range range{0, g.kernel[axis]};
  if (origin < 0) range.first = divide_up(-origin, g.dilation[axis]);
  const Index left = g.input[axis] - origin;
  range.last = left <= 0 ? 0 : smaller(range.last, divide_up(left, g.dilation[axis]));
  if (range.first >= range.last) return {0, g.kernel[axis]};
  return range;
}

bool never_on_border(const Geometry& g, int axis) noexcept {
  const Index last = (g.output[axis] - 1) * g.stride[axis] - g.padding[axis] + (g.kernel[axis] - 1) * g.dilation[axis];
  return g.kernel[axis] == 1 || (g.padding[axis] <= 0 && last < g.input[axis]);
}

}  // namespace

BorderParts::BorderParts(const Geometry& geometry) noexcept : geometry_(geometry) {
  const Index planes = geometry.output[0];
  const Index rows = geometry.output[1];
  parts_[0] = {{0, 0}, {geometry.kernel[0], geometry.kernel[1]}};
  if (planes + rows > most_positions || (never_on_border(geometry, 0) && never_on_border(geometry, 1))) return;
  // A plane on the border, and every row of one that is not.
  Index whole_planes = 0;
  Index used = 0;
  const auto add = [&](const KernelPart& part) {
    for (Index known = 0; known < count_; ++known)
      if (parts_[known] == part) return true;
    if (count_ == most_parts) return false;
    parts_[count_++] = part;
    return true;
  };
  bool fits = true;
  for (Index i = 0; i < planes && fits; ++i) {
    const Range range = inside(geometry, 0, i);
    const bool whole = range.last - range.first == geometry.kernel[0];
    whole_planes += whole ? 1 : 0;
    if (whole) continue;
    used += (range.last - range.first) * geometry.kernel[1] * rows;
    fits = add({{range.first, 0}, {range.last, geometry.kernel[1]}});
  }
  for (Index j = 0; j < rows && fits && whole_planes > 0; ++j) {
    const Range range = inside(geometry, 1, j);
    used += (range.last - range.first) * geometry.kernel[0] * whole_planes;
    fits = add({{0, range.first}, {geometry.kernel[0], range.last}});
  }
  const Index all = planes * rows * geometry.kernel[0] * geometry.kernel[1];
  if (fits && all > 0) left_out_ = 1 - static_cast<double>(used) / static_cast<double>(all);
  if (left_out_ >= least_left_out) return;
  left_out_ = 0;
  count_ = 1;
}

KernelPart BorderParts::find_part(Index plane, Index row) const noexcept {
  const Range planes = inside(geometry_, 0, plane);
  if (planes.last - planes.first < geometry_.kernel[0]) return {{planes.first, 0}, {planes.last, geometry_.kernel[1]}};
  const Range rows = inside(geometry_, 1, row);
  return {{0, rows.first}, {geometry_.kernel[0], rows.last}};
}

Index BorderParts::bands(const PixelBlock& pixels, BorderBand* bands) const noexcept {
  if (count_ == 1) {
    bands[0] = {0, pixels.count(), 0};
    return 1;
  }
  Index count = 0;
  Index pixel = 0;
  for (Index n = 0; n < pixels.images; ++n)
    for (Index i = 0; i < pixels.size[0]; ++i)
      for (Index j = 0; j < pixels.size[1]; ++j, pixel += pixels.size[2]) {
        const KernelPart here = find_part(pixels.first[0] + i, pixels.first[1] + j);
        Index part = 0;
        while (!(parts_[part] == here)) ++part;
        if (count > 0 && bands[count - 1].part == part)
          bands[count - 1].pixels += pixels.size[2];
        else
          bands[count++] = {pixel, pixels.size[2], part};
      }
  return count;
}

Index BorderParts::taps_of(Index part) const noexcept {
  const KernelPart& p = parts_[part];
  return (p.last[0] - p.first[0]) * (p.last[1] - p.first[1]) * geometry_.kernel[2];
}

void BorderParts::select(Index part, const Index* taps, Index channels, Index* selected) const noexcept {
  const KernelPart& p = parts_[part];
  const Index line = geometry_.kernel[2];
  for (Index c = 0; c < channels; ++c, taps += geometry_.taps_per_channel())
    for (Index i = p.first[0]; i < p.last[0]; ++i)
      for (Index j = p.first[1]; j < p.last[1]; ++j)
        for (Index k = 0; k < line; ++k) *selected++ = taps[(i * geometry_.kernel[1] + j) * line + k];
}

kernels::Reduction BorderParts::reduction(Index part, const Index* selected, Index channels, Index width,
                                          Index& start) const noexcept {
  const KernelPart& p = parts_[part];
  const Index plane = geometry_.kernel[1] * geometry_.kernel[2];
  const Index planes = p.last[0] - p.first[0];
  const Index rows = p.last[1] - p.first[1];
  start = (p.first[0] * plane + p.first[1] * geometry_.kernel[2]) * width;
  if (planes < geometry_.kernel[0])
    return {selected, planes * plane, channels, (geometry_.kernel[0] - planes) * plane * width};
  if (rows < geometry_.kernel[1])
    return {selected, rows * geometry_.kernel[2], channels * planes,
            (geometry_.kernel[1] - rows) * geometry_.kernel[2] * width};
  return {selected, channels * geometry_.taps_per_channel(), 1, 0};
}

}  // namespace convgrad::gemm

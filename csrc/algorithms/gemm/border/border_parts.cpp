#include "algorithms/gemm/border/border_parts.hpp"

#include <algorithm>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/gemm/border/axis_border.hpp"

namespace convgrad::gemm {

namespace {

// The taps along one axis that count at an output position: those that meet the input, or all of them if none does.
Range counted_taps(const Geometry& g, int axis, Index position) noexcept {
  const Range taps = taps_within_input(g, axis, position);
  return taps.count() > 0 ? taps : Range{0, g.kernel[axis]};
}

bool never_on_border(const Geometry& g, int axis) noexcept {
  const Index last = (g.output[axis] - 1) * g.stride[axis] - g.padding[axis] + (g.kernel[axis] - 1) * g.dilation[axis];
  return g.kernel[axis] == 1 || (g.padding[axis] <= 0 && last < g.input[axis]);
}

// The share of an axis' taps that parts along it would leave out.
double share_left_out(const Geometry& g, int axis) noexcept {
  double counted = 0;
  for (Index i = 0; i < g.output[axis]; ++i) counted += static_cast<double>(counted_taps(g, axis, i).count());
  return 1 -
         counted / (static_cast<double>(larger(1, g.output[axis])) * static_cast<double>(larger(1, g.kernel[axis])));
}

}  // namespace

BorderParts::BorderParts(const Geometry& geometry, const Tuning& tuning) noexcept : geometry_(geometry) {
  const auto taps = static_cast<double>(larger(1, geometry.in_channels * geometry.taps_per_channel()));
  for (int axis = 0; axis < axes; ++axis) {
    range_[axis][0] = {0, geometry.kernel[axis]};
    if (geometry.output[axis] > most_border_positions || never_on_border(geometry, axis)) continue;
    const double least = tuning.border_least_share_of_taps;
    const double least_of_axis = axis < 2 ? least : least / 2 + tuning.border_taps_of_a_copy / taps;
    if (share_left_out(geometry, axis) >= least_of_axis) find_ranges(axis);
  }
  decide_corners(tuning);
  count_left_out();
}

// All or, where there is no room for all, none.
void BorderParts::find_ranges(int axis) noexcept {
  const Index others = count();
  for (Index i = 0; i < geometry_.output[axis]; ++i) {
    if (range_of(axis, i) < count_[axis]) continue;
    if (others * (count_[axis] + 1) > most_parts) {
      count_[axis] = 1;
      return;
    }
    range_[axis][count_[axis]++] = counted_taps(geometry_, axis, i);
  }
}

// Which of the ranges is the one at this position.
Index BorderParts::range_of(int axis, Index position) const noexcept {
  const Range here = counted_taps(geometry_, axis, position);
  Index known = 0;
  while (known < count_[axis] && !(range_[axis][known] == here)) ++known;
  return known;
}

// Where two axes are cut, but few pixels share a corner, it is better off with those of its edge.
void BorderParts::decide_corners(const Tuning& tuning) noexcept {
  double pixels =
      std::min(static_cast<double>(geometry_.batch * geometry_.output_pixels()), tuning.border_block_pixels);
  int cut = 0;
  for (int axis = 0; axis < axes; ++axis) {
    if (count_[axis] == 1) continue;
    ++cut;
    Index whole = 0;
    for (Index i = 0; i < geometry_.output[axis]; ++i) whole += range_of(axis, i) == 0 ? 1 : 0;
    pixels *= 1 - static_cast<double>(whole) / static_cast<double>(geometry_.output[axis]);
    pixels /= static_cast<double>(count_[axis] - 1);
  }
  corners_ = cut == 2 && pixels >= tuning.border_corner_pixels;
}

// The number of a pixel's part. At an edge and in a corner, only the outermost axis is cut unless corners count.
Index BorderParts::part(Index plane, Index row, Index column) const noexcept {
  if (!corners_ && plane > 0) row = 0;
  if (!corners_ && (plane > 0 || row > 0)) column = 0;
  return (plane * count_[1] + row) * count_[2] + column;
}

void BorderParts::count_left_out() noexcept {
  if (count() == 1) return;
  Index pixels[axes][most_parts] = {};  // along each axis, that share a range
  for (int axis = 0; axis < axes; ++axis)
    if (count_[axis] == 1)
      pixels[axis][0] = geometry_.output[axis];
    else
      for (Index i = 0; i < geometry_.output[axis]; ++i) ++pixels[axis][range_of(axis, i)];
  double used = 0;
  for (Index i = 0; i < count_[0]; ++i)
    for (Index j = 0; j < count_[1]; ++j)
      for (Index k = 0; k < count_[2]; ++k) {
        used += static_cast<double>(pixels[0][i] * pixels[1][j] * pixels[2][k]) *
                static_cast<double>(taps_of(part(i, j, k)));
      }
  left_out_ = 1 - used / (static_cast<double>(larger(1, geometry_.output_pixels())) *
                          static_cast<double>(larger(1, geometry_.taps_per_channel())));
}

Index BorderParts::arrange(const PixelBlock& pixels, Index* order, BorderGroup (&groups)[most_parts]) const noexcept {
  unsigned char of_column[most_border_positions];
  if (count_[2] > 1)
    for (Index k = 0; k < pixels.size[2]; ++k)
      of_column[k] = static_cast<unsigned char>(range_of(2, pixels.first[2] + k));
  // Calls visit(part, place, count) for all pixels in their order, a row at once unless its columns differ.
  const auto for_each_stretch = [&](const auto& visit) {
    Index place = 0;
    for (Index n = 0; n < pixels.images; ++n)
      for (Index i = 0; i < pixels.size[0]; ++i) {
        const Index plane = count_[0] == 1 ? 0 : range_of(0, pixels.first[0] + i);
        for (Index j = 0; j < pixels.size[1]; ++j, place += pixels.size[2]) {
          const Index row = count_[1] == 1 ? 0 : range_of(1, pixels.first[1] + j);
          if (count_[2] == 1 || (!corners_ && plane + row > 0))
            visit(part(plane, row, 0), place, pixels.size[2]);
          else
            for (Index k = 0; k < pixels.size[2]; ++k) visit(part(plane, row, of_column[k]), place + k, Index{1});
        }
      }
  };
  // Counted, then put where those of the parts before end.
  Index total[most_parts] = {};
  for_each_stretch([&](Index part, Index, Index count) { total[part] += count; });
  Index next[most_parts];
  Index group_count = 0;
  Index first = 0;
  for (Index part = 0; part < count(); ++part) {
    next[part] = first;
    if (total[part] > 0) groups[group_count++] = {first, total[part], part};
    first += total[part];
  }
  for_each_stretch([&](Index part, Index place, Index count) {
    for (Index i = 0; i < count; ++i) order[next[part]++] = place + i;
  });
  return group_count;
}

Range BorderParts::range(Index part, int axis) const noexcept {
  for (int inner = axes - 1; inner > axis; --inner) part /= count_[inner];
  return range_[axis][part % count_[axis]];
}

Index BorderParts::taps_of(Index part) const noexcept {
  return range(part, 0).count() * range(part, 1).count() * range(part, 2).count();
}

BoxWalk BorderParts::walk(Index part, const Index* tap_offsets, Index channels) const noexcept {
  const Index size[levels] = {channels, geometry_.kernel[0], geometry_.kernel[1], geometry_.kernel[2]};
  return walk_box(size, {{0, channels}, range(part, 0), range(part, 1), range(part, 2)}, tap_offsets);
}

}  // namespace convgrad::gemm

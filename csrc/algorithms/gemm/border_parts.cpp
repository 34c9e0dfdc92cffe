#include "algorithms/gemm/border_parts.hpp"

namespace convgrad::gemm {

namespace {

// For a smaller share of all taps, more and thinner tiles cost what they save.
constexpr double least_left_out = 0.01;
// Pixels that share columns are not neighbors: their sums are copied, which takes as long as some taps.
constexpr double taps_of_a_copy = 8;
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

bool is_whole(const Geometry& g, int axis, Range range) noexcept { return range.last - range.first == g.kernel[axis]; }

bool never_on_border(const Geometry& g, int axis) noexcept {
  const Index last = (g.output[axis] - 1) * g.stride[axis] - g.padding[axis] + (g.kernel[axis] - 1) * g.dilation[axis];
  return g.kernel[axis] == 1 || (g.padding[axis] <= 0 && last < g.input[axis]);
}

// The share of an axis' taps that lie on the border, and of its positions that have none there.
struct Share {
  double left_out;
  double whole;
};

Share find_share(const Geometry& g, int axis) noexcept {
  Index used = 0;
  Index whole = 0;
  for (Index i = 0; i < g.output[axis]; ++i) {
    const Range range = inside(g, axis, i);
    used += range.last - range.first;
    whole += is_whole(g, axis, range) ? 1 : 0;
  }
  const auto positions = static_cast<double>(larger(1, g.output[axis]));
  return {1 - static_cast<double>(used) / (positions * static_cast<double>(larger(1, g.kernel[axis]))),
          static_cast<double>(whole) / positions};
}

}  // namespace

BorderParts::BorderParts(const Geometry& geometry) noexcept : geometry_(geometry) {
  for (int axis = 0; axis < axes; ++axis) parts_[0].last[axis] = geometry.kernel[axis];
  const auto taps = static_cast<double>(larger(1, geometry.in_channels * geometry.taps_per_channel()));
  double whole = 1;  // of the pixels, those of no part so far
  for (int axis = 0; axis < axes; ++axis) {
    if (geometry.output[axis] > most_positions || never_on_border(geometry, axis)) continue;
    const Share share = find_share(geometry, axis);
    const double least = axis < 2 ? least_left_out : least_left_out / 2 + taps_of_a_copy / taps;
    if (share.left_out < least || !add_parts(axis)) continue;
    cut_[axis] = true;
    left_out_ += whole * share.left_out;
    whole *= share.whole;
  }
}

// All or, where there is no room for all, none.
bool BorderParts::add_parts(int axis) noexcept {
  const Index before = count_;
  for (Index i = 0; i < geometry_.output[axis]; ++i) {
    const Range range = inside(geometry_, axis, i);
    KernelPart part = parts_[0];
    part.first[axis] = range.first;
    part.last[axis] = range.last;
    Index known = 0;
    while (known < count_ && !(parts_[known] == part)) ++known;
    if (known < count_) continue;
    if (count_ == most_parts) {
      count_ = before;
      return false;
    }
    parts_[count_++] = part;
  }
  return true;
}

Index BorderParts::find_part(int axis, Index position) const noexcept {
  if (!cut_[axis]) return 0;
  const Range range = inside(geometry_, axis, position);
  KernelPart part = parts_[0];
  part.first[axis] = range.first;
  part.last[axis] = range.last;
  Index known = 0;
  while (!(parts_[known] == part)) ++known;
  return known;
}

Index BorderParts::arrange(const PixelBlock& pixels, Index* order, BorderGroup (&groups)[most_parts]) const noexcept {
  unsigned char of_column[most_positions];
  if (cut_[2])
    for (Index k = 0; k < pixels.size[2]; ++k)
      of_column[k] = static_cast<unsigned char>(find_part(2, pixels.first[2] + k));
  // Calls visit(part, place, count) for all pixels in their order, a row at once unless its columns differ.
  const auto for_each_stretch = [&](const auto& visit) {
    Index place = 0;
    for (Index n = 0; n < pixels.images; ++n)
      for (Index i = 0; i < pixels.size[0]; ++i) {
        const Index of_plane = find_part(0, pixels.first[0] + i);
        for (Index j = 0; j < pixels.size[1]; ++j, place += pixels.size[2]) {
          const Index of_row = of_plane > 0 ? of_plane : find_part(1, pixels.first[1] + j);
          if (of_row > 0 || !cut_[2])
            visit(of_row, place, pixels.size[2]);
          else
            for (Index k = 0; k < pixels.size[2]; ++k) visit(of_column[k], place + k, Index{1});
        }
      }
  };
  // Counted, then put where those of the parts before end.
  Index total[most_parts] = {};
  for_each_stretch([&](Index part, Index, Index count) { total[part] += count; });
  Index next[most_parts];
  Index group_count = 0;
  Index first = 0;
  for (Index part = 0; part < count_; ++part) {
    next[part] = first;
    if (total[part] > 0) groups[group_count++] = {first, total[part], part};
    first += total[part];
  }
  for_each_stretch([&](Index part, Index place, Index count) {
    for (Index i = 0; i < count; ++i) order[next[part]++] = place + i;
  });
  return group_count;
}

Index BorderParts::taps_of(Index part) const noexcept {
  const KernelPart& p = parts_[part];
  Index taps = 1;
  for (int axis = 0; axis < axes; ++axis) taps *= p.last[axis] - p.first[axis];
  return taps;
}

void BorderParts::select(Index part, const Index* taps, Index channels, Index* selected) const noexcept {
  const KernelPart& p = parts_[part];
  for (Index c = 0; c < channels; ++c, taps += geometry_.taps_per_channel())
    for (Index i = p.first[0]; i < p.last[0]; ++i)
      for (Index j = p.first[1]; j < p.last[1]; ++j)
        for (Index k = p.first[2]; k < p.last[2]; ++k)
          *selected++ = taps[(i * geometry_.kernel[1] + j) * geometry_.kernel[2] + k];
}

kernels::Reduction BorderParts::reduction(Index part, const Index* selected, Index channels, Index width,
                                          Index& start) const noexcept {
  const KernelPart& p = parts_[part];
  Index pieces = channels;
  Index inner = geometry_.taps_per_channel();  // what one step along the axis skips
  for (int axis = 0; axis < axes; ++axis) {
    inner /= geometry_.kernel[axis];
    const Index length = p.last[axis] - p.first[axis];
    if (length < geometry_.kernel[axis]) {
      start = p.first[axis] * inner * width;
      return {selected, length * inner, pieces, (geometry_.kernel[axis] - length) * inner * width};
    }
    pieces *= geometry_.kernel[axis];
  }
  start = 0;
  return {selected, channels * geometry_.taps_per_channel(), 1, 0};
}

}  // namespace convgrad::gemm

#include "algorithms/gemm/border/border_rows.hpp"

#include <algorithm>

#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

Range existing_rows(const Geometry& geometry, Index origin, Index count) noexcept {
  const Index step = geometry.dilation[1];
  Range rows{0, count};
  if (origin < 0) rows.first = smaller(count, divide_up(-origin, step));
  rows.last = origin >= geometry.input[1] ? 0 : smaller(count, divide_up(geometry.input[1] - origin, step));
  if (rows.last < rows.first) rows.last = rows.first;
  return rows;
}

namespace {

Range kernel_rows(const Geometry& geometry, Index row) noexcept {
  return existing_rows(geometry, row * geometry.stride[1] - geometry.padding[1], geometry.kernel[1]);
}

}  // namespace

double share_of_border_rows(const Geometry& geometry) noexcept {
  constexpr Index most_rows = 1024;  // of more, hardly any lie on the border
  if (geometry.output[1] > most_rows) return 0;
  Index used = 0;
  for (Index row = 0; row < geometry.output[1]; ++row) used += kernel_rows(geometry, row).count();
  return 1 - static_cast<double>(used) / static_cast<double>(larger(1, geometry.output[1] * geometry.kernel[1]));
}

// Axes that follow one another without a gap are read as one.
template <class T>
bool all_finite(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index lanes, Index channels,
                const Index (&taps)[axes]) noexcept {
  struct Axis {
    Index size, step;
  };
  Axis axis[] = {{lanes, weights.lane},
                 {channels, weights.channel},
                 {taps[0], weights.axis[0]},
                 {taps[1], weights.axis[1]},
                 {taps[2], weights.axis[2]}};
  constexpr int count = 5;
  const T* first = weights.data;
  for (Axis& a : axis) {
    if (a.size == 0) return true;
    if (a.size == 1) a.step = 0;
    if (a.step < 0) {
      first += (a.size - 1) * a.step;
      a.step = -a.step;
    }
  }
  std::sort(axis, axis + count, [](const Axis& a, const Axis& b) { return a.step < b.step; });
  Index in_a_row = 1;
  int next = 0;
  for (; next < count && (axis[next].size == 1 || axis[next].step == in_a_row); ++next) in_a_row *= axis[next].size;
  Index place[count] = {};
  for (;;) {
    const T* from = first;
    for (int a = next; a < count; ++a) from += place[a] * axis[a].step;
    if (!kernels.all_finite(from, in_a_row)) return false;
    int a = next;
    while (a < count && ++place[a] == axis[a].size) place[a++] = 0;
    if (a == count) return true;
  }
}

BorderRows::BorderRows(const Geometry& geometry) noexcept : geometry_(geometry) {
  range_[0] = {0, geometry.kernel[1]};
  for (Index row = 0; row < geometry.output[1]; ++row) {
    const Range range = kernel_rows(geometry, row);
    if (find(range) < count_) continue;
    if (count_ == most_ranges) {
      count_ = 1;
      return;
    }
    range_[count_++] = range;
  }
}

Index BorderRows::find(Range range) const noexcept {
  Index number = 0;
  while (number < count_ && !(range_[number] == range)) ++number;
  return number;
}

Index BorderRows::range_of(Index row) const noexcept { return count_ == 1 ? 0 : find(kernel_rows(geometry_, row)); }

template bool all_finite<float>(const kernels::KernelSet<float>&, const Weights<float>&, Index, Index,
                                const Index (&)[axes]) noexcept;
template bool all_finite<double>(const kernels::KernelSet<double>&, const Weights<double>&, Index, Index,
                                 const Index (&)[axes]) noexcept;

}  // namespace convgrad::gemm

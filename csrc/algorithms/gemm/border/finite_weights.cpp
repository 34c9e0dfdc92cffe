#include "algorithms/gemm/border/finite_weights.hpp"

#include <algorithm>

namespace convgrad::gemm {

// Axes that follow one another without a gap are read as one.
template <class T>
bool weights_are_finite(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index lanes, Index channels,
                        const Index (&taps)[axes]) noexcept {
  struct Axis {
    Index size, step;
  };
  Axis axis[] = {{lanes, weights.lane},
                 {channels, weights.channel},
                 {taps[0], weights.axis[0]},
                 {taps[1], weights.axis[1]},
                 {taps[2], weights.axis[2]}};
  constexpr int count = 2 + axes;
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

template bool weights_are_finite<float>(const kernels::KernelSet<float>&, const Weights<float>&, Index, Index,
                                        const Index (&)[axes]) noexcept;
template bool weights_are_finite<double>(const kernels::KernelSet<double>&, const Weights<double>&, Index, Index,
                                         const Index (&)[axes]) noexcept;

}  // namespace convgrad::gemm

#include "algorithms/read/weights.hpp"

namespace convgrad {

namespace {

// Rows of lanes that are neighbors, one for each channel: short and far apart, so that the hardware's prefetchers
// follow none of them. Those of the channels soon to come are brought into the second-level cache.
template <class T>
void copy_lanes(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index channels, Index lanes,
                Index width, T* panel) noexcept {
  constexpr Index line = 64 / Index{sizeof(T)};
  constexpr Index channels_ahead = 64;
  constexpr Index at_once = 4;
  for (Index c = 0; c < channels; c += at_once) {
    const Index some = smaller(at_once, channels - c);
    for (Index next = c + channels_ahead; next < smaller(channels, c + channels_ahead + some); ++next)
      for (Index lane = 0; lane < lanes; lane += line)
        __builtin_prefetch(weights.data + next * weights.channel + lane, 0, 2);
    kernels.copy_rows(weights.data + c * weights.channel, weights.channel, some, lanes, panel + c * width, width);
  }
}

}  // namespace

template <class T>
void pack_weights(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index channels,
                  const Index (&taps)[axes], Index lanes, Index width, T* panel) noexcept {
  const Index count = taps[0] * taps[1] * taps[2];
  // One channel's taps in a row, forwards or (grad_input) backwards, are transposed together; a whole kernel in a row
  // at once.
  const Index step = taps[2] > 1 ? weights.axis[2] : taps[1] > 1 ? weights.axis[1] : taps[0] > 1 ? weights.axis[0] : 1;
  const bool in_a_row = (step == 1 || step == -1) && (taps[1] == 1 || weights.axis[1] == step * taps[2]) &&
                        (taps[0] == 1 || weights.axis[0] == step * taps[2] * taps[1]);
  if (in_a_row && step == 1 && (weights.channel == count || channels == 1)) {
    kernels.transpose_padded(weights.data, weights.lane, lanes, channels * count, panel, width);
    return;
  }
  if (!in_a_row || count == 1) clear_unused(panel, channels * count, lanes, width);
  if (count == 1 && weights.lane == 1) {  // a 1x1 kernel's in grad_input
    copy_lanes(kernels, weights, channels, lanes, width, panel);
    return;
  }
  // Where the taps of a channel begin, and how far they reach.
  const T* lowest = weights.data;
  Index span = 1;
  for (int a = 0; a < axes; ++a) {
    lowest += smaller(0, (taps[a] - 1) * weights.axis[a]);
    span += (taps[a] - 1) * (weights.axis[a] < 0 ? -weights.axis[a] : weights.axis[a]);
  }
  // The lanes of a channel may lie together (grad_input), but those of the next channel far away.
  const bool near = count > 1 && weights.lane > 0 && weights.lane <= 4 * span;
  const Index together = near ? (lanes - 1) * weights.lane + span : 0;
  constexpr Index line = 64 / sizeof(T);
  const bool in_blocks = in_a_row && count > 1;
  const Index at_once = in_blocks ? 4 : 1;  // channels that fit the first-level cache, with those after them
  for (Index c = 0; c < channels; c += at_once) {
    const Index some = smaller(at_once, channels - c);
    for (Index next = c + some; next < smaller(c + some + at_once, channels); ++next)
      for (Index e = 0; e < together; e += line) __builtin_prefetch(lowest + next * weights.channel + e);
    const T* from = weights.data + c * weights.channel;
    T* to = panel + c * count * width;
    if (in_blocks) {
      const bool forwards = step == 1;
      kernels.transpose_all_padded(from - (forwards ? 0 : count - 1), weights.lane, lanes, count, weights.channel, some,
                                   to + (forwards ? 0 : (count - 1) * width), forwards ? width : -width, count * width);
      continue;
    }
    for (Index i = 0; i < taps[0]; ++i)
      for (Index j = 0; j < taps[1]; ++j)
        for (Index k = 0; k < taps[2]; ++k, to += width) {
          const T* tap = from + i * weights.axis[0] + j * weights.axis[1] + k * weights.axis[2];
          for (Index lane = 0; lane < lanes; ++lane) to[lane] = tap[lane * weights.lane];
        }
  }
}

template void pack_weights<float>(const kernels::KernelSet<float>&, const Weights<float>&, Index, const Index (&)[axes],
                                  Index, Index, float*) noexcept;
template void pack_weights<double>(const kernels::KernelSet<double>&, const Weights<double>&, Index,
                                   const Index (&)[axes], Index, Index, double*) noexcept;

}  // namespace convgrad

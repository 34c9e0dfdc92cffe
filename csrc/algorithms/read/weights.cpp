#include "algorithms/read/weights.hpp"

#include "algorithms/common/machine.hpp"
#include "algorithms/tuning.hpp"

namespace convgrad {

namespace {

template <class T>
constexpr Index line = cache_line_bytes / Index{sizeof(T)};

// The panel that weights are packed into, and the taps of each of its channels.
template <class T>
struct WeightPanel {
  T* data;
  Index lanes;  // that are output channels
  Index width;
  Index taps;  // rows of a channel
};

// One channel's taps, in memory.
struct TapStrides {
  Index step;     // between neighbors
  bool in_a_row;  // all of them lie next to one another, forwards or (grad_input) backwards
};

template <class T>
TapStrides tap_strides(const Weights<T>& weights, const Index (&taps)[axes]) noexcept {
  const Index step = taps[2] > 1 ? weights.axis[2] : taps[1] > 1 ? weights.axis[1] : taps[0] > 1 ? weights.axis[0] : 1;
  const bool in_a_row = (step == 1 || step == -1) && (taps[1] == 1 || weights.axis[1] == step * taps[2]) &&
                        (taps[0] == 1 || weights.axis[0] == step * taps[2] * taps[1]);
  return {step, in_a_row};
}

// Prefetches the lines of a channel of which output channels lie together, as in grad_input, but those of the next
// input channel far away.
template <class T>
class ChannelPrefetch {
 public:
  ChannelPrefetch(const Weights<T>& weights, const Index (&taps)[axes], Index lanes, Index most_spread) noexcept
      : lowest_(weights.data), channel_(weights.channel) {
    Index span = 1;  // from the lowest tap of an output channel to the highest
    Index count = 1;
    for (int a = 0; a < axes; ++a) {
      lowest_ += smaller(0, (taps[a] - 1) * weights.axis[a]);
      span += (taps[a] - 1) * (weights.axis[a] < 0 ? -weights.axis[a] : weights.axis[a]);
      count *= taps[a];
    }
    const bool together = count > 1 && weights.lane > 0 && weights.lane <= most_spread * span;
    elements_ = together ? (lanes - 1) * weights.lane + span : 0;
  }

  // Inlined in any case: GCC may take a function that only prefetches for one without effect, and drop the call.
  [[gnu::always_inline]] void channels(Index first, Index last) const noexcept {
    for (Index c = first; c < last; ++c)
      for (Index e = 0; e < elements_; e += line<T>) __builtin_prefetch(lowest_ + c * channel_ + e);
  }

 private:
  const T* lowest_;
  Index channel_;
  Index elements_;
};

// A 1x1 kernel's in grad_input: rows of lanes that are neighbors, one for each channel, short and far apart, so that
// the hardware follows none of them. Those of the channels soon to come are prefetched into the second-level cache.
template <class T>
void copy_lanes(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index channels,
                const WeightPanel<T>& panel) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  const Index distance = tuning.weights_prefetch_rows;
  const Index at_once = larger(1, tuning.weights_rows_at_once);
  for (Index c = 0; c < channels; c += at_once) {
    const Index some = smaller(at_once, channels - c);
    const Index last = distance > 0 ? smaller(channels, c + distance + some) : 0;
    for (Index next = c + distance; next < last; ++next)
      for (Index lane = 0; lane < panel.lanes; lane += line<T>)
        __builtin_prefetch(weights.data + next * weights.channel + lane, 0, 2);
    kernels.copy_rows(weights.data + c * weights.channel, weights.channel, some, panel.lanes,
                      panel.data + c * panel.width, panel.width);
  }
}

// Taps in a row are transposed, a few channels at a time.
template <class T>
void transpose_taps(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index channels, bool forwards,
                    const ChannelPrefetch<T>& prefetch, const WeightPanel<T>& panel) noexcept {
  const Index at_once = larger(1, tuning_of(kernels).weights_channels_at_once);
  const Index taps = panel.taps;
  const Index width = panel.width;
  const T* first = weights.data - (forwards ? 0 : taps - 1);
  T* to = panel.data + (forwards ? 0 : (taps - 1) * width);
  for (Index c = 0; c < channels; c += at_once) {
    const Index some = smaller(at_once, channels - c);
    prefetch.channels(c + some, smaller(c + some + at_once, channels));
    kernels.transpose_all_padded(first + c * weights.channel, weights.lane, panel.lanes, taps, weights.channel, some,
                                 to + c * taps * width, forwards ? width : -width, taps * width);
  }
}

// Any strides: element by element.
template <class T>
void gather_taps(const Weights<T>& weights, Index channels, const Index (&taps)[axes],
                 const ChannelPrefetch<T>& prefetch, const WeightPanel<T>& panel) noexcept {
  T* to = panel.data;
  for (Index c = 0; c < channels; ++c) {
    prefetch.channels(c + 1, smaller(c + 2, channels));
    const T* from = weights.data + c * weights.channel;
    for (Index i = 0; i < taps[0]; ++i)
      for (Index j = 0; j < taps[1]; ++j)
        for (Index k = 0; k < taps[2]; ++k, to += panel.width) {
          const T* tap = from + i * weights.axis[0] + j * weights.axis[1] + k * weights.axis[2];
          for (Index lane = 0; lane < panel.lanes; ++lane) to[lane] = tap[lane * weights.lane];
        }
  }
}

}  // namespace

template <class T>
void pack_weights(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index channels,
                  const Index (&taps)[axes], Index lanes, Index width, T* panel) noexcept {
  const Index count = taps[0] * taps[1] * taps[2];
  const TapStrides strides = tap_strides(weights, taps);
  // A whole kernel in a row is transposed at once.
  if (strides.in_a_row && strides.step == 1 && (weights.channel == count || channels == 1)) {
    kernels.transpose_padded(weights.data, weights.lane, lanes, channels * count, panel, width);
    return;
  }
  const WeightPanel<T> to{panel, lanes, width, count};
  const bool transposes = strides.in_a_row && count > 1;
  if (!transposes) clear_unused(panel, channels * count, lanes, width);
  if (count == 1 && weights.lane == 1) {
    copy_lanes(kernels, weights, channels, to);
    return;
  }
  const ChannelPrefetch<T> prefetch(weights, taps, lanes, tuning_of(kernels).weights_prefetch_spread);
  if (transposes)
    transpose_taps(kernels, weights, channels, strides.step == 1, prefetch, to);
  else
    gather_taps(weights, channels, taps, prefetch, to);
}

template void pack_weights<float>(const kernels::KernelSet<float>&, const Weights<float>&, Index, const Index (&)[axes],
                                  Index, Index, float*) noexcept;
template void pack_weights<double>(const kernels::KernelSet<double>&, const Weights<double>&, Index,
                                   const Index (&)[axes], Index, Index, double*) noexcept;

}  // namespace convgrad

// Pixels whose channels are neighbors, as in an NHWC array, become a row of pixels for each channel.
#pragma once

#include "algorithms/common/machine.hpp"
#include "algorithms/tuning.hpp"
#include "core/index.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad {

// Transposes `count` pixels, `step` elements apart, into rows `pitch` apart. Meanwhile it prefetches as many at `next`,
// unless that is null: the columns that a block of pixels is read by are too far apart for a hardware prefetcher. Only
// where a pixel has many more channels than are read, but these fill several cache lines, it follows each pixel by
// itself.
template <class T>
void transpose_pixels(const kernels::KernelSet<T>& kernels, const T* first, Index step, Index count, Index channels,
                      const T* next, T* to, Index pitch) noexcept {
  constexpr Index line = cache_line_bytes / Index{sizeof(T)};
  const Tuning& tuning = tuning_of(kernels);
  const bool apart = step > channels + line;
  const bool many = channels >= tuning.transpose_many_channels;
  const Index at_once = many && !apart ? tuning.transpose_channels_at_once : channels;
  const bool prefetches = next != nullptr && !(many && apart) && tuning.transpose_prefetches != 0;
  const Index runs = !prefetches ? 0 : apart ? count : 1;
  for (Index c = 0; c < channels; c += at_once) {
    const Index some = smaller(at_once, channels - c);
    // All of the memory, in as many shares as there are pieces, or of each pixel what is read.
    const Index begin = apart ? 0 : count * step * c / channels;
    const Index end = apart ? channels : count * step * (c + some) / channels;
    for (Index i = 0; i < runs; ++i)
      for (Index e = begin; e < end; e += line) __builtin_prefetch(next + i * step + e);
    kernels.transpose(first + c, step, count, some, to + c * pitch, pitch);
  }
}

}  // namespace convgrad

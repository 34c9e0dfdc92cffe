// Pixels whose channels are neighbors, as in an NHWC array, become a row of pixels for each channel.
#pragma once

#include "core/index.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad {

// Pixels of fewer channels share cache lines, and had better be brought near all at once.
inline constexpr Index fewest_adjacent_channels = 64;

// Turns `count` pixels, `step` elements apart, into rows `pitch` apart. Meanwhile it asks for as many at `next`, unless
// that is null: the columns that a block of pixels is read by are far apart for a hardware prefetcher. Only where a
// pixel has many more channels than are read, but these fill several cache lines, it follows each pixel by itself.
template <class T>
void transpose_pixels(const kernels::KernelSet<T>& kernels, const T* first, Index step, Index count, Index channels,
                      const T* next, T* to, Index pitch) noexcept {
  constexpr Index line = 64 / Index{sizeof(T)};
  constexpr Index channels_of_piece = 16;  // whole cache lines
  const bool apart = step > channels + line;
  const bool many = channels >= fewest_adjacent_channels;
  const Index at_once = many && !apart ? channels_of_piece : channels;
  const Index runs = next == nullptr || (many && apart) ? 0 : apart ? count : 1;
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

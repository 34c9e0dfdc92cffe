#include "algorithms/gemm/ways/channel_blocks.hpp"

#include "algorithms/gemm/panels/tiles.hpp"
#include "core/cpu.hpp"

namespace convgrad::gemm {

namespace {

// Half a mebibyte each, so that strip, accumulators and the panel in use share a second-level cache of one; strips that
// fill a smaller one are read from the third, panel after panel.
constexpr Index cache_bytes = Index{1} << 20;
constexpr Index strip_bytes = Index{512} << 10;
constexpr Index whole_strip_bytes = Index{784} << 10;
constexpr Index accumulator_bytes = Index{512} << 10;
constexpr Index pixels_per_block = 448;
// No more pixels than this are one block all the same if so many taps pass over it that their weights fill the caches:
// these are then packed once, and read while the accumulators wait elsewhere.
constexpr Index pixels_of_one_block = 800;
constexpr Index taps_of_one_block = 2048;
constexpr Index one_block_bytes = Index{768} << 10;
// With every panel the strip comes from the second-level cache again, and a tile of short vectors takes so few cycles
// for a tap that it waits: for one line of channels_outer after another, a few for every channel. With channels next to
// each other there are fewer, and each is followed by its neighbor. So transposing pays with some panels to read the
// strip, unless its elements serve so many taps that lines are seldom new, or it has rows that no vector fits.
constexpr double most_uses_of_turned_strip = 10;
constexpr Index fewest_panels_of_turned_strip = 4;

// As much less as the second-level cache is smaller.
Index fitting(Index bytes) noexcept {
  return bytes / 1024 * smaller(cache_bytes, static_cast<Index>(second_level_cache_bytes())) / (cache_bytes / 1024);
}

// How many (pixel, tap) of a block meet each element of its strip.
double uses_of_strip(const Blocking& blocking) noexcept {
  return static_cast<double>(blocking.most_pixels()) * static_cast<double>(blocking.most_taps()) /
         static_cast<double>(larger(1, blocking.strip_elements()));
}

}  // namespace

// A block whose strip holds all taps keeps no accumulators, so its strip may be larger; and a kernel of one tap copies
// nothing twice, so its blocks may be smaller for that. Its tiles are then few and long, which counts: starting and
// ending one takes as long as a dozen taps. So a smaller cache does not make them smaller still. With a stride strips
// are large, and those of half the pixels are brought nearer while others are read.
BlockingLimits channel_block_limits(const Geometry& geometry, Index size) noexcept {
  const bool one_tap = geometry.taps_per_channel() == 1;
  const bool strided = geometry.stride[0] > 1 || geometry.stride[1] > 1 || geometry.stride[2] > 1;
  const Index fewest = pixels_per_block / (one_tap ? 4 : strided ? 2 : 1);
  for (Index pixels = pixels_per_block; pixels >= fewest; pixels /= 2) {
    const BlockingLimits limits{pixels, most_taps_of_block,
                                (one_tap ? whole_strip_bytes : fitting(whole_strip_bytes)) / size, false};
    if (Blocking(geometry, limits).tap_blocks() == 1) return limits;
  }
  const Index all = geometry.batch * geometry.output_pixels();
  const bool one =
      all <= pixels_of_one_block && geometry.in_channels * geometry.taps_per_channel() >= taps_of_one_block;
  return {one ? larger(pixels_per_block, all) : pixels_per_block, most_taps_of_block, fitting(strip_bytes) / size,
          false};
}

Index channel_result_bytes(const BlockingLimits& limits) noexcept {
  return limits.pixels > pixels_per_block ? one_block_bytes : accumulator_bytes;
}

template <class T>
bool transposes_strips(const kernels::KernelSet<T>& kernels, const Blocking& blocking,
                       const PanelSplit& panels) noexcept {
  return short_vectors(kernels) && panels.count() >= fewest_panels_of_turned_strip &&
         blocking.most_columns() >= kernels.lanes && uses_of_strip(blocking) < most_uses_of_turned_strip;
}

template bool transposes_strips<float>(const kernels::KernelSet<float>&, const Blocking&, const PanelSplit&) noexcept;
template bool transposes_strips<double>(const kernels::KernelSet<double>&, const Blocking&, const PanelSplit&) noexcept;

}  // namespace convgrad::gemm

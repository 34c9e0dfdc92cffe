#include "algorithms/gemm/ways/channel_blocks.hpp"

#include "algorithms/common/machine.hpp"

namespace convgrad::gemm {

namespace {

// As much less as the second-level cache is smaller than the one that the numbers are meant for.
Index fitting(const Tuning& tuning, Index bytes) noexcept {
  const Index cache = larger(KiB, tuning.by_tile_cache_bytes);
  return bytes / KiB * smaller(cache, second_level_bytes()) / (cache / KiB);
}

// How many (pixel, tap) of a block meet each element of its strip.
double uses_of_strip(const Blocking& blocking) noexcept {
  return static_cast<double>(blocking.most_pixels()) * static_cast<double>(blocking.most_taps()) /
         static_cast<double>(larger(1, blocking.strip_elements()));
}

}  // namespace

// A block whose strip holds all taps keeps no sums, so its strip may be larger; and blocks may be smaller for that
// where little is copied twice.
BlockingLimits channel_block_limits(const Tuning& tuning, const Geometry& geometry, Index size) noexcept {
  const Index usual = tuning.by_tile_block_pixels;
  const bool one_tap = geometry.taps_per_channel() == 1;
  const bool strided = geometry.stride[0] > 1 || geometry.stride[1] > 1 || geometry.stride[2] > 1;
  const Index fewest = one_tap   ? tuning.by_tile_one_tap_fewest_pixels
                       : strided ? tuning.by_tile_strided_fewest_pixels
                                 : usual;
  const Index whole = tuning.by_tile_whole_strip_bytes;
  const Index whole_strip = (one_tap ? whole : fitting(tuning, whole)) / size;
  for (Index pixels = usual; pixels >= larger(1, fewest); pixels /= 2) {
    const BlockingLimits limits{pixels, most_taps_of_block, whole_strip, false};
    if (Blocking(geometry, limits).tap_blocks() == 1) return limits;
  }
  const Index all = geometry.batch * geometry.output_pixels();
  const bool one = all <= tuning.by_tile_one_block_most_pixels &&
                   geometry.in_channels * geometry.taps_per_channel() >= tuning.by_tile_one_block_fewest_taps;
  return {one ? larger(usual, all) : usual, most_taps_of_block, fitting(tuning, tuning.by_tile_strip_bytes) / size,
          false};
}

Index channel_sums_bytes(const Tuning& tuning, const BlockingLimits& limits) noexcept {
  return limits.pixels > tuning.by_tile_block_pixels ? tuning.by_tile_one_block_sums_bytes : tuning.by_tile_sums_bytes;
}

template <class T>
bool transposes_strips(const kernels::KernelSet<T>& kernels, const Blocking& blocking,
                       const PanelSplit& panels) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  // Rows that no vector fits are not transposed any faster than they are read.
  return panels.count() >= tuning.by_tile_transposed_strip_fewest_panels && blocking.most_columns() >= kernels.lanes &&
         uses_of_strip(blocking) < tuning.by_tile_transposed_strip_most_uses;
}

void describe_reading(Text& text, const BlockReading& reading) noexcept {
  const char* const strip = reading.transposes
                                ? "a strip, copied with its border and transposed unless channels are neighbors"
                                : "a strip, copied with its border";
  text.line("reads", "%s%s",
            reading.in_place ? "in place where the input lies close together and meets no border, or " : "", strip);
}

template <class T>
BlockInput<T> BlockReader<T>::read(Index group, const PixelBlock& pixels, const TapBlock& taps,
                                   T* strip) const noexcept {
  const bool transposed = transposes_ && taps.channels >= kernels_.lanes;
  Tensor<const T> of_group = input_;
  of_group.data += group * geometry_.in_channels * input_.inner;
  BlockInput<T> block{StripShape(geometry_, pixels.images, pixels.size, taps.channels, taps.size,
                                 transposed ? StripShape::Order::channels_inner : order_),
                      false, strip};
  block.in_place = may_lie_in_place_ && !transposed && block.shape.lies_close(input_, taps) &&
                   !block.shape.meets_border(geometry_, pixels, taps);
  if (block.in_place) {
    block.shape.lie_in(geometry_, pixels, taps, of_group);
    block.data = of_group.data;
  } else {
    block.shape.pack(kernels_, geometry_, pixels, taps, of_group, strip);
  }
  return block;
}

template bool transposes_strips<float>(const kernels::KernelSet<float>&, const Blocking&, const PanelSplit&) noexcept;
template bool transposes_strips<double>(const kernels::KernelSet<double>&, const Blocking&, const PanelSplit&) noexcept;
template class BlockReader<float>;
template class BlockReader<double>;

}  // namespace convgrad::gemm

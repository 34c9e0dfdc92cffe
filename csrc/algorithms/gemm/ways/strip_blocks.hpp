// The blocks of layers with few output channels, which read vectors of pixels straight from a strip: how large they
// are, and what is asked for ahead.
#pragma once

#include <algorithm>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/ways/correlation_tasks.hpp"
#include "algorithms/gemm/write/output_stream.hpp"
#include "core/cpu.hpp"

namespace convgrad::gemm {

inline constexpr Index strip_bytes_in_cache = Index{512} << 10;

// As many pixels as have a small strip.
inline Index most_pixels_of_strip(const Geometry& geometry, Index size) noexcept {
  constexpr Index small_strip_bytes = Index{400} << 10;
  constexpr Index most_pixels = 4096;
  const Index strip = geometry.taps_per_channel() == 1 ? strip_bytes_in_cache : small_strip_bytes;
  return smaller(most_pixels, strip / size / larger(1, geometry.in_channels));
}

// A block is worth its set-up with about this much arithmetic, and with several times the rows that the next one copies
// again; within these sizes and while its strip is small.
inline Index pixels_of_strip(const Geometry& geometry, Index size) noexcept {
  constexpr double multiplications_per_block = 4e5;
  constexpr Index rows_per_row_copied_again = 4;
  constexpr Index fewest_pixels = 448;
  const double each = static_cast<double>(geometry.out_channels) *
                      static_cast<double>(geometry.in_channels * geometry.taps_per_channel());
  const Index copied_again = (geometry.kernel[1] - 1) * geometry.dilation[1];
  const double wanted =
      std::max(multiplications_per_block / (each < 1 ? 1 : each),
               static_cast<double>(rows_per_row_copied_again * copied_again) * static_cast<double>(geometry.output[2]));
  const Index most = most_pixels_of_strip(geometry, size);
  return larger(fewest_pixels, wanted > static_cast<double>(most) ? most : static_cast<Index>(wanted));
}

// What is read and written after the tiles of a block.
template <class T>
struct AfterStrip {
  Prefetch<T> input;
  Prefetch<T> results;

  [[gnu::always_inline]] void step() noexcept {
    input.step();
    results.step();
  }
};

// An input that the second-level cache does not hold beside the results comes from the last-level cache or beyond, and
// larger results go there: the next block's input and this one's results are brought nearer while it is multiplied. But
// a 1x1 kernel in place reads long pieces, which the
// hardware foresees as long as they come from the last-level cache; and where the second-level cache does not hold two
// blocks of them, those asked for take the place of those that are read.
template <class T>
class StripTraffic {
 public:
  StripTraffic() = default;
  explicit StripTraffic(const Geometry& geometry) noexcept
      : prefetches_input_(2 * input_bytes<T>(geometry) > static_cast<double>(second_level_cache_bytes())),
        prefetches_input_in_place_(geometry.taps_per_channel() > 1
                                       ? prefetches_input_
                                       : input_bytes<T>(geometry) > most_cached_bytes &&
                                             second_level_cache_bytes() >= 2 * strip_bytes_in_cache),
        prefetches_results_(output_bytes<T>(geometry) > most_near_bytes) {}

  // `to` is the output moved to the block's first pixel and channel.
  [[nodiscard]] AfterStrip<T> after(const Geometry& geometry, const PixelBlock& pixels, const Tensor<T>& to,
                                    const CorrelationTask& following, const Tensor<const T>& input, bool in_place,
                                    Index steps) const noexcept {
    AfterStrip<T> after;
    if (in_place ? prefetches_input_in_place_ : prefetches_input_)
      after.input =
          prefetch_of_input(geometry, input, following.group, following.pixels, 0, geometry.in_channels, steps);
    const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
    if (prefetches_results_)
      after.results = prefetch_of_pixels(to, box, 0, pixels.count(), geometry.out_channels, steps);
    return after;
  }

 private:
  static constexpr double most_near_bytes = 4 << 20;
  static constexpr double most_cached_bytes = 12 << 20;

  bool prefetches_input_ = false;
  bool prefetches_input_in_place_ = false;
  bool prefetches_results_ = false;
};

}  // namespace convgrad::gemm

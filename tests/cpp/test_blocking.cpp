// Blocks of pixels and of taps must cover everything once, in order, and keep the strip within its limit, whatever the
// shape.
#include <random>
#include <vector>

#include "algorithms/common/blocks.hpp"
#include "algorithms/read/blocking.hpp"
#include "algorithms/read/strip.hpp"
#include "check.hpp"

using namespace convgrad;

namespace {

void check_pixels(const Geometry& g, const Blocking& blocking) {
  std::vector<int> seen(static_cast<std::size_t>(g.batch * g.output_pixels()), 0);
  for (Index b = 0; b < blocking.pixel_blocks(); ++b) {
    const PixelBlock block = blocking.pixel_block(b);
    CHECK(block.count() > 0 && block.count() <= blocking.most_pixels());
    for (Index n = 0; n < block.images; ++n)
      for (Index i = 0; i < block.size[0]; ++i)
        for (Index j = 0; j < block.size[1]; ++j)
          for (Index k = 0; k < block.size[2]; ++k) {
            const Index row =
                ((block.first_image + n) * g.output[0] + block.first[0] + i) * g.output[1] + block.first[1] + j;
            ++seen[static_cast<std::size_t>(row * g.output[2] + block.first[2] + k)];
          }
  }
  for (const int times : seen) CHECK(times == 1);
}

void check_taps(const Geometry& g, const Blocking& blocking) {
  Index next = 0;
  for (Index b = 0; b < blocking.tap_blocks(); ++b) {
    const TapBlock block = blocking.tap_block(b);
    CHECK(block.first_tap == next);
    CHECK(block.count() <= blocking.most_taps());
    next += block.count();
  }
  CHECK(next == g.in_channels * g.taps_per_channel());
}

// Every (pixel, tap) address of a full block lies inside the strip, and different input positions have different
// addresses.
void check_strip(const Geometry& g, const Blocking& blocking, StripShape::Order order) {
  if (blocking.pixel_blocks() == 0) return;
  const PixelBlock pixels = blocking.pixel_block(0);
  const TapBlock taps = blocking.tap_block(0);
  const StripShape shape(g, pixels.images, pixels.size, taps.channels, taps.size, order);
  std::vector<Index> pixel_offsets(static_cast<std::size_t>(pixels.count()));
  std::vector<Index> tap_offsets(static_cast<std::size_t>(taps.count()));
  shape.fill_pixel_offsets(pixels, pixel_offsets.data());
  shape.fill_tap_offsets(taps, tap_offsets.data());
  for (const Index p : pixel_offsets)
    for (const Index t : tap_offsets) CHECK(p + t >= 0 && p + t < shape.elements());
}

}  // namespace

int main() {
  std::mt19937 random(1);
  const auto from = [&](Index low, Index high) {
    return low + static_cast<Index>(random() % static_cast<unsigned>(high - low + 1));
  };
  for (int repeat = 0; repeat < 400; ++repeat) {
    Geometry g;
    g.batch = from(0, 5);
    g.in_channels = from(0, 40);
    g.out_channels = from(1, 40);
    for (int a = 0; a < axes; ++a) {
      g.kernel[a] = from(1, 5);
      g.stride[a] = from(1, 4);
      g.dilation[a] = from(1, 3);
      g.output[a] = from(1, a == 2 ? 60 : 8);
      g.input[a] = (g.output[a] - 1) * g.stride[a] + (g.kernel[a] - 1) * g.dilation[a] + 1;
    }
    const bool pixels_adjacent = repeat % 2 == 0;
    const BlockingLimits limits{from(1, 500), from(1, 2000), from(1, 20000), pixels_adjacent};
    const Blocking blocking(g, limits);
    CHECK(blocking.strip_elements() <= limits.strip_elements);
    check_pixels(g, blocking);
    check_taps(g, blocking);
    check_strip(g, blocking, pixels_adjacent ? StripShape::Order::pixels_adjacent : StripShape::Order::channels_outer);
  }
  return finish();
}

#include "algorithms/read/blocking.hpp"

#include "algorithms/read/strip.hpp"

namespace convgrad {

namespace {

StripShape::Order usual_order(bool pixels_adjacent) noexcept {
  return pixels_adjacent ? StripShape::Order::pixels_adjacent : StripShape::Order::channels_outer;
}

// All axes are cut into pieces of a size, the last of which may be smaller: how many boxes that makes,
Index count_boxes(const Index (&size)[axes], const Index (&piece)[axes]) noexcept {
  Index count = 1;
  for (int a = 0; a < axes; ++a) count *= divide_up(size[a], piece[a]);
  return count;
}

// and box `index` of them, the last axis fastest. Returns how often all boxes come before it.
Index find_box(Index index, const Index (&size)[axes], const Index (&piece)[axes], Index (&box_first)[axes],
               Index (&box_size)[axes]) noexcept {
  for (int a = axes - 1; a >= 0; --a) {
    const Index pieces = divide_up(size[a], piece[a]);
    box_first[a] = index % pieces * piece[a];
    box_size[a] = smaller(piece[a], size[a] - box_first[a]);
    index /= pieces;
  }
  return index;
}

}  // namespace

Blocking::Blocking(const Geometry& geometry, const BlockingLimits& limits) noexcept
    : geometry_(geometry), pixels_adjacent_(limits.pixels_adjacent) {
  for (int a = 0; a < axes; ++a) taps_[a] = geometry.kernel[a];
  choose_pixels(limits.pixels);
  // The input of even one channel may be too much: long kernels, large dilations and strides.
  while (strip_elements() > limits.strip_elements && shrink_pixels()) {
  }
  choose_taps(limits);
}

// Whole rows first, then more rows, planes and images: the fewest border elements are then packed twice.
void Blocking::choose_pixels(Index target) noexcept {
  Index left = larger(target, 1);
  for (int a = axes - 1; a >= 0; --a) {
    pixels_[a] = even_piece(geometry_.output[a], left);
    left /= pixels_[a];
    if (pixels_[a] < geometry_.output[a]) left = 1;
  }
  images_ = even_piece(geometry_.batch, left);
}

bool Blocking::shrink_pixels() noexcept {
  Index* const sizes[] = {&images_, &pixels_[0], &pixels_[1], &pixels_[2]};
  for (Index* size : sizes) {
    if (*size > 1) {
      *size = divide_up(*size, 2);
      return true;
    }
  }
  return false;
}

void Blocking::choose_taps(const BlockingLimits& limits) noexcept {
  // One channel first. If even that is too much, cut its taps, the outermost axis first.
  const auto too_much = [&] { return strip_elements() > limits.strip_elements || most_taps() > limits.taps; };
  for (int a = 0; a < axes; ++a) {
    while (too_much() && taps_[a] > 1) taps_[a] = divide_up(taps_[a], 2);
    if (taps_[a] > 1) break;
  }
  for (int a = 0; a < axes; ++a)
    if (taps_[a] < geometry_.kernel[a]) return;
  const Index by_strip = limits.strip_elements / strip_elements();
  const Index by_taps = limits.taps / geometry_.taps_per_channel();
  channels_ = even_piece(geometry_.in_channels, larger(1, smaller(by_strip, by_taps)));
}

Index Blocking::strip_elements() const noexcept {
  return StripShape(geometry_, images_, pixels_, channels_, taps_, usual_order(pixels_adjacent_)).elements();
}

Index Blocking::strip_room() const noexcept {
  return StripShape(geometry_, images_, pixels_, channels_, taps_, usual_order(pixels_adjacent_)).room();
}

Index Blocking::strip_room_in_any_order(int axis, Index blocks) const noexcept {
  Blocking joined = *this;
  Index& size = axis == of_images ? joined.images_ : joined.pixels_[axis];
  size = smaller(axis == of_images ? geometry_.batch : geometry_.output[axis], blocks * size);
  const auto other_order = StripShape::Order::channels_inner;
  return larger(joined.strip_room(),
                StripShape(geometry_, joined.images_, joined.pixels_, channels_, taps_, other_order).room());
}

Index Blocking::pixel_blocks() const noexcept {
  return divide_up(geometry_.batch, images_) * count_boxes(geometry_.output, pixels_);
}

PixelBlock Blocking::pixel_block(Index index) const noexcept {
  PixelBlock block;
  block.first_image = find_box(index, geometry_.output, pixels_, block.first, block.size) * images_;
  block.images = smaller(images_, geometry_.batch - block.first_image);
  return block;
}

Index Blocking::tap_blocks() const noexcept {
  return larger(1, divide_up(geometry_.in_channels, channels_)) * count_boxes(geometry_.kernel, taps_);
}

TapBlock Blocking::tap_block(Index index) const noexcept {
  TapBlock block;
  block.first_channel = find_box(index, geometry_.kernel, taps_, block.first, block.size) * channels_;
  block.channels = smaller(channels_, geometry_.in_channels - block.first_channel);
  block.first_tap = block.first_channel;
  for (int a = 0; a < axes; ++a) block.first_tap = block.first_tap * geometry_.kernel[a] + block.first[a];
  return block;
}

void Blocking::describe(Text& text) const noexcept {
  text.line("pixels", "%lld blocks of %lld x (%lld x %lld x %lld)", static_cast<long long>(pixel_blocks()),
            static_cast<long long>(images_), static_cast<long long>(pixels_[0]), static_cast<long long>(pixels_[1]),
            static_cast<long long>(pixels_[2]));
  text.line("taps", "%lld blocks of %lld x (%lld x %lld x %lld)", static_cast<long long>(tap_blocks()),
            static_cast<long long>(channels_), static_cast<long long>(taps_[0]), static_cast<long long>(taps_[1]),
            static_cast<long long>(taps_[2]));
}

}  // namespace convgrad

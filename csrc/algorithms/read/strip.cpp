#include "algorithms/read/strip.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "algorithms/common/machine.hpp"
#include "algorithms/common/places_within.hpp"
#include "algorithms/read/strip_copy.hpp"
#include "algorithms/tuning.hpp"

namespace convgrad {

namespace {

// Structural: a cache line of float, and the distance at which lines share a cache set. But a result's bits may show
// them, as those of gemm/sum_order.hpp: what a strip leaves empty counts in Blocking::strip_elements(), which limits
// the blocks of pixels that grad_kernel sums up one after the other. They must stay the same for ever, whatever a
// machine has.
constexpr Index line = 16;                // elements, of double as well
constexpr Index lines_that_collide = 16;  // where their distance is a multiple of so many

// Along an axis, the input position of the first pixel under the first tap.
Index first_position(const Geometry& geometry, const PixelBlock& pixels, const TapBlock& taps, int axis) noexcept {
  return pixels.first[axis] * geometry.stride[axis] - geometry.padding[axis] +
         taps.first[axis] * geometry.dilation[axis];
}

}  // namespace

StripShape::StripShape(const Geometry& geometry, Index images, const Index (&pixels)[axes], Index channels,
                       const Index (&taps)[axes], Order order) noexcept
    : order_(order) {
  for (int a = 0; a < axes; ++a) {
    // Input positions that no pixel meets under any tap are left out: a 1x1 kernel of stride 2 needs a quarter of its
    // input.
    step_[a] = geometry.kernel[a] == 1 ? geometry.stride[a] : std::gcd(geometry.stride[a], geometry.dilation[a]);
    pixel_step_[a] = geometry.stride[a] / step_[a];
    tap_step_[a] = geometry.dilation[a] / step_[a];
    extent_[a] = (pixels[a] - 1) * pixel_step_[a] + (taps[a] - 1) * tap_step_[a] + 1;
  }
  classes_ = order == Order::pixels_adjacent && pixels[2] > 1 ? pixel_step_[2] : 1;
  Index pitch = 1;
  if (order == Order::channels_inner) {
    channel_pitch_ = pitch;
    // Pixels an odd number of cache lines apart: at a power of two those under a tile would all fall into the same sets
    // of the first-level cache.
    pitch = channels < fewest_adjacent_channels ? channels : (divide_up(channels, line) | 1) * line;
  }
  class_pitch_ = divide_up(extent_[2], classes_);
  for (int a = axes - 1; a >= 0; --a) {
    pitch_[a] = pitch;
    pitch = saturating_product(pitch, a == axes - 1 ? classes_ * class_pitch_ : extent_[a]);
  }
  if (order != Order::channels_inner) {
    // The same goes for channels, when they are transposed to their places.
    const Index room = channels > 1 && pitch >= lines_that_collide * line ? saturating_sum(pitch, line) : pitch;
    if (channels > 1 && pitch % (lines_that_collide * line) == 0) pitch = room;
    channel_pitch_ = pitch;
    pitch = saturating_product(pitch, channels);
    room_ = saturating_product(saturating_product(room, channels), images);
  }
  image_pitch_ = pitch;
  elements_ = saturating_product(pitch, images);
  room_ = larger(room_, elements_);
}

Index StripShape::room(Index pixels, Index channels) noexcept {
  // Images of fewer pixels need no line.
  const Index lines = pixels / (lines_that_collide * line);
  return (pixels + lines * line) * channels;
}

// Where element `element` of a row lies, relative to its first.
Index StripShape::column(Index element) const noexcept {
  return classes_ == 1 ? element * pitch_[2] : element % classes_ * class_pitch_ + element / classes_;
}

void StripShape::fill_pixel_offsets(const PixelBlock& block, Index* offset) const noexcept {
  for (Index n = 0; n < block.images; ++n)
    for (Index i = 0; i < block.size[0]; ++i)
      for (Index j = 0; j < block.size[1]; ++j) {
        const Index row = row_offset(n, i, j);
        const Index step = column(pixel_step_[2]);
        for (Index k = 0; k < block.size[2]; ++k) *offset++ = row + k * step;
      }
}

void StripShape::fill_tap_offsets(const TapBlock& block, Index* offset) const noexcept {
  for (Index c = 0; c < block.channels; ++c)
    for (Index i = 0; i < block.size[0]; ++i)
      for (Index j = 0; j < block.size[1]; ++j) {
        const Index row = c * channel_pitch_ + i * tap_step_[0] * pitch_[0] + j * tap_step_[1] * pitch_[1];
        for (Index k = 0; k < block.size[2]; ++k) *offset++ = row + column(k * tap_step_[2]);
      }
}

StripShape::Filled StripShape::filled(const Geometry& geometry, const PixelBlock& pixels,
                                      const TapBlock& taps) const noexcept {
  Filled filled;
  for (int a = 0; a < axes; ++a) {
    const Index origin = first_position(geometry, pixels, taps, a);
    const Range within = places_within(origin, step_[a], extent_[a], geometry.input[a]);
    filled.within[a] = within;
    filled.from[a] = origin + within.first * step_[a];
    filled.all = filled.all && within.count() == extent_[a];
    filled.none = filled.none || within.count() == 0;
  }
  // Dealt out by class a row ends in unused elements, which vectors may read: they must hold numbers.
  filled.all = filled.all && extent_[2] % classes_ == 0;
  return filled;
}

template <class T>
void StripShape::pack(const kernels::KernelSet<T>& kernels, const Geometry& geometry, const PixelBlock& pixels,
                      const TapBlock& taps, const Tensor<const T>& input, T* strip) const noexcept {
  const Filled filled = this->filled(geometry, pixels, taps);
  if (!filled.all) clear_border(kernels, filled, pixels.images, taps.channels, strip);
  if (filled.none) return;
  const T* from = input.data + pixels.first_image * input.outer + taps.first_channel * input.inner;
  for (int a = 0; a < axes; ++a) from += filled.from[a] * input.axis[a];
  const auto& within = filled.within;
  StripPlane plane{taps.channels,
                   within[1].count(),
                   within[2].count(),
                   {input.inner, step_[1] * input.axis[1], step_[2] * input.axis[2]},
                   {channel_pitch_, pitch_[1], pitch_[2]},
                   within[2].first,
                   classes_,
                   class_pitch_};
  const CopyPlane<T> copy = bind_copy(kernels, order_ == Order::channels_inner, plane);
  T* to = strip + within[0].first * pitch_[0] + within[1].first * pitch_[1];
  for (Index n = 0; n < pixels.images; ++n)
    for (Index i = 0; i < within[0].count(); ++i)
      copy(kernels, plane, from + n * input.outer + i * step_[0] * input.axis[0],
           to + n * image_pitch_ + i * pitch_[0]);
}

// What `pack` does not write, or all of the strip where that takes less time: clearing the ends of short rows alone
// would take longer.
template <class T>
void StripShape::clear_border(const kernels::KernelSet<T>& kernels, const Filled& filled, Index images, Index channels,
                              T* strip) const noexcept {
  const bool short_rows = pitch_[1] * Index{sizeof(T)} < tuning_of(kernels).strip_short_row_bytes;
  if (filled.none || short_rows || order_ == Order::channels_inner) {
    std::memset(strip, 0, static_cast<std::size_t>(elements_) * sizeof(T));
    return;
  }
  for (Index n = 0; n < images; ++n)
    for (Index c = 0; c < channels; ++c)
      clear_border_of_channel(filled.within, strip + n * image_pitch_ + c * channel_pitch_);
}

// All of one channel but what lies within the input. Its rows go on without a gap, and so do its planes.
template <class T>
void StripShape::clear_border_of_channel(const Range (&within)[axes], T* channel) const noexcept {
  Index cleared = 0;  // up to here, or written by whoever copies the input
  const auto clear_to = [&](Index end) { std::fill(channel + cleared, channel + end, T{0}); };
  for (Index i = within[0].first; i < within[0].last; ++i)
    for (Index j = within[1].first; j < within[1].last; ++j)
      for (Index remainder = 0; remainder < classes_; ++remainder) {
        const Index begin = i * pitch_[0] + j * pitch_[1] + remainder * class_pitch_;
        // Of a row's elements the class has the numbers `remainder`, `remainder` + classes_ ...
        const auto place = [&](Index element) { return divide_up(element - remainder, classes_); };
        clear_to(begin + place(within[2].first));
        cleared = begin + place(within[2].last);
      }
  clear_to(extent_[0] * pitch_[0]);
}

template <class T>
bool StripShape::in_place(const Geometry& geometry, const PixelBlock& pixels, const TapBlock& taps,
                          const Tensor<const T>& input, Index channels_in_all, Index lanes, const T*& strip) noexcept {
  if (pixel_step_[2] != 1 || step_[2] * input.axis[2] != 1) return false;
  // The last element that any (pixel, tap) of the block meets, and the last of the whole input.
  Index first = pixels.first_image * input.outer + taps.first_channel * input.inner;
  Index last =
      (pixels.first_image + pixels.images - 1) * input.outer + (taps.first_channel + taps.channels - 1) * input.inner;
  Index end = (geometry.batch - 1) * input.outer + (channels_in_all - 1) * input.inner;
  if (input.outer < 0 || input.inner < 0) return false;
  for (int a = 0; a < axes; ++a) {
    const Index origin = first_position(geometry, pixels, taps, a);
    const Index furthest = origin + (extent_[a] - 1) * step_[a];
    if (origin < 0 || furthest >= geometry.input[a] || input.axis[a] < 0) return false;
    first += origin * input.axis[a];
    last += furthest * input.axis[a];
    end += (geometry.input[a] - 1) * input.axis[a];
  }
  if (last + lanes > end) return false;
  strip = input.data + first;
  for (int a = 0; a < axes; ++a) pitch_[a] = step_[a] * input.axis[a];
  channel_pitch_ = input.inner;
  image_pitch_ = input.outer;
  return true;
}

bool StripShape::meets_border(const Geometry& geometry, const PixelBlock& pixels, const TapBlock& taps) const noexcept {
  for (int a = 0; a < axes; ++a) {
    const Index origin = first_position(geometry, pixels, taps, a);
    if (origin < 0 || origin + (extent_[a] - 1) * step_[a] >= geometry.input[a]) return true;
  }
  return false;
}

template <class T>
bool StripShape::lies_close(const Tensor<const T>& input, const TapBlock& taps) const noexcept {
  if (order_ != Order::channels_inner) return step_[2] * input.axis[2] == 1;
  // Some of the channels of pixels that lie far apart would fall into the same cache sets, tap after tap.
  const bool whole_pixels = input.axis[2] == taps.channels || taps.count() == taps.channels;
  const bool collide = step_[2] * input.axis[2] * Index{sizeof(T)} % first_level_way_bytes == 0;
  return whole_pixels && taps.channels >= fewest_adjacent_channels && !collide;
}

template <class T>
void StripShape::lie_in(const Geometry& geometry, const PixelBlock& pixels, const TapBlock& taps,
                        const Tensor<const T>& input) noexcept {
  origin_ = pixels.first_image * input.outer + taps.first_channel * input.inner;
  for (int a = 0; a < axes; ++a) {
    origin_ += first_position(geometry, pixels, taps, a) * input.axis[a];
    pitch_[a] = step_[a] * input.axis[a];
  }
  channel_pitch_ = input.inner;
  image_pitch_ = input.outer;
}

template bool StripShape::in_place<float>(const Geometry&, const PixelBlock&, const TapBlock&,
                                          const Tensor<const float>&, Index, Index, const float*&) noexcept;
template bool StripShape::in_place<double>(const Geometry&, const PixelBlock&, const TapBlock&,
                                           const Tensor<const double>&, Index, Index, const double*&) noexcept;
template bool StripShape::lies_close<float>(const Tensor<const float>&, const TapBlock&) const noexcept;
template bool StripShape::lies_close<double>(const Tensor<const double>&, const TapBlock&) const noexcept;
template void StripShape::lie_in<float>(const Geometry&, const PixelBlock&, const TapBlock&,
                                        const Tensor<const float>&) noexcept;
template void StripShape::lie_in<double>(const Geometry&, const PixelBlock&, const TapBlock&,
                                         const Tensor<const double>&) noexcept;
template void StripShape::pack<float>(const kernels::KernelSet<float>&, const Geometry&, const PixelBlock&,
                                      const TapBlock&, const Tensor<const float>&, float*) const noexcept;
template void StripShape::pack<double>(const kernels::KernelSet<double>&, const Geometry&, const PixelBlock&,
                                       const TapBlock&, const Tensor<const double>&, double*) const noexcept;

}  // namespace convgrad

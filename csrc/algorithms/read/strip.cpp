#include "algorithms/read/strip.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "algorithms/read/transpose_pixels.hpp"

namespace convgrad {

namespace {

constexpr Index channels_ahead = 5;
constexpr Index pixels_at_once = 32;
constexpr Index short_row_bytes = 384;
constexpr Index first_level_way = 4096;   // bytes: pixels so far apart meet in the same few lines of that cache
constexpr Index line = 16;                // elements, or half as many doubles
constexpr Index lines_that_collide = 16;  // whose distance is a multiple of this many

// Which strip elements [begin, end) of one axis lie inside the input; the others are border.
struct Inside {
  Index origin;  // input position of strip element 0
  Index begin;
  Index end;
};

Inside find_inside(Index origin, Index step, Index extent, Index input) noexcept {
  Inside inside{origin, 0, 0};
  inside.begin = origin >= 0 ? 0 : smaller(extent, divide_up(-origin, step));
  inside.end = origin >= input ? 0 : smaller(extent, divide_up(input - origin, step));
  if (inside.end < inside.begin) inside.end = inside.begin;
  return inside;
}

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
  phases_ = order == Order::pixels_adjacent && pixels[2] > 1 ? pixel_step_[2] : 1;
  Index pitch = 1;
  if (order == Order::channels_inner) {
    channel_pitch_ = pitch;
    // Pixels an odd number of cache lines apart: a power of two, and those under a tile would all fall into the same
    // lines of the first-level cache.
    pitch = channels < fewest_adjacent_channels ? channels : (divide_up(channels, line) | 1) * line;
  }
  phase_pitch_ = divide_up(extent_[2], phases_);
  for (int a = axes - 1; a >= 0; --a) {
    pitch_[a] = pitch;
    pitch = saturating_product(pitch, a == axes - 1 ? phases_ * phase_pitch_ : extent_[a]);
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
  return phases_ == 1 ? element * pitch_[2] : element % phases_ * phase_pitch_ + element / phases_;
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

template <class T>
void StripShape::pack(const kernels::KernelSet<T>& kernels, const Geometry& geometry, const PixelBlock& pixels,
                      const TapBlock& taps, const Tensor<const T>& input, T* strip) const noexcept {
  Inside inside[axes];
  Index size[axes];
  bool border = false;
  bool empty = false;
  for (int a = 0; a < axes; ++a) {
    const Index origin = first_position(geometry, pixels, taps, a);
    inside[a] = find_inside(origin, step_[a], extent_[a], geometry.input[a]);
    size[a] = inside[a].end - inside[a].begin;
    border = border || size[a] < extent_[a];
    empty = empty || size[a] == 0;
  }
  // With phases a row ends in unused elements, which vectors may read: they must hold numbers.
  const bool gaps = extent_[2] % phases_ != 0;
  // The border of short rows alone would take longer than all of the strip.
  const bool short_rows = pitch_[1] * Index{sizeof(T)} < short_row_bytes;
  if (empty || ((border || gaps) && (short_rows || order_ == Order::channels_inner))) {
    std::memset(strip, 0, static_cast<std::size_t>(elements_) * sizeof(T));
  } else if (border || gaps) {
    const Range within[axes] = {
        {inside[0].begin, inside[0].end}, {inside[1].begin, inside[1].end}, {inside[2].begin, inside[2].end}};
    for (Index n = 0; n < pixels.images; ++n)
      for (Index c = 0; c < taps.channels; ++c) clear_border(within, strip + n * image_pitch_ + c * channel_pitch_);
  }
  if (empty) return;

  const T* from = input.data + pixels.first_image * input.outer + taps.first_channel * input.inner;
  Index from_axis[axes];
  for (int a = 0; a < axes; ++a) {
    from += (inside[a].origin + inside[a].begin * step_[a]) * input.axis[a];
    from_axis[a] = step_[a] * input.axis[a];
  }
  for (Index n = 0; n < pixels.images; ++n)
    for (Index i = 0; i < size[0]; ++i)
      pack_plane(kernels, from + n * input.outer + i * from_axis[0], from_axis, input.inner, taps.channels,
                 inside[1].begin, size[1], inside[2].begin, size[2],
                 strip + n * image_pitch_ + (inside[0].begin + i) * pitch_[0]);
}

// All of one channel but what lies within the input. Its rows go on without a gap, and so do its planes.
template <class T>
void StripShape::clear_border(const Range (&within)[axes], T* channel) const noexcept {
  Index cleared = 0;  // up to here, or written by whoever copies the input
  const auto clear_to = [&](Index end) { std::fill(channel + cleared, channel + end, T{0}); };
  for (Index i = within[0].first; i < within[0].last; ++i)
    for (Index j = within[1].first; j < within[1].last; ++j)
      for (Index phase = 0; phase < phases_; ++phase) {
        const Index begin = i * pitch_[0] + j * pitch_[1] + phase * phase_pitch_;
        // A row's elements number `phase`, `phase` + phases_ ...
        const auto place = [&](Index element) { return divide_up(element - phase, phases_); };
        clear_to(begin + place(within[2].first));
        cleared = begin + place(within[2].last);
      }
  clear_to(extent_[0] * pitch_[0]);
}

// The part of one plane (of all channels) that lies inside the input, by whichever way of copying the two layouts
// allow.
template <class T>
void StripShape::pack_plane(const kernels::KernelSet<T>& kernels, const T* from, const Index (&from_axis)[axes],
                            Index from_channel, Index channels, Index first_row, Index rows, Index first_column,
                            Index columns, T* plane) const noexcept {
  constexpr Index line_elements = 64 / Index{sizeof(T)};
  T* to = plane + first_row * pitch_[1];
  if (order_ == Order::channels_inner) {
    T* pixels = to + first_column * pitch_[2];
    if (from_channel == 1 && from_axis[2] == channels && pitch_[2] == channels) {
      kernels.copy_rows(from, from_axis[1], rows, columns * channels, pixels, pitch_[1]);
      return;
    }
    if (from_axis[2] == 1 && from_axis[1] == columns && pitch_[1] == columns * pitch_[2]) {  // whole rows: one
      columns *= rows;
      rows = 1;
    }
    for (Index j = 0; j < rows; ++j) {
      const T* row = from + j * from_axis[1];
      T* to_row = pixels + j * pitch_[1];
      if (channels == 1) {
        kernels.copy_strided(row, 0, from_axis[2], 1, columns, to_row, 0);
      } else if (from_channel == 1) {
        kernels.copy_rows(row, from_axis[2], columns, channels, to_row, pitch_[2]);
      } else if (from_axis[2] == 1) {
        kernels.transpose(row, from_channel, channels, columns, to_row, pitch_[2]);
      } else {
        for (Index k = 0; k < columns; ++k)
          for (Index c = 0; c < channels; ++c) to_row[k * pitch_[2] + c] = row[k * from_axis[2] + c * from_channel];
      }
    }
    return;
  }
  if (phases_ == 1 && from_channel == 1 && from_axis[2] != 1 && channels > 1) {
    if (from_axis[1] == columns * from_axis[2] && pitch_[1] == columns) {  // whole rows: one
      columns *= rows;
      rows = 1;
    }
    // Of many channels whole cache lines, but no more: as many again are on their way.
    const Index at_once = channels < fewest_adjacent_channels ? pixels_at_once : pixels_at_once / 2;
    for (Index j = 0; j < rows; ++j)
      for (Index k = 0, count = 0; k < columns; k += count) {
        count = columns - k < at_once + at_once / 2 ? columns - k : at_once;
        const T* row = from + j * from_axis[1];
        const T* first = row + k * from_axis[2];
        const T* next = k + count < columns ? first + count * from_axis[2]
                        : j + 1 < rows      ? row + from_axis[1]
                                            : nullptr;
        transpose_pixels(kernels, first, from_axis[2], count, channels, next, to + j * pitch_[1] + first_column + k,
                         channel_pitch_);
      }
    return;
  }
  const bool in_rows = phases_ == 1 && from_axis[2] == 1;
  if (in_rows && columns == pitch_[1] && from_axis[1] == columns) {  // of whole rows, as of a 1x1 kernel's: one each
    columns *= rows;
    rows = 1;
    if (from_channel == columns && channel_pitch_ == columns) {  // and one for all channels
      columns *= channels;
      channels = 1;
    }
  }
  for (Index c = 0; c < channels; ++c, from += from_channel, to += channel_pitch_) {
    if (in_rows) {
      // Another channel is another page: nothing that a hardware prefetcher would see coming.
      if (c + channels_ahead < channels)
        for (Index j = 0; j < rows; ++j)
          for (Index k = 0; k < columns; k += 64 / Index{sizeof(T)})
            __builtin_prefetch(from + channels_ahead * from_channel + j * from_axis[1] + k);
      kernels.copy_rows(from, from_axis[1], rows, columns, to + first_column, pitch_[1]);
      continue;
    }
    // Every other row, and then another channel: nothing that a hardware prefetcher would see coming.
    if (c + channels_ahead < channels)
      for (Index j = 0; j < rows; ++j)
        for (Index e = 0; e < columns * from_axis[2]; e += larger(line_elements, from_axis[2]))
          __builtin_prefetch(from + channels_ahead * from_channel + j * from_axis[1] + e);
    if (from_axis[2] == 1) {
      kernels.separate(from, from_axis[1], phases_, first_column, first_column + columns, rows, to, phase_pitch_,
                       pitch_[1]);
      continue;
    }
    for (Index k = 0; k < smaller(phases_, columns); ++k)
      kernels.copy_strided(from + k * from_axis[2], from_axis[1], phases_ * from_axis[2], rows,
                           divide_up(columns - k, phases_), to + column(first_column + k), pitch_[1]);
  }
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
  // Some of the channels of pixels that lie far apart would fall into the same cache lines, tap after tap.
  const bool whole_pixels = input.axis[2] == taps.channels || taps.count() == taps.channels;
  const bool collide = step_[2] * input.axis[2] * Index{sizeof(T)} % first_level_way == 0;
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

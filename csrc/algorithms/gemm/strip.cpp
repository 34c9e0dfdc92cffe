#include "algorithms/gemm/strip.hpp"

#include <cstring>
#include <numeric>

namespace convgrad::gemm {

namespace {

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

template <class T>
void copy(const T* from, Index stride, T* to, Index to_stride, Index count) noexcept {
  if (stride == 1 && to_stride == 1) {
    for (Index i = 0; i < count; ++i) to[i] = from[i];
  } else {
    for (Index i = 0; i < count; ++i) to[i * to_stride] = from[i * stride];
  }
}

template <class T>
void zero(T* to, Index stride, Index count) noexcept {
  for (Index i = 0; i < count; ++i) to[i * stride] = T{0};
}

}  // namespace

StripShape::StripShape(const Geometry& geometry, Index images, const Index (&pixels)[axes], Index channels,
                       const Index (&taps)[axes], Order order) noexcept {
  for (int a = 0; a < axes; ++a) {
    // Input positions that no pixel meets under any tap are left out: a 1x1 kernel of stride 2 needs a quarter of its
    // input.
    step_[a] = geometry.kernel[a] == 1 ? geometry.stride[a] : std::gcd(geometry.stride[a], geometry.dilation[a]);
    pixel_step_[a] = geometry.stride[a] / step_[a];
    tap_step_[a] = geometry.dilation[a] / step_[a];
    extent_[a] = (pixels[a] - 1) * pixel_step_[a] + (taps[a] - 1) * tap_step_[a] + 1;
  }
  Index pitch = 1;
  if (order == Order::channels_inner) {
    channel_pitch_ = pitch;
    pitch = saturating_product(pitch, channels);
  }
  for (int a = axes - 1; a >= 0; --a) {
    pitch_[a] = pitch;
    pitch = saturating_product(pitch, extent_[a]);
  }
  if (order == Order::channels_outer) {
    channel_pitch_ = pitch;
    pitch = saturating_product(pitch, channels);
  }
  image_pitch_ = pitch;
  elements_ = saturating_product(pitch, images);
}

void StripShape::fill_pixel_offsets(const PixelBlock& block, std::int32_t* offset) const noexcept {
  for (Index n = 0; n < block.images; ++n)
    for (Index i = 0; i < block.size[0]; ++i)
      for (Index j = 0; j < block.size[1]; ++j) {
        const Index row = n * image_pitch_ + i * pixel_step_[0] * pitch_[0] + j * pixel_step_[1] * pitch_[1];
        const Index step = pixel_step_[2] * pitch_[2];
        for (Index k = 0; k < block.size[2]; ++k) *offset++ = static_cast<std::int32_t>(row + k * step);
      }
}

void StripShape::fill_tap_offsets(const TapBlock& block, std::int32_t* offset) const noexcept {
  for (Index c = 0; c < block.channels; ++c)
    for (Index i = 0; i < block.size[0]; ++i)
      for (Index j = 0; j < block.size[1]; ++j) {
        const Index row = c * channel_pitch_ + i * tap_step_[0] * pitch_[0] + j * tap_step_[1] * pitch_[1];
        const Index step = tap_step_[2] * pitch_[2];
        for (Index k = 0; k < block.size[2]; ++k) *offset++ = static_cast<std::int32_t>(row + k * step);
      }
}

template <class T>
void StripShape::pack(const Geometry& geometry, const PixelBlock& pixels, const TapBlock& taps,
                      const Tensor<const T>& input, T* strip) const noexcept {
  Inside inside[axes];
  Index extent[axes];  // of this block, which may be smaller than the shape's
  for (int a = 0; a < axes; ++a) {
    extent[a] = (pixels.size[a] - 1) * pixel_step_[a] + (taps.size[a] - 1) * tap_step_[a] + 1;
    const Index origin =
        pixels.first[a] * geometry.stride[a] - geometry.padding[a] + taps.first[a] * geometry.dilation[a];
    inside[a] = find_inside(origin, step_[a], extent[a], geometry.input[a]);
  }
  const auto outside = [&inside](int a, Index i) { return i < inside[a].begin || i >= inside[a].end; };
  const Index from_step = step_[2] * input.axis[2];
  const Index from_column = (inside[2].origin + inside[2].begin * step_[2]) * input.axis[2];
  const Index count = inside[2].end - inside[2].begin;

  for (Index n = 0; n < pixels.images; ++n)
    for (Index i = 0; i < extent[0]; ++i)
      for (Index j = 0; j < extent[1]; ++j) {
        T* to = strip + n * image_pitch_ + i * pitch_[0] + j * pitch_[1];
        const bool border = outside(0, i) || outside(1, j);
        // Not formed where it would point outside the input.
        const Index row =
            border ? 0
                   : (pixels.first_image + n) * input.outer + (inside[0].origin + i * step_[0]) * input.axis[0] +
                         (inside[1].origin + j * step_[1]) * input.axis[1] + taps.first_channel * input.inner;
        if (channel_pitch_ == 1) {
          for (Index k = 0; k < extent[2]; ++k) {
            T* column = to + k * pitch_[2];
            if (border || outside(2, k))
              zero(column, 1, taps.channels);
            else
              copy(input.data + row + from_column + (k - inside[2].begin) * from_step, input.inner, column, 1,
                   taps.channels);
          }
          continue;
        }
        for (Index c = 0; c < taps.channels; ++c, to += channel_pitch_) {
          if (border || count == 0) {
            zero(to, pitch_[2], extent[2]);
            continue;
          }
          zero(to, pitch_[2], inside[2].begin);
          copy(input.data + row + c * input.inner + from_column, from_step, to + inside[2].begin * pitch_[2], pitch_[2],
               count);
          zero(to + inside[2].end * pitch_[2], pitch_[2], extent[2] - inside[2].end);
        }
      }
}

template void StripShape::pack<float>(const Geometry&, const PixelBlock&, const TapBlock&, const Tensor<const float>&,
                                      float*) const noexcept;
template void StripShape::pack<double>(const Geometry&, const PixelBlock&, const TapBlock&, const Tensor<const double>&,
                                       double*) const noexcept;

}  // namespace convgrad::gemm

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
void StripShape::pack(const kernels::KernelSet<T>& kernels, const Geometry& geometry, const PixelBlock& pixels,
                      const TapBlock& taps, const Tensor<const T>& input, T* strip) const noexcept {
  Inside inside[axes];
  Index size[axes];
  bool border = false;
  const T* from = input.data + pixels.first_image * input.outer + taps.first_channel * input.inner;
  T* to = strip;
  for (int a = 0; a < axes; ++a) {
    const Index origin =
        pixels.first[a] * geometry.stride[a] - geometry.padding[a] + taps.first[a] * geometry.dilation[a];
    inside[a] = find_inside(origin, step_[a], extent_[a], geometry.input[a]);
    size[a] = inside[a].end - inside[a].begin;
    border = border || size[a] < extent_[a];
    from += (inside[a].origin + inside[a].begin * step_[a]) * input.axis[a];
    to += inside[a].begin * pitch_[a];
  }
  if (border) std::memset(strip, 0, static_cast<std::size_t>(elements_) * sizeof(T));
  if (size[0] == 0 || size[1] == 0 || size[2] == 0) return;

  const Index from_axis[axes] = {step_[0] * input.axis[0], step_[1] * input.axis[1], step_[2] * input.axis[2]};
  for (Index n = 0; n < pixels.images; ++n)
    for (Index i = 0; i < size[0]; ++i) {
      const T* plane = from + n * input.outer + i * from_axis[0];
      T* to_plane = to + n * image_pitch_ + i * pitch_[0];
      if (order_ == Order::channels_inner) {
        for (Index j = 0; j < size[1]; ++j)
          kernels.copy_rows(plane + j * from_axis[1], from_axis[2], size[2], taps.channels, to_plane + j * pitch_[1],
                            pitch_[2]);
        continue;
      }
      for (Index c = 0; c < taps.channels; ++c, plane += input.inner, to_plane += channel_pitch_) {
        if (from_axis[2] == 1) {
          kernels.copy_rows(plane, from_axis[1], size[1], size[2], to_plane, pitch_[1]);
          continue;
        }
        for (Index j = 0; j < size[1]; ++j)
          for (Index k = 0; k < size[2]; ++k) to_plane[j * pitch_[1] + k] = plane[j * from_axis[1] + k * from_axis[2]];
      }
    }
}

template void StripShape::pack<float>(const kernels::KernelSet<float>&, const Geometry&, const PixelBlock&,
                                      const TapBlock&, const Tensor<const float>&, float*) const noexcept;
template void StripShape::pack<double>(const kernels::KernelSet<double>&, const Geometry&, const PixelBlock&,
                                       const TapBlock&, const Tensor<const double>&, double*) const noexcept;

}  // namespace convgrad::gemm

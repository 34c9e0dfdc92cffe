// The strip: the part of the input under a block of pixels and taps, copied once with its zero border. Border, memory
// strides and subsampling end here; what reads a strip sees the im2col matrix as an address,
//
//     X[pixel, tap] = strip[pixel_offset[pixel] + tap_offset[tap]]
//
// for any rank, stride and dilation.
#pragma once

#include <cstdint>

#include "algorithms/gemm/blocking.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

class StripShape {
 public:
  // Channel-major, as V usually lies; or channels innermost, as an NHWC array's view lies, so that copies stay
  // contiguous.
  enum class Order { channels_outer, channels_inner };

  StripShape(const Geometry& geometry, Index images, const Index (&pixels)[axes], Index channels,
             const Index (&taps)[axes], Order order = Order::channels_outer) noexcept;

  [[nodiscard]] Index elements() const noexcept { return elements_; }

  void fill_pixel_offsets(const PixelBlock& block, std::int32_t* offset) const noexcept;
  void fill_tap_offsets(const TapBlock& block, std::int32_t* offset) const noexcept;

  // For a block of exactly this shape. `input` is the whole tensor moved to the group's first channel; with
  // channels_inner its channels lie one element apart.
  template <class T>
  void pack(const kernels::KernelSet<T>& kernels, const Geometry& geometry, const PixelBlock& pixels,
            const TapBlock& taps, const Tensor<const T>& input, T* strip) const noexcept;

 private:
  Order order_;
  Index elements_;
  Index extent_[axes];      // strip elements along each axis
  Index step_[axes];        // input elements from one strip element to the next
  Index pixel_step_[axes];  // strip elements from one pixel to the next
  Index tap_step_[axes];    // strip elements from one tap to the next
  Index image_pitch_, channel_pitch_, pitch_[axes];
};

}  // namespace convgrad::gemm

// The strip: the part of the input under a block of pixels and taps, copied once with its zero border. Border, memory
// strides and subsampling end here; what reads a strip sees the im2col matrix as an address,
//
//     X[pixel, tap] = strip[pixel_offset[pixel] + tap_offset[tap]]
//
// for any rank, stride and dilation.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/read/blocking.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad {

// Structural: pixels of so many channels fill several cache lines each. A strip keeps them apart by whole lines, an odd
// number of them; those of fewer channels follow one another without a gap, and share lines.
inline constexpr Index fewest_adjacent_channels = 64;

// Of blocks of as many groups as a vector has lanes, those of one: the last block may have fewer.
inline Index groups_of_block(Index groups, Index lanes, Index block) noexcept {
  return smaller(lanes, groups - block * lanes);
}

// Structural: so many pixels of a plane are transposed at once before they are dealt out to a strip of lanes.
inline constexpr Index lane_strip_chunk = 256;

class StripShape {
 public:
  enum class Order {
    channels_outer,  // channel-major, as V usually lies
    channels_inner,  // as an NHWC array's view lies, so that copies stay contiguous
    pixels_adjacent  // channel-major, and columns dealt out by column modulo stride: pixels of a row become neighbors
  };

  StripShape(const Geometry& geometry, Index images, const Index (&pixels)[axes], Index channels,
             const Index (&taps)[axes], Order order) noexcept;

  [[nodiscard]] Index elements() const noexcept { return elements_; }
  // As much as the strip of any smaller block takes.
  [[nodiscard]] Index room() const noexcept { return room_; }
  // As much as the strip of any block of so many pixels takes under a 1x1 kernel, but in Order::channels_inner.
  static Index room(Index pixels, Index channels) noexcept;
  // How to read the input: in the order it lies in, where the reader takes any.
  template <class T>
  static Order natural_order(const Tensor<const T>& input) noexcept {
    return channels_are_neighbors(input) ? Order::channels_inner : Order::channels_outer;
  }

  // Where a row of pixels of the block begins.
  [[nodiscard]] Index row_offset(Index image, Index plane, Index row) const noexcept {
    return origin_ + image * image_pitch_ + plane * pixel_step_[0] * pitch_[0] + row * pixel_step_[1] * pitch_[1];
  }
  void fill_pixel_offsets(const PixelBlock& block, Index* offset) const noexcept;
  void fill_tap_offsets(const TapBlock& block, Index* offset) const noexcept;

  // For a block of exactly this shape. `input` is the whole tensor moved to the group's first channel.
  template <class T>
  void pack(const kernels::KernelSet<T>& kernels, const Geometry& geometry, const PixelBlock& pixels,
            const TapBlock& taps, const Tensor<const T>& input, T* strip) const noexcept;

  // The same for a strip whose elements are vectors, of one lane for each of `groups` neighboring groups, `group_pitch`
  // elements apart in the input; lanes beyond hold zeros. `dense` has room for lane_strip_chunk vectors.
  template <class T>
  void pack_lanes(const kernels::KernelSet<T>& kernels, const Geometry& geometry, const PixelBlock& pixels,
                  const TapBlock& taps, const Tensor<const T>& input, Index group_pitch, Index groups, T* dense,
                  T* strip) const noexcept;

  // Makes the input itself the strip where the block meets no border and its pixels are neighbors as they lie: then
  // there is nothing to pack, and `strip` points into the input. Vectors of up to `lanes` elements may be read from any
  // (pixel, tap) on without leaving the input; `channels_in_all` counts from input.data on.
  template <class T>
  bool in_place(const Geometry& geometry, const PixelBlock& pixels, const TapBlock& taps, const Tensor<const T>& input,
                Index channels_in_all, Index lanes, const T*& strip) noexcept;

  // For a reader of single elements, of a block of this shape. Whether any of them lies on the border:
  [[nodiscard]] bool meets_border(const Geometry& geometry, const PixelBlock& pixels,
                                  const TapBlock& taps) const noexcept;
  // whether the input holds them as close together as a strip would:
  template <class T>
  [[nodiscard]] bool lies_close(const Tensor<const T>& input, const TapBlock& taps) const noexcept;
  // and how to read them there: all offsets count from input.data on, and those of the border lead out of it.
  template <class T>
  void lie_in(const Geometry& geometry, const PixelBlock& pixels, const TapBlock& taps,
              const Tensor<const T>& input) noexcept;

 private:
  // What of a strip lies inside the input.
  struct Filled {
    Range within[axes];  // strip elements
    Index from[axes];    // the input position of the first of them
    bool all = true;     // and there are no unused elements
    bool none = false;
  };
  [[nodiscard]] Filled filled(const Geometry& geometry, const PixelBlock& pixels, const TapBlock& taps) const noexcept;
  [[nodiscard]] Index column(Index element) const noexcept;
  template <class T>
  void clear_border(const kernels::KernelSet<T>& kernels, const Filled& filled, Index images, Index channels,
                    T* strip) const noexcept;
  template <class T>
  void clear_border_of_channel(const Range (&within)[axes], T* channel) const noexcept;

  Order order_;
  Index elements_;
  Index room_ = 0;
  Index extent_[axes];      // strip elements along each axis
  Index step_[axes];        // input elements from one strip element to the next
  Index pixel_step_[axes];  // strip elements from one pixel to the next
  Index tap_step_[axes];    // strip elements from one tap to the next
  Index classes_;           // columns of a row are dealt out by column modulo classes_,
  Index class_pitch_;       // and those of each class are neighbors
  Index image_pitch_, channel_pitch_, pitch_[axes];
  Index origin_ = 0;  // where the first pixel lies under the first tap
};

}  // namespace convgrad

// Panels: matrices of (row, lane) values packed so that a micro-kernel reads one vector after another. A panel is
// `width` lanes wide (one to three vectors); lanes beyond the last channel hold zeros.
#pragma once

#include "algorithms/gemm/blocking.hpp"
#include "core/geometry.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// `channels` lanes cut into panels of the full width, the last one narrower where that suffices. Where that would leave
// a panel of one vector, which loads more for each multiplication, panels have three vectors if these leave none.
class PanelSplit {
 public:
  PanelSplit() = default;
  template <class T>
  PanelSplit(const kernels::KernelSet<T>& kernels, Index channels) noexcept
      : channels_(channels), lanes_(kernels.lanes), full_width_(kernels.lanes * kernels.tile_vectors) {
    const Index vectors = divide_up(channels, lanes_);
    if (kernels.wide_tile_rows > 0 && vectors % 2 == 1 && vectors % 3 != 1) full_width_ = 3 * lanes_;
  }

  // The full width, however many channels there are.
  template <class T>
  static Index widest(const kernels::KernelSet<T>& kernels) noexcept {
    return kernels.lanes * (kernels.wide_tile_rows > 0 ? 3 : kernels.tile_vectors);
  }

  [[nodiscard]] Index count() const noexcept { return divide_up(channels_, full_width_); }
  [[nodiscard]] Index first_lane(Index panel) const noexcept { return panel * full_width_; }
  [[nodiscard]] Index used_lanes(Index panel) const noexcept {
    return smaller(full_width_, channels_ - first_lane(panel));
  }
  [[nodiscard]] Index width(Index panel) const noexcept { return round_up(used_lanes(panel), lanes_); }
  [[nodiscard]] Index vectors(Index panel) const noexcept { return width(panel) / lanes_; }
  // As if a panel of one vector had a third more, or a tenth where registers suffice for high tiles of it.
  template <class T>
  [[nodiscard]] double cost_in_vectors(const kernels::KernelSet<T>& kernels) const noexcept {
    const Index last = count() - 1;
    if (last < 0) return 0;
    const double one = kernels.wide_tile_rows > 0 ? 1.1 : 1.3;
    return static_cast<double>(last * full_width_ / lanes_) +
           (vectors(last) == 1 ? one : static_cast<double>(vectors(last)));
  }
  [[nodiscard]] Index full_width() const noexcept { return full_width_; }
  [[nodiscard]] Index padded_channels() const noexcept { return round_up(channels_, lanes_); }

 private:
  Index channels_ = 0;
  Index lanes_ = 1;
  Index full_width_ = 1;
};

// The weights as one pass reads them: grad_input swaps K's channel axes, reverses its taps and takes every q-th of
// them.
template <class T>
struct Weights {
  const T* data = nullptr;
  Index group = 0;    // element strides
  Index lane = 0;     // output channel of this pass
  Index channel = 0;  // input channel of this pass
  Index axis[axes] = {0, 0, 0};
};

// Where the taps of a block lie in the weights, from its first one.
template <class T>
void fill_weight_offsets(const Weights<T>& weights, const TapBlock& taps, Index* offset) noexcept {
  for (Index c = 0; c < taps.channels; ++c)
    for (Index i = 0; i < taps.size[0]; ++i)
      for (Index j = 0; j < taps.size[1]; ++j)
        for (Index k = 0; k < taps.size[2]; ++k)
          *offset++ = c * weights.channel + i * weights.axis[0] + j * weights.axis[1] + k * weights.axis[2];
}

// One panel of weights: rows are the taps in the order channel, depth, row, column. `weights.data` is its first lane's
// first tap.
template <class T>
void pack_weights(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index channels,
                  const Index (&taps)[axes], Index lanes, Index width, T* panel) noexcept;

// The bias of all groups as sums begin with it, `padded` lanes for each. `bias` may be null.
template <class T>
void pad_bias(const Geometry& geometry, Index padded, const T* bias, Index bias_stride, T* padded_bias) noexcept {
  const Index channels = geometry.out_channels;
  // No sum starts from -0 (border_parts.hpp).
  for (Index group = 0; group < geometry.groups; ++group)
    for (Index lane = 0; lane < padded; ++lane)
      *padded_bias++ = bias != nullptr && lane < channels ? bias[(group * channels + lane) * bias_stride] + T{0} : T{0};
}

// destination[i * step] = source[i], and nothing between them: that may be another channel's, on another thread, or
// another array's.
template <class T>
inline void scatter(const T* source, Index count, T* destination, Index step) noexcept {
  for (Index i = 0; i < count; ++i) destination[i * step] = source[i];
}

// A tensor moved to the first pixel of a block.
template <class T>
Tensor<T> at_block(Tensor<T> tensor, const PixelBlock& pixels) noexcept {
  tensor.data += pixels.first_image * tensor.outer;
  for (int a = 0; a < axes; ++a) tensor.data += pixels.first[a] * tensor.axis[a];
  return tensor;
}

// A box of pixels in their order (image, depth, row, column), between a tensor (V, Z, G) and a panel.
struct PixelBox {
  Index images;
  Index size[axes];

  [[nodiscard]] Index count() const noexcept { return images * size[0] * size[1] * size[2]; }
};

// All pixels of the box into a panel. `pixels` is the box's first element.
template <class T>
void pack_pixels(const kernels::KernelSet<T>& kernels, const Tensor<const T>& pixels, const PixelBox& box, Index lanes,
                 Index width, T* panel) noexcept;
// Pixels begin .. end - 1 of the box out of a panel, whose first row is pixel `begin`.
template <class T>
void unpack_pixels(const kernels::KernelSet<T>& kernels, const T* panel, Index width, const PixelBox& box, Index begin,
                   Index end, Index lanes, const Tensor<T>& pixels) noexcept;

// The same where the panel's rows are channels and its lanes are the pixels begin .. end - 1.
template <class T>
void unpack_channels(const kernels::KernelSet<T>& kernels, const T* panel, Index width, const PixelBox& box,
                     Index begin, Index end, Index channels, const Tensor<T>& pixels) noexcept;

// Pixels that follow one another in the box and lie evenly spaced in memory, `step` elements apart: a row, or as many
// rows, planes and images as go on without a gap. Stretches of `length` begin at every multiple of it. An axis of one
// pixel has no say: its stride may be anything.
struct EvenPixels {
  Index length;
  Index step;
};
template <class T>
EvenPixels find_even_pixels(const Tensor<T>& pixels, const PixelBox& box) noexcept;
// How many pixels of the box that follow one another are neighbors in memory: stretches of so many begin at every
// multiple of it. 1 where not even two are.
template <class T>
Index adjacent_pixels(const PixelBox& box, const Tensor<T>& pixels) noexcept;

// A place in a box, moved forward without divisions.
class PixelCursor {
 public:
  explicit PixelCursor(const PixelBox& box) noexcept : box_(box) {}
  [[nodiscard]] Index image() const noexcept { return image_; }
  [[nodiscard]] Index plane() const noexcept { return plane_; }
  [[nodiscard]] Index row() const noexcept { return row_; }
  [[nodiscard]] Index column() const noexcept { return column_; }
  [[nodiscard]] Index left_in_row() const noexcept { return box_.size[2] - column_; }
  template <class T>
  [[nodiscard]] Index offset(const Tensor<T>& pixels) const noexcept {
    return image_ * pixels.outer + plane_ * pixels.axis[0] + row_ * pixels.axis[1] + column_ * pixels.axis[2];
  }
  void advance(Index pixels) noexcept {
    column_ += pixels;
    while (column_ >= box_.size[2]) {
      column_ -= box_.size[2];
      if (++row_ < box_.size[1]) continue;
      row_ = 0;
      if (++plane_ < box_.size[0]) continue;
      plane_ = 0;
      ++image_;
    }
  }

 private:
  const PixelBox& box_;
  Index image_ = 0, plane_ = 0, row_ = 0, column_ = 0;
};

}  // namespace convgrad::gemm

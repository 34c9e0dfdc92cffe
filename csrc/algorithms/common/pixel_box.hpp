// Boxes of pixels as they lie in a tensor: which of them are neighbors, or evenly spaced.
#pragma once

#include "core/geometry.hpp"

namespace convgrad {

// Whether a tensor lies as an NHWC array's view does: channels are neighbors, and pixels are not.
template <class T>
bool channels_are_neighbors(const Tensor<T>& tensor) noexcept {
  return tensor.inner == 1 && tensor.axis[2] != 1;
}

// A box of pixels in their order (image, depth, row, column), between a tensor (V, Z, G) and a panel.
struct PixelBox {
  Index images;
  Index size[axes];

  [[nodiscard]] Index count() const noexcept { return images * size[0] * size[1] * size[2]; }
};

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

// Calls visit(first pixel, count, element offset) for the stretches of pixels begin .. end - 1 that lie within a run.
template <class T, class Visit>
void for_each_stretch(const Tensor<T>& pixels, const PixelBox& box, const EvenPixels& run, Index begin, Index end,
                      const Visit& visit) noexcept {
  for (Index p = begin; p < end;) {
    const Index within = p % run.length;
    const Index first = p - within;
    const Index count = smaller(run.length - within, end - p);
    const Index row = first / box.size[2];
    const Index plane = row / box.size[1];
    const Index image = plane / box.size[0];
    visit(p, count,
          image * pixels.outer + plane % box.size[0] * pixels.axis[0] + row % box.size[1] * pixels.axis[1] +
              first % box.size[2] * pixels.axis[2] + within * run.step);
    p += count;
  }
}

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

// destination[i * step] = source[i], and nothing between them: that may be another channel's, on another thread, or
// another array's.
template <class T>
inline void scatter(const T* source, Index count, T* destination, Index step) noexcept {
  for (Index i = 0; i < count; ++i) destination[i * step] = source[i];
}

}  // namespace convgrad

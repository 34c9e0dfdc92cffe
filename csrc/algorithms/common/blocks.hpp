// What work on a layer is cut into: boxes of output pixels and runs of taps.
#pragma once

#include "core/geometry.hpp"

namespace convgrad {

// A box of output pixels of some images. Its pixels count in the order image, depth, row, column.
struct PixelBlock {
  Index first_image = 0;
  Index images = 0;
  Index first[axes] = {};
  Index size[axes] = {};

  [[nodiscard]] Index count() const noexcept { return images * size[0] * size[1] * size[2]; }
};

// A run of taps in the order channel, depth, row, column. It is also a box: an axis is cut only where all before it
// have size 1.
struct TapBlock {
  Index first_channel = 0;
  Index channels = 0;
  Index first[axes] = {};
  Index size[axes] = {};
  Index first_tap = 0;  // its place in the whole order

  [[nodiscard]] Index count() const noexcept { return channels * size[0] * size[1] * size[2]; }
};

struct Range {
  Index first;
  Index last;  // not among them

  [[nodiscard]] Index count() const noexcept { return last - first; }
  friend bool operator==(Range a, Range b) noexcept { return a.first == b.first && a.last == b.last; }
};

// A tensor moved to the first pixel of a block.
template <class T>
Tensor<T> at_block(Tensor<T> tensor, const PixelBlock& pixels) noexcept {
  tensor.data += pixels.first_image * tensor.outer;
  for (int a = 0; a < axes; ++a) tensor.data += pixels.first[a] * tensor.axis[a];
  return tensor;
}

}  // namespace convgrad

// How the two sides of the im2col matrix are cut: output pixels into blocks whose input, a strip, fits the cache, and
// taps into blocks whose strip does.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "core/geometry.hpp"
#include "core/text.hpp"

namespace convgrad {

struct BlockingLimits {
  Index pixels;          // aim for about this many in a block
  Index taps;            // at most about this many in a block
  Index strip_elements;  // at most this many, never exceeded
  bool pixels_adjacent;  // the order of the strip (strip.hpp), which decides its size
};

// Structural: tables with an entry for each then take as much as half a strip.
inline constexpr Index most_taps_of_block = 32768;

// The axis before the spatial ones.
inline constexpr int of_images = -1;

class Blocking {
 public:
  Blocking() = default;
  Blocking(const Geometry& geometry, const BlockingLimits& limits) noexcept;

  [[nodiscard]] Index pixel_blocks() const noexcept;
  [[nodiscard]] PixelBlock pixel_block(Index index) const noexcept;
  // At least one, which is empty where there are no taps: a bias still has to be written.
  [[nodiscard]] Index tap_blocks() const noexcept;
  [[nodiscard]] TapBlock tap_block(Index index) const noexcept;

  // The largest of any block.
  [[nodiscard]] Index most_pixels() const noexcept { return images_ * pixels_[0] * pixels_[1] * pixels_[2]; }
  [[nodiscard]] Index most_rows() const noexcept { return images_ * pixels_[0] * pixels_[1]; }
  [[nodiscard]] Index most_columns() const noexcept { return pixels_[2]; }
  [[nodiscard]] Index most_size(int axis) const noexcept { return pixels_[axis]; }
  [[nodiscard]] Index most_taps() const noexcept { return channels_ * taps_[0] * taps_[1] * taps_[2]; }
  // As far as the largest block of taps reaches, wherever it lies.
  [[nodiscard]] TapBlock most_taps_box() const noexcept {
    return {0, channels_, {}, {taps_[0], taps_[1], taps_[2]}, 0};
  }
  [[nodiscard]] Index most_row_taps() const noexcept { return taps_[2]; }
  [[nodiscard]] Index strip_elements() const noexcept;
  // For the strip of any block,
  [[nodiscard]] Index strip_room() const noexcept;
  // in whichever order it is packed (StripShape::natural_order),
  [[nodiscard]] Index strip_room_in_any_order() const noexcept { return strip_room_in_any_order(0, 1); }
  // and of as many blocks that follow one another along an axis, or `of_images`.
  [[nodiscard]] Index strip_room_in_any_order(int axis, Index blocks) const noexcept;

  void describe(Text& text) const noexcept;

 private:
  void choose_pixels(Index target) noexcept;
  void choose_taps(const BlockingLimits& limits) noexcept;
  bool shrink_pixels() noexcept;

  Geometry geometry_;
  bool pixels_adjacent_ = false;
  Index images_ = 1;
  Index pixels_[axes] = {1, 1, 1};
  Index channels_ = 1;
  Index taps_[axes] = {1, 1, 1};
};

}  // namespace convgrad

// The im2col matrix of a block of pixels and a run of taps with pixels as lanes: one panel after the other, each a
// vector or two of neighboring pixels for every tap.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/read/strip.hpp"
#include "algorithms/tuning.hpp"

namespace convgrad::gemm {

// Of the panel that begins when `left` pixels of the block are left: the last one is as narrow as they allow.
template <class T>
Index panel_width(const kernels::KernelSet<T>& kernels, Index left) noexcept {
  return smaller(Index{kernels.lanes} * kernels.tile_vectors, round_up(left, kernels.lanes));
}

// Those of the full width.
template <class T>
Index full_panels(const kernels::KernelSet<T>& kernels, Index pixels) noexcept {
  const Index full = Index{kernels.lanes} * kernels.tile_vectors;
  return pixels / full + (pixels % full > full - kernels.lanes ? 1 : 0);
}

// Of few taps, several are done in a call, which would otherwise begin and end for a few multiplications.
inline Index panels_per_call(const Tuning& tuning, Index taps) noexcept {
  return larger(1, tuning.panels_call_taps / larger(1, taps));
}

// Where the panel of pixel `begin` lies: one row further on than it need, since panels a power of two apart would
// all fall into the same sets of the first-level cache.
inline Index panel_offset(Index begin, Index taps) noexcept { return begin * (taps + 1); }
inline Index panel_elements(Index padded_pixels, Index most_taps) noexcept {
  return panel_offset(padded_pixels, most_taps);
}
// How many copies it takes to fill them at most.
inline Index most_copies(Index padded_pixels) noexcept { return 2 * padded_pixels; }

// In place of where a panel's pixels lie: it is filled already.
inline constexpr Index filled_already = -1;

// Some rows of panels that have `all`.
struct PanelRows {
  Index first;
  Index count;
  Index all;
};

// Fills these rows of the panels with taps tap_offsets[0 .. rows.count - 1] of a strip, one after the other or,
// `by_tap`, all together: from end to end for each tap, as is better for an input in place that every tap finds
// somewhere else.
//
// With `unfilled`, which has room for one more than there are panels, those of the full width whose pixels are
// neighbors are left to whoever reads them first: unfilled[panel] says where in the strip their pixels lie. The last
// one may have more lanes than pixels, and reads what lies behind them.
template <class T>
void expand_panels(const kernels::KernelSet<T>& kernels, const StripShape& shape, const PixelBox& box, const T* strip,
                   bool by_tap, const Index* tap_offsets, PanelRows rows, kernels::BlockCopy* copies, T* panels,
                   Index* unfilled = nullptr) noexcept;

// So many of `count` panels are filled already, or unfilled, like the first.
inline Index alike_panels(const Index* unfilled, Index count) noexcept {
  Index alike = 1;
  while (alike < count && (unfilled[alike] == filled_already) == (unfilled[0] == filled_already)) ++alike;
  return alike;
}

// Whether panels are transposed right out of the input, and need no strip: under a 1x1 kernel that reads nothing but an
// NHWC array.
template <class T>
bool transposes_into_panels(const Geometry& geometry, const Tensor<const T>& input) noexcept;
// `input` is the whole tensor moved to the group's first channel.
template <class T>
void transpose_into_panels(const kernels::KernelSet<T>& kernels, const Geometry& geometry, const PixelBlock& pixels,
                           const Tensor<const T>& input, Index first_channel, Index channels, T* panels) noexcept;

}  // namespace convgrad::gemm

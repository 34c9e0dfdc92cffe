// The pixels of a block that meet the input under one tap of the kernel. Under the others lies the border, and with it
// products with zero: 3x3 taps leave out one in eleven on a map of 14x14 pixels. As in border_parts.hpp, that shows in
// no bit, but the sign of a zero that underflow has left, unless G holds an infinity or nan, and it is up to the caller
// to leave out nothing then.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/gemm/border/box_walk.hpp"
#include "algorithms/read/blocking.hpp"

namespace convgrad::gemm {

// The share of all products of a layer that are with the border.
double share_of_border_products(const Geometry& geometry) noexcept;

// Whether nothing of the border is left among the pixels that `find_border_pixels` finds in this block.
inline bool leaves_out_all(const PixelBlock& pixels) noexcept { return pixels.images == 1 || pixels.size[0] == 1; }

// `pixel_offsets` are those of all pixels of the block. Where a kernel could not walk them in even pieces, some of the
// border is among them.
BoxWalk find_border_pixels(const Geometry& geometry, const PixelBlock& pixels, const Index (&tap)[axes],
                           const Index* pixel_offsets) noexcept;

}  // namespace convgrad::gemm

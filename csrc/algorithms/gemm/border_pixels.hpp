// The pixels of a block that meet the input under one tap of the kernel. Under the others lies the border, and with it
// products with zero: 3x3 taps leave out one in eleven on a map of 14x14 pixels. As in border_parts.hpp, that shows in
// no bit unless G holds an infinity or nan, and it is up to the caller to leave out nothing then.
#pragma once

#include "algorithms/gemm/blocking.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// The share of all products of a layer that are with the border.
double border_share(const Geometry& geometry) noexcept;

struct BorderPixels {
  Index first;  // of the block's pixels; its row of the panel is where a kernel begins
  kernels::Reduction reduction;
};

// `pixel_offsets` are those of all pixels of the block, and `selected` has room for as many. At most two axes are cut,
// so that a kernel walks even pieces: the outermost that the block has, and the one that leaves out most.
BorderPixels find_border_pixels(const Geometry& geometry, const PixelBlock& pixels, const Index (&tap)[axes],
                                Index width, const Index* pixel_offsets, Index* selected) noexcept;

}  // namespace convgrad::gemm

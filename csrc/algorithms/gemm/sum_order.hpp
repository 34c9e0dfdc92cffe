// Numbers that a result's bits depend on: they shape the order in which a sum adds up its products. A change of one is
// a change of `bits_version`, and the hashes in tests/ fail before it is made. None may come from the machine, the
// kernel set or the number of threads. Numbers that only speed depends on stand in algorithms/tuning.hpp.
#pragma once

#include "core/index.hpp"

namespace convgrad::gemm::sum_order {

// --- grad_input: by columns or by residues. Estimates are in multiplications, of which there are as many either way;
// fitted to 34 layers with a stride.

namespace columns {

// In sums that a pixel adds to, of one channel, in taps, and in output channels: of more, neither sums nor products nor
// G would fit the cache.
inline constexpr Index most_sums = 32768;
inline constexpr Index most_taps = 2048;
inline constexpr Index most_out_channels = 4096;
// In input channels: without a stride, a correlation with more of them fills its lanes.
inline constexpr Index few_channels = 8;
// In pixels of one image, and in weights of one tap: with fewer pixels under as many weights, packing these is what
// counts. Of one image, since its bits may not depend on how many there are: with four to sixteen, columns are between
// a fifth slower and as much faster.
inline constexpr double fewest_pixels = 64;
inline constexpr double many_weights = 32768;

// In output channels: a product is stored, loaded and added.
inline constexpr double product = 9;
// In rows of products: a tile of fewer takes as long.
inline constexpr double few_rows = 4;
// In pixels: an image's last panel has empty lanes.
inline constexpr double last_panel = 10;

// In products: with a stride, a correlation stores every element of dV for itself.
inline constexpr double store_apart = 55;
// In input channels: few leave lanes unused.
inline constexpr double unused_lanes = 2.5;
// Per multiplication: what a correlation takes without a stride, besides unused lanes,
inline constexpr double correlation = 1.1;
// and in positions, per multiplication and in input channels: the same of an image of so few positions, which fits a
// strip or two, of which no rows are copied twice.
inline constexpr Index few_positions = 2048;
inline constexpr double correlation_of_few = 0.65;
inline constexpr double unused_lanes_of_few = 1.65;
// In output channels, and in kernel rows: one channel's rows share what is under the kernel (pixel_rows.hpp), as long
// as few channels of G pass by; the rows at the ends of the kernel are not shared.
inline constexpr double rows_channels = 64;
inline constexpr double rows_ends = 1.5;

}  // namespace columns

// --- grad_kernel: which of its two orders

// --- channel_sums

// --- pixel_sums

}  // namespace convgrad::gemm::sum_order

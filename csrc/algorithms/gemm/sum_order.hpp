// Numbers that a result's bits depend on: they shape the order in which a sum adds up its products. A change of one is
// a change of `bits_version`, and the hashes in tests/ fail before it is made. None may come from the machine, the
// kernel set or the number of threads. Numbers that only speed depends on stand in algorithms/tuning.hpp.
#pragma once

#include "core/index.hpp"

namespace convgrad::gemm::sum_order {

// --- grad_input: where no two taps meet, as one correlation to patches, or by columns or residues

// Lanes, each a channel and a tap: with fewer, most of a vector would be empty. Columns add up what each tap gives to
// zero, so a product that is too small for its type has another sign there.
inline constexpr Index patches_fewest_lanes = 16;

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

// --- grad_input with a stride: groups side by side, in the order of residues

namespace group_residues {

// In groups: fewer leave most lanes empty. In input times output channels of a group: of more, columns share what they
// read.
inline constexpr Index fewest_groups = 8;
inline constexpr Index most_products = 4;

}  // namespace group_residues

// --- grad_kernel: which of its three orders

namespace grad_kernel {

// In channels. So few output channels leave most of a vector empty: pixel_sums, in any case.
inline constexpr Index few_channels = 8;
// In channels: transposing a pixel of the matrix whose channels are lanes takes as long as multiplying so many. The
// swap of G and V adds up the same terms in the same order, but parts are cut by how much room an item's sums take, and
// these are padded along the lanes.
inline constexpr Index transposing_when_swapped = 8;
// In taps: with channels as lanes G is transposed, which takes as long as multiplying so many.
inline constexpr double transposing = 8;
// With pixels as lanes it is not, but most loads of the input cross cache lines,
inline constexpr double crossing = 1.125;
// in pixels, every row starts anew,
inline constexpr Index starting = 8;
// and in bytes, every sum has a vector of its own, and all of them have to stay in the second-level cache.
inline constexpr Index most_lane_bytes = 512 * 1024;

}  // namespace grad_kernel

// --- channel_sums: what cuts pixels into blocks and these into parts. Blocks alone do not show in the bits, since
// pixels are added up in their order whatever the blocks; but parts begin and end with blocks, and their number follows
// from how many items there are, and how large.

namespace channel_sums {

// In bytes, of the strip of a block: half of a second-level cache is left for sums and a panel.
inline constexpr Index strip_bytes = 384 * 1024;
// In bytes, of an item's sums: they are loaded and stored for each block, so they stay in the second-level cache.
inline constexpr Index item_bytes = 320 * 1024;
// In channels of an item, which share a strip: more where there are fewer taps to keep sums for.
inline constexpr Index fewest_channels_of_item = 128;
inline constexpr Index most_channels_of_item = 512;
// In bytes: items are padded to whole panels, as wide as any kernel set's.
inline constexpr Index widest_panel_bytes = 128;
// In pixels, of a block, which is of whole rows unless these are longer than `longest_row`.
inline constexpr Index block_pixels = 256;
inline constexpr Index longest_row = 1024;
// Of all items together: enough for many threads.
inline constexpr Index parts_wanted = 128;
// In multiplications: a part with less to do is not worth adding up.
inline constexpr double part_multiplications = 5e5;
// In bytes, of the sums of all parts.
inline constexpr Index all_parts_bytes = 1200 * 1024;

}  // namespace channel_sums

// --- pixel_sums: the same, and a vector's sums begin anew with each block of a row.

namespace pixel_sums {

// In bytes, of the strip of a block.
inline constexpr Index strip_bytes = 384 * 1024;
// In bytes, of an item's sums, a vector for each: they stay in the second-level cache.
inline constexpr Index item_bytes = 512 * 1024;
// In bytes, of the input channels of an item of a 1x1 kernel: in an NHWC array a few cache lines of each pixel.
inline constexpr Index channel_bytes_1x1 = 512;
// In pixels, of a block.
inline constexpr Index block_pixels = 4096;
// Of all items together: enough for many threads.
inline constexpr Index parts_wanted = 64;
// In multiplications, and in vectors of each sum: a part adds up the lanes of all its sums, so it needs enough to do.
inline constexpr double part_multiplications = 2.5e5;
inline constexpr double part_vectors = 256;
// In bytes, of the sums of all parts.
inline constexpr Index all_parts_bytes = 256 * 1024;

}  // namespace pixel_sums

// --- group_sums

namespace group_sums {

// In groups, and in input times output channels of one: chosen for so many groups of so few, and for depthwise layers
// of fewer groups.
inline constexpr Index fewest_groups = 16;
inline constexpr Index most_products = 16;
inline constexpr Index fewest_groups_of_depthwise = 8;
// In pixels: a piece is one chain, and a sum that of its pieces. Shorter ones err less, and load and store more sums.
inline constexpr Index piece_pixels = 256;
// In pixels, of a block.
inline constexpr Index block_pixels = 1024;
// In vectors of groups, whatever their length: half of a second-level cache with the longest.
inline constexpr Index strip_vectors = 4096;
// In vectors, of an item's sums: half of a second-level cache with the longest.
inline constexpr Index item_vectors = 8192;
// In bytes, of the sums of all parts.
inline constexpr Index all_parts_bytes = 768 * 1024;
// Of all items together, where a vector has as many lanes as this: enough for many threads.
inline constexpr Index parts_wanted = 128;
inline constexpr Index lanes_counted = 16;
// In multiplications: a part with less to do is not worth adding up.
inline constexpr double part_multiplications = 5e5;

}  // namespace group_sums

}  // namespace convgrad::gemm::sum_order

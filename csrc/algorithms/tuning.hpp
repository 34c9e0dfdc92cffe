// The one table of numbers that only speed depends on: no choice here shows in a result's bits (numbers that do stand
// in gemm/sum_order.hpp). A column for each kernel set where they differ. Every number has a unit and says what it
// trades.
//
// `python -m bench tune` measures the choices that these numbers make against each other, and `python -m bench ablate`
// what each refinement is worth; both change numbers by name in a running process (set_tuning_number).
//
// Where the columns were measured: AVX-512 on Zen 4 and Zen 5, AVX2 on Zen 3 (half the second-level cache). NEON and
// the baseline have AVX2's, since their vectors are short, too; nobody has measured them.
#pragma once

#include "convgrad/convgrad.hpp"
#include "core/index.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad {

inline constexpr Index KiB = 1024;
inline constexpr Index MiB = 1024 * KiB;

// SAME(type, name, value, unit, what it trades): the same for every kernel set.
// EACH(type, name, AVX-512, AVX2, NEON, baseline, unit, what it trades).
// clang-format off
#define CONVGRAD_TUNING_SHARING(SAME, EACH)                                                                            \
  SAME(double, multiplications_per_thread, 1e6, "multiplications",                                                     \
       "starting and joining a team takes a good part of the ten microseconds that these take")                        \
  SAME(double, lateness_of_a_task, 0.02, "tasks",                                                                      \
       "what no cut foresees: speaks for small tasks where it makes no other difference")                               \
  SAME(Index, most_rounds, 8, "tasks of a worker",                                                                     \
       "finer cuts are not tried: planning takes longer, and small tasks copy more")

#define CONVGRAD_TUNING_READ(SAME, EACH) \
  SAME(Index, strip_short_row_bytes, 384, "bytes", "strips of shorter rows are cleared as a whole: their ends alone would take longer; 0: only the ends, always") \
  SAME(Index, strip_joins_rows, 1, "0 or 1", "rows that go on without a gap on both sides are copied as one: fewer calls") \
  SAME(Index, strip_prefetched_channels, 5, "channels", "each lies on another page, where no hardware prefetcher goes: too few come late, too many are pushed out again; 0: none") \
  SAME(Index, strip_pixels_transposed, 32, "pixels", "of an NHWC array at a time, at least 1: whole cache lines of the strip, while as many are prefetched") \
  SAME(Index, strip_pixels_of_many_channels, 16, "pixels", "the same of many channels: no more than a first-level cache has room for, twice") \
  SAME(Index, transpose_many_channels, 64, "channels", "pixels of fewer share cache lines, and are transposed all at once; those of more in pieces") \
  SAME(Index, transpose_channels_at_once, 16, "channels", "a piece of a pixel of many, at least 1: whole cache lines") \
  SAME(Index, transpose_prefetches, 1, "0 or 1", "whether transposing pixels prefetches the next: they are too far apart for a hardware prefetcher")

#define CONVGRAD_TUNING_WRITE(SAME, EACH)

#define CONVGRAD_TUNING_CHOICE(SAME, EACH) \
  SAME(double, tile_result_1x1, 14, "taps", "channels_by_tile, 1x1: transposing and storing a result takes as long as so many taps") \
  EACH(double, tile_result, 20, 35, 35, 35, "taps", "channels_by_tile: the same of other kernels") \
  SAME(double, tile_weight, 10, "pixels", "packing a weight takes as long as multiplying it for so many pixels") \
  SAME(double, tile_start, 0.03, "share", "starting and ending tiles") \
  SAME(double, tile_strip, 10, "weights", "copying an element of the strip, for each tap and channel that reads it") \
  SAME(double, tile_border, 0.85, "share", "of the products on the border, so many are saved by leaving them out") \
  EACH(double, tile_strip_wait, 0, 0.27, 0.27, 0.27, "taps", "short vectors wait for the strip, or it is transposed") \
  SAME(double, panels_estimated_block, 448, "pixels", "pixels_from_panels: images of more have blocks of whole rows, some of which fill their panels") \
  SAME(double, panels_cost_of_one_vector, 1.15, "vectors", "a panel of one vector takes a little more than half of one of two") \
  SAME(double, panels_copy_on_the_way, 0.7, "output channels", "filling a panel of a 1x1 kernel while it is first multiplied, in multiplications of an element") \
  SAME(double, panels_copy_1x1, 5, "output channels", "copying a panel of a 1x1 kernel") \
  SAME(double, panels_copy_of_even_rows, 2.7, "output channels", "filling whole panels from rows of the strip on the way") \
  EACH(double, panels_copy, 8, 9.4, 9.4, 9.4, "output channels", "copying panels out of the strip") \
  EACH(Index, panels_from_even_rows, 1, 0, 0, 0, "0 or 1", "whether rows of whole panels count as cheaper to fill") \
  SAME(double, panels_start, 0.09, "share", "starting and ending tiles") \
  SAME(double, panels_start_strided, 0.14, "share", "the same with a stride") \
  SAME(double, panels_even_rows, 50, "weights", "what a panel that is filled on the way takes besides") \
  SAME(double, panels_of_two_images, 0.4, "vectors", "panels that hold pixels of two images cannot be filled on the way") \
  EACH(double, panels_tile_of_few_taps, 0, 3, 3, 3, "taps", "narrow panels: a tile of few taps is over soon") \
  SAME(double, panels_scattered_weights, 5, "share", "weights that lie on another page for every few taps: ten times as slow with large kernels") \
  SAME(double, panels_near_weights, 64 * KiB, "bytes", "weights that lie on a few pages are not scattered") \
  SAME(Index, panels_few_channels, 8, "channels", "nor are those of so few channels whose taps are neighbors") \
  SAME(double, strip_start_1x1, 0.06, "share", "pixels_from_strip, 1x1: starting and ending tiles") \
  SAME(double, strip_result_1x1, 2.3, "taps", "storing a result") \
  SAME(double, strip_channels_1x1, 800, "output channels", "every few output channels read the input anew") \
  SAME(double, strip_empty_lanes_1x1, 1.5, "share", "the last vector of an image, mostly empty") \
  SAME(double, strip_start, 0.11, "share", "other kernels: starting and ending tiles") \
  SAME(double, strip_start_strided, 0.3, "share", "the same with a stride") \
  SAME(double, strip_crossing_of_one, 1.1, "share", "vectors of 64 bytes cross cache lines, and one output channel loads one for each multiply-add") \
  SAME(double, strip_crossing_of_two, 0.28, "share", "the same of two output channels") \
  SAME(double, strip_result, 10, "taps", "storing a result, of three and more output channels at a time") \
  SAME(double, strip_result_of_few, 6, "taps", "the same of one or two") \
  SAME(double, strip_copy, 10, "weights", "copying an element of the strip, for each tap and channel that reads it") \
  EACH(double, strip_channels, 1200, 350, 350, 350, "output channels", "every few output channels read the strip anew, for which short vectors wait") \
  SAME(double, rows_not_shared, 3.6, "kernel rows", "pixel_rows: of a tile, the rows at the ends of the kernel that are not shared by all four rows of pixels") \
  SAME(double, rows_result, 6, "taps", "storing a result") \
  SAME(double, rows_channels, 128, "output channels", "every output channel reads the strip anew")

#define CONVGRAD_TUNING_CHANNELS_BY_TILE(SAME, EACH)

#define CONVGRAD_TUNING_CHANNELS_BY_PIXEL(SAME, EACH)

#define CONVGRAD_TUNING_PIXELS_FROM_PANELS(SAME, EACH)

#define CONVGRAD_TUNING_PIXELS_FROM_STRIP(SAME, EACH)

#define CONVGRAD_TUNING_PIXEL_ROWS(SAME, EACH)

#define CONVGRAD_TUNING_GROUPS_BY_LANE(SAME, EACH) \
  SAME(Index, lanes_strip_bytes, 256 * KiB, "bytes", "groups_by_lane: larger strips copy fewer borders again, smaller ones leave room for results") \
  SAME(Index, lanes_result_bytes, 128 * KiB, "bytes", "results of one output channel of a block, until they are transposed") \
  SAME(Index, lanes_most_weights, 256 * KiB, "bytes", "weights of as many groups as a vector has lanes: more would not stay in the cache") \
  SAME(Index, lanes_most_stride, 8, "positions", "tiles and tap lists are made for every residue of a stride, most of which would have little to do") \
  SAME(double, lanes_cost_of_copy, 4, "multiplications", "copying an element of the strip, when tasks are cut")

#define CONVGRAD_TUNING_COLUMNS(SAME, EACH)

#define CONVGRAD_TUNING_CHANNEL_SUMS(SAME, EACH) \
  SAME(double, channel_sums_strip_cost, 16, "multiplications", "packing an element of the strip: speaks against small items, each of which packs its own") \
  SAME(double, channel_sums_grad_cost, 8, "taps", "packing an element of G, which every block of taps does anew") \
  EACH(Index, channel_sums_joined_pixels, 2048, 1024, 1024, 1024, "pixels", "of blocks that are taken together: tiles start, and load and store their sums, once for all of them, but the panel of G grows; 0: none are") \
  SAME(Index, channel_sums_joined_strip, 384 * KiB, "bytes", "of the strip of blocks that are taken together: it has to stay in the second-level cache") \
  SAME(Index, channel_sums_in_place, 1, "0 or 1", "whether the input is read where it lies if it lies as a strip does") \
  SAME(double, channel_sums_border, 0, "share", "of the products on the border above which they are left out, tap by tap, and the input is read in place there, too; 1: never") \
  SAME(double, channel_sums_border_high_tiles, 0.1, "share", "the same where one channel's taps have high tiles, which a tap's channels have not") \
  EACH(double, channel_sums_border_strided, 0, 0.1, 0.1, 0.1, "share", "the same with a stride: with short vectors a tap's tile of several channels reads twice as many cache lines") \
  SAME(double, channel_sums_small_border, 0.02, "share", "of the border for which fewer channels are not worth leaving it out") \
  SAME(Index, channel_sums_border_channels, 7, "input channels", "tiles of fewer cost more than leaving out the border saves") \
  SAME(Index, channel_sums_small_border_channels, 16, "input channels", "the same for a small border") \
  SAME(double, channel_sums_prefetch_grad, 7 * MiB, "bytes", "a larger G comes from the last-level cache or memory: its next panel is prefetched") \
  SAME(double, channel_sums_prefetch_input, 4 * MiB, "bytes", "a larger input is prefetched, the next block's while this one's is multiplied") \
  SAME(Index, channel_sums_prefetch_strip, 384 * KiB, "bytes", "but not for a larger strip: that would drive from the cache what is being read") \
  SAME(double, channel_sums_prefetch_results, 512 * KiB, "bytes", "the memory of a larger dK is prefetched: each of its rows would wait for it when it is stored") \
  SAME(Index, channel_sums_transposed_channels, 32, "input channels", "fewer of an NHWC array are read as they lie: a cache line for every few multiply-adds, all of which compete for few places where pixels are a power of two apart") \
  SAME(Index, channel_sums_transposed_uses, 64, "uses", "of an element, one for each output channel and tap, that pay for transposing it into the strip") \
  SAME(Index, channel_sums_conflicting_lines, 8, "cache lines", "of a pixel's channels in one set of the first-level cache, as where channels are 4 KiB apart; more are copied into a strip, which lies better") \
  SAME(Index, channel_sums_many_conflicting_lines, 13, "cache lines", "so many drive each other out for good") \
  SAME(Index, channel_sums_conflict_uses, 512, "uses", "of an element that pay for that copy") \
  SAME(Index, channel_sums_many_conflict_uses, 64, "uses", "the same of many conflicting lines")

#define CONVGRAD_TUNING_PIXEL_SUMS(SAME, EACH) \
  SAME(double, pixel_sums_strip_cost, 16, "multiplications", "packing an element of the strip: speaks against small items, each of which packs its own") \
  SAME(double, pixel_sums_grad_cost, 4, "taps", "reading an element of G, which every block of taps does anew") \
  SAME(Index, pixel_sums_input_load, 2, "cycles", "a tile's load of the input crosses cache lines; a multiply-add, or a load of G, takes one") \
  SAME(Index, pixel_sums_kernel_rows, 1, "0 or 1", "whether rows of the kernel make the tiles of a single output channel and share the rows of pixels they load") \
  SAME(Index, pixel_sums_input_in_place, 1, "0 or 1", "whether the input is read where it lies if a block meets no border and its pixels are neighbors") \
  SAME(Index, pixel_sums_grad_in_place, 1, "0 or 1", "whether G is read where it lies if its pixels are neighbors") \
  EACH(Index, pixel_sums_piece, 16 * KiB, 3 * KiB, 3 * KiB, 3 * KiB, "bytes", "of a channel that tiles read before those of the next channels begin: short vectors go over them once for each half of a cache line, and want them in the first-level cache") \
  SAME(Index, pixel_sums_strip_piece, 384 * KiB, "bytes", "of the input of a 1x1 kernel that is copied at once") \
  SAME(Index, pixel_sums_grad_piece, 192 * KiB, "bytes", "of G that are copied at once where it cannot be read in place") \
  SAME(Index, pixel_sums_transposed_channels, 6, "output channels", "fewer of an NHWC array are copied one by one and not transposed") \
  SAME(double, pixel_sums_prefetch_grad, 1 * MiB, "bytes", "a larger G comes from the last-level cache or memory: its next rows are prefetched") \
  SAME(double, pixel_sums_prefetch_input, 1 * MiB, "bytes", "the same of the input")

#define CONVGRAD_TUNING(SAME, EACH) \
  CONVGRAD_TUNING_SHARING(SAME, EACH) \
  CONVGRAD_TUNING_READ(SAME, EACH) \
  CONVGRAD_TUNING_WRITE(SAME, EACH) \
  CONVGRAD_TUNING_CHOICE(SAME, EACH) \
  CONVGRAD_TUNING_CHANNELS_BY_TILE(SAME, EACH) \
  CONVGRAD_TUNING_CHANNELS_BY_PIXEL(SAME, EACH) \
  CONVGRAD_TUNING_PIXELS_FROM_PANELS(SAME, EACH) \
  CONVGRAD_TUNING_PIXELS_FROM_STRIP(SAME, EACH) \
  CONVGRAD_TUNING_PIXEL_ROWS(SAME, EACH) \
  CONVGRAD_TUNING_GROUPS_BY_LANE(SAME, EACH) \
  CONVGRAD_TUNING_COLUMNS(SAME, EACH) \
  CONVGRAD_TUNING_CHANNEL_SUMS(SAME, EACH) \
  CONVGRAD_TUNING_PIXEL_SUMS(SAME, EACH)
// clang-format on

struct Tuning {
#define CONVGRAD_FIELD_SAME(type, name, value, unit, trades) type name;
#define CONVGRAD_FIELD_EACH(type, name, avx512, avx2, neon, baseline, unit, trades) type name;
  CONVGRAD_TUNING(CONVGRAD_FIELD_SAME, CONVGRAD_FIELD_EACH)
#undef CONVGRAD_FIELD_SAME
#undef CONVGRAD_FIELD_EACH
};

// A row for each kernel set. Read through tuning_of().
extern Tuning tuning_rows[4];

inline const Tuning& tuning_of(kernels::SetName set) noexcept { return tuning_rows[static_cast<int>(set)]; }

template <class T>
const Tuning& tuning_of(const kernels::KernelSet<T>& kernels) noexcept {
  return tuning_of(kernels.name);
}

// For the listing, and for measuring: the numbers as they are for a kernel set.
Index tuning_numbers() noexcept;
TuningNumber tuning_number(Index index, kernels::SetName set) noexcept;
// For plans made from now on; not while another thread makes or runs one. False where the table has no such name.
bool change_tuning(const char* name, double value) noexcept;
void reset_tuning() noexcept;

}  // namespace convgrad

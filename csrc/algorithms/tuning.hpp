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

#define CONVGRAD_TUNING_READ(SAME, EACH)

#define CONVGRAD_TUNING_WRITE(SAME, EACH)                                                                              \
  SAME(double, write_stream_share, 0.75, "of the last-level cache",                                                    \
       "larger outputs are streamed around the caches, as large copies of the C library are; 1e300: none")             \
  SAME(Index, write_fewest_streamed_lines, 8, "cache lines",                                                           \
       "of an image of a block: shorter pieces are stored, since their first and last lines are not whole")

#define CONVGRAD_TUNING_BORDER(SAME, EACH)                                                                             \
  SAME(double, border_least_share_of_taps, 0.01, "share",                                                              \
       "of an axis' taps on the border: for less, more and thinner tiles cost what leaving it out saves")              \
  SAME(double, border_taps_of_a_copy, 8, "taps",                                                                       \
       "pixels that share columns of the kernel are not neighbors: copying their sums takes as long as so many taps")  \
  SAME(double, border_block_pixels, 448, "pixels", "of a block, of which a corner should fill a tile")                 \
  SAME(double, border_corner_pixels, 12, "pixels", "fewer in a corner of a block are better off with those of its edge")

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

#define CONVGRAD_TUNING_PIXELS_FROM_STRIP(SAME, EACH)                                                                  \
  SAME(Index, strips_fewest_pixels, 448, "pixels",                                                                     \
       "of a block, here and for pixel_rows: fewer are not worth the set-up")                                          \
  SAME(Index, strips_most_pixels, 4096, "pixels", "of a block, however small its strip")                               \
  SAME(double, strips_block_multiplications, 4e5, "multiplications", "make a block worth its set-up")                  \
  SAME(double, strips_rows_per_row_copied_again, 4, "rows",                                                            \
       "of a block for each that the next block copies again")                                                         \
  SAME(Index, strips_small_bytes, 400 * KiB, "bytes",                                                                  \
       "of a strip, beside which the second-level cache has room: as many pixels make a block")                        \
  SAME(Index, strips_cached_bytes, 512 * KiB, "bytes",                                                                 \
       "the same of a 1x1 kernel, and of a strip that no number of pixels makes small")                                \
  SAME(double, strips_element_cost, 16, "multiplications",                                                             \
       "copying an element of the strip: speaks against cuts that copy rows twice")                                    \
  SAME(Index, strips_in_place, 1, "0 or 1",                                                                            \
       "blocks that meet no border read the input itself where its pixels are neighbors; 0: always a strip")           \
  SAME(double, strips_prefetch_input_share, 0.5, "of the second-level cache",                                          \
       "the next block of a larger input is prefetched, which a smaller one only slows down; 1e300: never")            \
  SAME(double, strips_prefetch_1x1_bytes, 12 * MiB, "bytes",                                                           \
       "the same of a 1x1 kernel in place, whose long rows the hardware prefetches from a last-level cache; "          \
       "1e300: never")                                                                                                 \
  SAME(double, strips_prefetch_results_bytes, 4 * MiB, "bytes",                                                        \
       "where results of larger outputs go is prefetched, as it is not in the cache; 1e300: never")                    \
  SAME(Index, from_strip_result_bytes, 512 * KiB, "bytes",                                                             \
       "results of a block, which wait in the second-level cache until their sums are complete")                       \
  SAME(Index, from_strip_run_bytes, 24 * KiB, "bytes",                                                                 \
       "input of a run of channels of a 1x1 kernel, half a first-level cache: its tiles are read anew by every "       \
       "four output channels")                                                                                         \
  SAME(Index, from_strip_long_run_bytes, 64 * KiB, "bytes",                                                            \
       "the same of four output channels and fewer, which read each element once: the hardware prefetches few rows "   \
       "at a time, and long ones")                                                                                     \
  SAME(double, from_strip_least_border_rows, 0.1, "share",                                                             \
       "of the kernel rows on the border: for less, more and smaller tiles cost what leaving them out saves; 2: "      \
       "never")                                                                                                        \
  SAME(Index, from_strip_border_vectors, 5, "vectors",                                                                 \
       "rows of pixels that leave out the same rows of the kernel take so many, of several images if need be")         \
  SAME(Index, from_strip_most_listed_taps, 16384, "taps",                                                              \
       "in the lists of all ranges of kernel rows: where there are more, no rows are left out")                        \
  SAME(Index, from_strip_prefetches_in_tiles, 1, "0 or 1",                                                             \
       "tiles of a 1x1 kernel that reads in place for more than four output channels prefetch what the next one "      \
       "reads")                                                                                                        \
  SAME(Index, from_strip_stores_directly, 1, "0 or 1",                                                                 \
       "results of more than four output channels go straight to where they belong if they fill vectors there; 0: "    \
       "all through a buffer")

#define CONVGRAD_TUNING_PIXEL_ROWS(SAME, EACH)                                                                         \
  SAME(Index, pixel_rows_sum_bytes, 512 * KiB, "bytes",                                                                \
       "sums of a block, which wait in the second-level cache from one block of taps to the next")                     \
  SAME(Index, pixel_rows_strip_bytes, 256 * KiB, "bytes",                                                              \
       "of a strip, a quarter of a second-level cache of a mebibyte, where the next one finds room beside it. "        \
       "Tiles pass over all of its channels: keeping a few in the first-level cache would store and load sums for "    \
       "every few")                                                                                                    \
  SAME(Index, pixel_rows_leave_out_border, 1, "0 or 1",                                                                \
       "tiles leave out rows on the border; 0: they multiply the zeros of the strip, but more rows make one tile")     \
  SAME(Index, pixel_rows_store_directly, 1, "0 or 1",                                                                  \
       "tiles store whole vectors where they belong if pixels are neighbors there; 0: all through a buffer")

#define CONVGRAD_TUNING_COLUMNS(SAME, EACH)

#define CONVGRAD_TUNING_CHANNEL_SUMS(SAME, EACH)

#define CONVGRAD_TUNING_PIXEL_SUMS(SAME, EACH)

#define CONVGRAD_TUNING(SAME, EACH) \
  CONVGRAD_TUNING_SHARING(SAME, EACH) \
  CONVGRAD_TUNING_READ(SAME, EACH) \
  CONVGRAD_TUNING_WRITE(SAME, EACH) \
  CONVGRAD_TUNING_BORDER(SAME, EACH) \
  CONVGRAD_TUNING_CHOICE(SAME, EACH) \
  CONVGRAD_TUNING_CHANNELS_BY_TILE(SAME, EACH) \
  CONVGRAD_TUNING_CHANNELS_BY_PIXEL(SAME, EACH) \
  CONVGRAD_TUNING_PIXELS_FROM_PANELS(SAME, EACH) \
  CONVGRAD_TUNING_PIXELS_FROM_STRIP(SAME, EACH) \
  CONVGRAD_TUNING_PIXEL_ROWS(SAME, EACH) \
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

const Tuning& tuning_of(kernels::SetName set) noexcept;

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

// The one table of numbers that only speed depends on: no choice here shows in a result's bits (numbers that do stand
// in gemm/sum_order.hpp). A column for each kernel set where they differ. Every number has a unit and says what it
// trades.
//
// `python -m bench tune` measures the choices that these numbers make against each other, and `python -m bench ablate`
// what each refinement is worth; both change numbers by name in a running process (set_tuning_number).
//
// Where the columns were measured: AVX-512 on Zen 4 and Zen 5, AVX2 on Zen 3 (half the second-level cache). NEON and
// the baseline have AVX2's, since their vectors are short, too; nobody has measured them. Groups as lanes were measured
// with AVX-512 on Sapphire Rapids alone.
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

#define CONVGRAD_TUNING_CHANNELS_BY_TILE(SAME, EACH)                                                                   \
  SAME(Index, channels_read_in_place, 1, "0 or 1",                                                                     \
       "a 1x1 kernel's input is read where it lies, if it lies as close together as a strip would: no copy, but "      \
       "more lines")                                                                                                   \
  SAME(Index, channels_most_conflicting, 64, "channels",                                                               \
       "of more that lie a multiple of 4 KiB apart, as those of 32x32 and 64x64 maps, one pixel of each competes for " \
       "few cache sets: they are copied")                                                                              \
  SAME(Index, by_tile_block_pixels, 448, "pixels",                                                                     \
       "of a block: more share its packed weights, fewer leave room in the second-level cache")                        \
  SAME(Index, by_tile_one_tap_fewest_pixels, 112, "pixels",                                                            \
       "a 1x1 kernel copies nothing twice, so blocks may shrink to this for a strip that holds all taps: no sums "     \
       "are kept")                                                                                                     \
  SAME(Index, by_tile_strided_fewest_pixels, 224, "pixels",                                                            \
       "the same with a stride: strips are large, and those of half the pixels are prefetched while others are "       \
       "read")                                                                                                         \
  SAME(Index, by_tile_cache_bytes, MiB, "bytes",                                                                       \
       "second-level cache that the bytes of strips are meant for: a smaller one gets as much less")                   \
  SAME(Index, by_tile_strip_bytes, 512 * KiB, "bytes",                                                                 \
       "strip of a block of some taps, beside sums and the panel in use; larger ones are read from the third "         \
       "level, panel after panel")                                                                                     \
  SAME(Index, by_tile_whole_strip_bytes, 784 * KiB, "bytes",                                                           \
       "strip of all taps, beside which no sums wait; not less for a 1x1 kernel, whose tiles are few and long: "       \
       "starting one takes as long as a dozen taps")                                                                   \
  SAME(Index, by_tile_sums_bytes, 512 * KiB, "bytes",                                                                  \
       "sums that wait between the blocks of taps of a task: more channels read a strip, against room in the "         \
       "second-level cache")                                                                                           \
  SAME(Index, by_tile_one_block_most_pixels, 800, "pixels",                                                            \
       "no more than this are one block if many taps pass over it: weights are packed once, while the sums wait "      \
       "elsewhere; 0 for never")                                                                                       \
  SAME(Index, by_tile_one_block_fewest_taps, 2048, "taps",                                                             \
       "whose weights fill the caches, so that one block pays")                                                        \
  SAME(Index, by_tile_one_block_sums_bytes, 768 * KiB, "bytes",                                                        \
       "sums that wait between the blocks of taps of a task of such a block")                                          \
  EACH(double, by_tile_transposed_strip_most_uses, 0, 10, 10, 10, "(pixel, tap) for an element",                       \
       "a tile of short vectors waits for one line of a strip after another: with channels as neighbors there "        \
       "are fewer, unless elements serve so many taps that lines are seldom new; 0 for never")                         \
  SAME(Index, by_tile_transposed_strip_fewest_panels, 4, "panels",                                                     \
       "that read a strip again, so that transposing it pays")                                                         \
  SAME(Index, by_tile_run_taps, 1024, "taps",                                                                          \
       "of a panel at a time: these weights and what the tiles read meanwhile stay in the second-level cache. "        \
       "Runs that fit the first level are up to 5 % slower, since tiles start more often")                             \
  SAME(Index, by_tile_own_weights_most_blocks, 2, "blocks of pixels",                                                  \
       "with no more, each task packs its weights for itself, a run at a time, and reads them while they are "         \
       "cached; 0 for packing all of them beforehand")                                                                 \
  EACH(Index, by_tile_own_weights_run_taps, 0, 288, 288, 288, "taps",                                                  \
       "of such a run: fits the first-level cache, since weights that pass once or twice cost more on their way "      \
       "from the second than tiles that start more often; 0 for by_tile_run_taps")                                     \
  SAME(Index, by_tile_packs_on_the_way, 1, "0 or 1",                                                                   \
       "rows of weights that lie as a panel's do are packed by the first tile that reads them")                        \
  SAME(Index, by_tile_packing_prefetch_rows, 64, "rows",                                                               \
       "how far that tile prefetches rows of weights; 0 for not at all")                                               \
  SAME(Index, by_tile_most_colliding_rows, 320, "rows of weights",                                                     \
       "of a run, where rows are a multiple of 4 KiB apart and meet in few lines of a cache: as many as stay "         \
       "there until they are read")                                                                                    \
  SAME(Index, by_tile_leaves_out_border, 1, "0 or 1",                                                                  \
       "pixels are arranged by the part of the kernel that meets the input: fewer multiplications, but no chunks")     \
  SAME(Index, by_tile_chunk_pixels, 112, "pixels",                                                                     \
       "stored at a time, with their sums still in the first-level cache; a multiple of every vector length, and "     \
       "tiles come out even")                                                                                          \
  SAME(Index, by_tile_prefetches_input, 1, "0 or 1",                                                                   \
       "the next block's input, unless it would evict what this one reads")                                            \
  SAME(Index, by_tile_prefetched_input_bytes, 384 * KiB, "bytes",                                                      \
       "of a strip whose input is prefetched, at most, if the share of the cache is not more")                         \
  SAME(double, by_tile_prefetched_input_share, 0.5, "of the second-level cache",                                       \
       "the same where that is large")                                                                                 \
  SAME(Index, by_tile_prefetched_in_place_bytes, 512 * KiB, "bytes",                                                   \
       "of an input that is read in place and prefetched, at most; 0 for never")                                       \
  SAME(double, by_tile_in_place_far_input_bytes, 4 * MiB, "bytes",                                                     \
       "an input that is not larger in all, and read in place, comes soon enough by itself")                           \
  SAME(double, by_tile_far_results_bytes, 1.5 * MiB, "bytes",                                                          \
       "larger results are not in the second-level cache: the memory they go to is prefetched")                        \
  SAME(double, by_tile_far_weights_bytes, 400 * KiB, "bytes",                                                          \
       "larger weights are not in the second-level cache: those that a task packs next are prefetched")                \
  SAME(double, by_tile_cost_of_strip_element, 16, "multiplications",                                                   \
       "copying an element of a strip, when cutting work into tasks")                                                  \
  SAME(double, by_tile_cost_of_weight, 2.5, "multiplications",                                                         \
       "reading or packing a weight for a block of pixels, likewise")

#define CONVGRAD_TUNING_CHANNELS_BY_PIXEL(SAME, EACH)                                                                  \
  SAME(Index, by_pixel_weight_bytes, 128 * KiB, "bytes",                                                               \
       "all weights of a group, which are read again for every few pixels, from the second-level cache; 0 for "        \
       "never this way")                                                                                               \
  SAME(Index, by_pixel_strip_bytes, 128 * KiB, "bytes",                                                                \
       "strip of a block, which shares that cache with the weights")                                                   \
  SAME(Index, by_pixel_block_pixels, 448, "pixels",                                                                    \
       "of a block")                                                                                                   \
  SAME(Index, by_pixel_one_tap_fewest_pixels, 56, "pixels",                                                            \
       "a 1x1 kernel copies nothing twice, so blocks may shrink to this for a strip that holds all taps")              \
  SAME(double, by_pixel_cost_of_odd_vector, 0.3, "vectors",                                                            \
       "a panel of one vector takes longer than half of one of two")                                                   \
  SAME(double, by_pixel_most_time_of_channel, 1.2, "of that in a full panel",                                          \
       "with pixels as lanes no lane is unused, but a 1x1 kernel's input and results are transposed for few "          \
       "multiplications")                                                                                              \
  SAME(Index, by_pixel_one_tap_fewest_in_channels, 64, "input channels",                                               \
       "that make up for the unused lanes of a single vector under a 1x1 kernel")                                      \
  SAME(double, by_pixel_far_input_bytes, MiB, "bytes",                                                                 \
       "a larger input comes from the last-level cache or beyond: the next block's is prefetched")                     \
  SAME(Index, by_pixel_prefetched_pixel_bytes, 512, "bytes",                                                           \
       "channels of a pixel: few are some cache lines written out of order, which are prefetched in order; many "      \
       "are whole lines that are best not fetched at all; 0 for never")                                                \
  SAME(double, by_pixel_cost_of_strip_element, 16, "multiplications",                                                  \
       "copying an element of a strip, when cutting work into tasks")

#define CONVGRAD_TUNING_PANELS(SAME, EACH)                                                                             \
  EACH(double, split_cost_of_narrow_panel, 1.1, 1.3, 1.1, 1.3, "vectors",                                              \
       "multiplying with a panel of one vector, which loads more for each multiplication: less where 32 registers "    \
       "suffice for high tiles of it")                                                                                 \
  SAME(Index, split_into_wide_panels, 1, "0 or 1",                                                                     \
       "panels have three vectors where two would leave one over, and registers suffice")                              \
  SAME(Index, weights_prefetch_rows, 64, "input channels",                                                             \
       "packing rows of output channels, short and far apart: how far ahead rows are prefetched into the "             \
       "second-level cache; 0 for not at all")                                                                         \
  SAME(Index, weights_rows_at_once, 4, "input channels",                                                               \
       "of these are copied in a call")                                                                                \
  SAME(Index, weights_channels_at_once, 4, "input channels",                                                           \
       "whose kernels are transposed in a call: they and the next ones fit the first-level cache")                     \
  SAME(Index, weights_prefetch_spread, 4, "kernels",                                                                   \
       "output channels that lie no further apart lie together, and their lines of the next input channel are "        \
       "prefetched; 0 for never")

#define CONVGRAD_TUNING_PIXELS_FROM_PANELS(SAME, EACH)                                                                 \
  SAME(Index, panels_strip_bytes, 512 * KiB, "bytes",                                                                  \
       "strip of a block, which shares a second-level cache with results and with weights that stream by")             \
  SAME(Index, panels_result_bytes, 512 * KiB, "bytes",                                                                 \
       "results of a task, which are read and written again by every run of taps")                                     \
  SAME(Index, panels_result_bytes_of_one_run, MiB, "bytes",                                                            \
       "the same where they are complete after one run of taps, and are not read again")                               \
  SAME(Index, panels_and_result_bytes, 1408 * KiB, "bytes",                                                            \
       "of both together then: a worker's memory stays below 2 MiB")                                                   \
  SAME(Index, panels_block_pixels, 448, "pixels",                                                                      \
       "of a block of full runs of taps, or as many as panels_cache_share has room for")                               \
  SAME(double, panels_cache_share, 0.875, "of the second-level cache",                                                 \
       "that panels of a run of taps may take")                                                                        \
  EACH(Index, panels_block_bytes, 256 * KiB, 128 * KiB, 128 * KiB, 128 * KiB, "bytes",                                 \
       "panels of a block of few taps, whose pixels are more: rows of results are written in longer pieces, which "    \
       "layers of few input channels wait for; 0 for panels_block_pixels")                                             \
  EACH(Index, panels_block_most_pixels, 7168, 1792, 1792, 1792, "pixels",                                              \
       "of such a block: long vectors gain from pieces of 28 KiB; short ones were measured with half of that cache")   \
  EACH(double, panels_block_least_gain, 2, 1, 1, 1, "panels_block_pixels",                                             \
       "fewer pixels than this gain less than what whole rows of pixels leave of the last panel")                      \
  SAME(Index, panels_run_taps, 256, "taps",                                                                            \
       "of a run: a tile's weights and a panel fit the first-level cache")                                             \
  SAME(Index, panels_run_most_taps, 512, "taps",                                                                       \
       "the same of few pixels: results are read and written again less often; panels_run_taps for never")             \
  SAME(Index, panels_run_tile_weight_bytes, 14 * KiB, "bytes",                                                         \
       "that a tile's weights may take then, to stay in the first-level cache while panels pass")                      \
  EACH(Index, panels_low_tile_rows, 8, 14, 14, 14, "output channels",                                                  \
       "of a tile of few taps, over before its predecessor's results have left the store queue: lower ones store "     \
       "less at a time. Short vectors need the loads that high ones save; 14 for never")                               \
  SAME(Index, panels_low_tile_most_taps, 96, "taps",                                                                   \
       "that are few so: low tiles gain 9 % with 9 taps, 2 % with 32")                                                 \
  SAME(Index, panels_call_taps, 512, "taps",                                                                           \
       "of few taps, as many panels are multiplied in a call as take as long as these; 1 for one at a time")           \
  SAME(Index, panels_read_in_place, 1, "0 or 1",                                                                       \
       "blocks that meet no border are read in place where pixels are neighbors in the input, and need no strip")      \
  SAME(Index, panels_transpose_input, 1, "0 or 1",                                                                     \
       "under a 1x1 kernel, panels are transposed right out of an input whose channels are neighbors, and need no "    \
       "strip")                                                                                                        \
  SAME(Index, panels_copy_tap_by_tap, 1, "0 or 1",                                                                     \
       "of a 1x1 kernel's input that is read in place, all panels are copied together, for each tap from end to "      \
       "end: the hardware follows long rows")                                                                          \
  SAME(Index, panels_kept_for_next_task, 1, "0 or 1",                                                                  \
       "panels of all taps serve the worker's next task, too, if it has other channels of the same pixels")            \
  EACH(Index, panels_fill_1x1, 0, 1, 1, 1, "0 or 1",                                                                   \
       "the first tile that multiplies a 1x1 kernel's panel fills it on the way, and prefetches the next one's "       \
       "lines; long vectors gain nothing")                                                                             \
  SAME(Index, panels_fill_1x1_fewest_taps, 128, "taps",                                                                \
       "that pay for it")                                                                                              \
  SAME(Index, panels_fill_1x1_fewest_pixels, 448, "pixels",                                                            \
       "of an image: small ones are copied as quickly from end to end, since the first panel of each finds no lines "  \
       "there")                                                                                                        \
  SAME(Index, panels_fill_strip, 1, "0 or 1",                                                                          \
       "panels of a strip are filled on the way, too, where few of them meet the end of a row")                        \
  SAME(Index, panels_fill_strip_fewest_taps, 16, "taps",                                                               \
       "that pay for what a panel takes besides")                                                                      \
  SAME(Index, panels_fill_strip_fewest_panels, 2, "panels",                                                            \
       "of a row of pixels that is not whole panels, so that few meet its end")                                        \
  SAME(Index, panels_fill_strip_most_tiles, 3, "tiles",                                                                \
       "that all read the strip: panels are not stored for so few; 0 for never")                                       \
  SAME(double, panels_prefetch_1x1_input_bytes, 8 * MiB, "bytes",                                                      \
       "a larger input of a 1x1 kernel is prefetched while other panels are multiplied: it is copied in long rows, "   \
       "which the hardware follows, unless it comes from memory; 1e18 for never")                                      \
  SAME(double, panels_prefetch_input_bytes, MiB, "bytes",                                                              \
       "a larger input of other kernels is prefetched: it is copied in short rows; 1e18 for never")                    \
  SAME(Index, panels_prefetch_strip_bytes, 256 * KiB, "bytes",                                                         \
       "of the strip at most then: there is room for the next one's input")                                            \
  SAME(double, panels_prefetch_first_bytes, MiB, "bytes",                                                              \
       "where panels of a 1x1 kernel are filled on the way, the first one of a larger input is prefetched; 1e18 for "  \
       "never")                                                                                                        \
  SAME(double, panels_prefetch_result_bytes, 8 * MiB, "bytes",                                                         \
       "larger results whose channels are neighbors are prefetched before they are stored; 1e18 for never")            \
  EACH(Index, panels_prefetch_rows, 1, 0, 0, 0, "0 or 1",                                                              \
       "rows of results that the next tile stores are prefetched")                                                     \
  SAME(Index, panels_prefetch_rows_fewest_taps, 97, "taps",                                                            \
       "of a tile that lasts long enough for that")                                                                    \
  SAME(double, panels_prefetch_rows_bytes, MiB, "bytes",                                                               \
       "smaller results are cached")                                                                                   \
  SAME(Index, panels_streams_results, 1, "0 or 1",                                                                     \
       "results that outgrow the caches go around them, where panels are whole cache lines there")                     \
  EACH(Index, panels_copies_weights_by_tap, 0, 1, 1, 1, "0 or 1",                                                      \
       "weights of a 1x1 kernel with output channels as neighbors are copied tap after tap, since each tap takes "     \
       "lines of its own: long vectors spend time enough on a tap to fetch them from the second-level cache")          \
  SAME(Index, panels_copies_weights_by_row, 1, "0 or 1",                                                               \
       "rows of weights a multiple of 4 KiB apart are copied, tile by tile: they meet in few lines of the "            \
       "first-level cache")                                                                                            \
  SAME(Index, panels_copied_weight_bytes, 72 * KiB, "bytes",                                                           \
       "copied at once, tap after tap: several tiles share a tap's lines, and leave the panels room in the "           \
       "second-level cache")                                                                                           \
  SAME(Index, panels_copied_weight_tiles, 32, "tiles",                                                                 \
       "copied at once, at most")                                                                                      \
  SAME(double, panels_cost_of_copy, 5, "multiplications",                                                              \
       "copying an element of a panel, when cutting work into tasks")                                                  \
  SAME(double, panels_cost_of_copy_by_row, 12, "multiplications",                                                      \
       "the same, times rows of pixels in a vector, since each is a copy")                                             \
  SAME(double, panels_cost_few_rows, 0.4, "rows in a vector",                                                          \
       "below which panels_cost_of_copy holds")                                                                        \
  SAME(double, panels_cost_of_strip_element, 16, "multiplications",                                                    \
       "copying an element of a strip, likewise")                                                                      \
  SAME(double, panels_cost_of_weight, 2, "multiplications",                                                            \
       "reading a weight for a block of pixels, likewise")

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

#define CONVGRAD_TUNING_GROUPS_BY_LANE(SAME, EACH)                                                                     \
  SAME(Index, lanes_fewest_groups, 8, "groups",                                                                        \
       "groups_by_lane is chosen from so many on: fewer leave most lanes empty")                                       \
  SAME(Index, lanes_most_products, 4, "channels",                                                                      \
       "and for groups of at most so many input times output channels: of more, other ways share what they read")      \
  SAME(Index, lanes_most_pixels, 1024, "pixels",                                                                       \
       "of all images, times those channels: of more, transposing takes longer than the rows of pixel_rows save; a "   \
       "stride has none to save")                                                                                      \
  SAME(Index, lanes_in_nhwc, 1, "0 or 1", "depthwise layers whose channels lie together go by lanes, however large")   \
  SAME(Index, lanes_strip_bytes, 256 * KiB, "bytes",                                                                   \
       "of a block's strip: larger ones copy fewer borders again, smaller ones leave room for results")                \
  SAME(Index, lanes_result_bytes, 128 * KiB, "bytes",                                                                  \
       "results of one output channel of a block, until they are transposed")                                          \
  SAME(Index, lanes_most_weights, 256 * KiB, "bytes",                                                                  \
       "weights of as many groups as a vector has lanes: more would not stay in the cache")                            \
  SAME(Index, lanes_most_stride, 8, "positions",                                                                       \
       "tiles and lists of taps are made for every residue of a stride, most of which would have little to do")        \
  SAME(double, lanes_cost_of_copy, 4, "multiplications", "copying an element of the strip, when tasks are cut")

#define CONVGRAD_TUNING_COLUMNS(SAME, EACH) \
  SAME(Index, columns_panel_bytes, 896 * KiB, "bytes", "of G that a block reads; G, products and sums share a second-level cache of 1 MiB with the weights that pass") \
  SAME(Index, columns_product_bytes, 384 * KiB, "bytes", "of the products of one channel of a block") \
  SAME(Index, columns_chunk_bytes, 224 * KiB, "bytes", "of the products of a chunk of channels, which are in the cache until they are added") \
  SAME(Index, columns_sums_bytes, 128 * KiB, "bytes", "of the rows of sums of a chunk: blocks are halved until they fit") \
  SAME(Index, columns_block_pixels, 1536, "pixels", "of a block: more would leave no second-level cache for weights") \
  SAME(Index, columns_chunk_rows, 128, "rows of products", "of a chunk: more at a time save nothing; 0 for chunks of one channel") \
  SAME(Index, columns_run_channels, 512, "output channels", "of a panel: products are loaded and stored for each run of so many, which counts for more than that a longer panel streams from the second-level cache") \
  SAME(Index, columns_run_fewest_channels, 32, "output channels", "of a panel, however many pixels a block has") \
  SAME(Index, columns_single_tile, 1, "0 or 1", "whether a block of a single tile has as many pixels as it likes: nothing of G is read twice, so each run of channels overwrites the last one's panels, and memory delivers long rows sooner") \
  SAME(Index, columns_single_tile_panel_bytes, 320 * KiB, "bytes", "of such a run, which is prefetched meanwhile") \
  SAME(Index, columns_strip_bytes, 256 * KiB, "bytes", "of G that are copied at a time where it cannot be read in place") \
  SAME(Index, columns_reads_in_place, 1, "0 or 1", "whether a block of G whose pixels are neighbors serves as its own strip") \
  SAME(Index, columns_fills_panels, 1, "0 or 1", "whether panels of such a block are filled by the first tile that reads them, rather than before") \
  SAME(Index, columns_transposes_grad, 1, "0 or 1", "whether panels are transposed right out of a G that lies as in an NHWC array, without a strip") \
  SAME(Index, columns_packs_vectors, 1, "0 or 1", "whether weights that lie in their order are packed in whole vectors") \
  SAME(double, columns_prefetch_result_bytes, 4 * MiB, "bytes", "the memory of a larger dV is prefetched before sums are stored") \
  SAME(double, columns_prefetch_grad_bytes, 1 * MiB, "bytes", "a larger G is prefetched: the next block, or the next run of channels of a single tile") \
  SAME(Index, columns_sums_together_bytes, 16 * KiB, "bytes", "of rows of sums that are added up together, half a first-level cache; 0 for one row at a time") \
  SAME(Index, columns_transposes_sums, 1, "0 or 1", "whether all channels of a row are transposed together into a dV that lies as in an NHWC array, rather than stored one by one") \
  SAME(Index, columns_most_rounds, 4, "tasks of a worker", "finer cuts are not tried: each computes products at its edges again") \
  SAME(double, columns_cost_of_tile, 3, "rows of products", "that a tile might have besides: it starts and ends") \
  SAME(double, columns_cost_of_weight, 2, "multiplications", "reading a weight, for each block") \
  SAME(double, columns_cost_of_product, 9, "multiplications", "storing, loading and adding a product") \
  SAME(double, columns_cost_of_product_row, 180, "multiplications", "the same, for each row of a block's pixels and tap") \
  SAME(double, columns_cost_of_copy, 16, "multiplications", "copying an element of G into panels") \
  SAME(double, columns_cost_of_cut_copy, 6, "multiplications", "the same besides where boxes cut rows, so that G cannot be read in place") \
  SAME(double, columns_cost_of_cut_row, 300, "multiplications", "and for each such row") \
  SAME(double, columns_cost_of_sum, 8, "multiplications", "clearing or loading, and storing a sum") \
  SAME(double, columns_cost_of_sum_row, 300, "multiplications", "the same, for each row of a block's pixels") \
  SAME(double, columns_cost_of_offset, 16, "multiplications", "writing an offset of a task's own table, one for each row of a tile and channel of a run")

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
  CONVGRAD_TUNING_BORDER(SAME, EACH) \
  CONVGRAD_TUNING_CHOICE(SAME, EACH) \
  CONVGRAD_TUNING_CHANNELS_BY_TILE(SAME, EACH) \
  CONVGRAD_TUNING_CHANNELS_BY_PIXEL(SAME, EACH) \
  CONVGRAD_TUNING_PANELS(SAME, EACH) \
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
extern Tuning tuning_rows[kernels::set_names];

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

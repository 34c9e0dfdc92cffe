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

#define CONVGRAD_TUNING_WRITE(SAME, EACH)

#define CONVGRAD_TUNING_CHOICE(SAME, EACH)

#define CONVGRAD_TUNING_CHANNELS_BY_TILE(SAME, EACH)                                                                   \
  SAME(Index, channels_read_in_place, 1, "0 or 1",                                                                     \
       "a 1x1 kernel's input is read where it lies, if it lies as close together as a strip would: no copy, but "      \
       "more lines")                                                                                                   \
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

#define CONVGRAD_TUNING_PIXELS_FROM_PANELS(SAME, EACH)

#define CONVGRAD_TUNING_PIXELS_FROM_STRIP(SAME, EACH)

#define CONVGRAD_TUNING_PIXEL_ROWS(SAME, EACH)

#define CONVGRAD_TUNING_COLUMNS(SAME, EACH)

#define CONVGRAD_TUNING_CHANNEL_SUMS(SAME, EACH)

#define CONVGRAD_TUNING_PIXEL_SUMS(SAME, EACH)

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

// For the listing, and for measuring: number `index` of the table as it is for a kernel set.
struct TuningNumber {
  const char* name;
  const char* unit;
  const char* trades;
  double value;
};
Index tuning_numbers() noexcept;
TuningNumber tuning_number(Index index, kernels::SetName set) noexcept;
// For plans made from now on; not while another thread makes or runs one. False where the table has no such name.
bool set_tuning_number(const char* name, double value) noexcept;
void reset_tuning() noexcept;

}  // namespace convgrad

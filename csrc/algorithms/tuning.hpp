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

#define CONVGRAD_TUNING_CHANNELS_BY_TILE(SAME, EACH)

#define CONVGRAD_TUNING_CHANNELS_BY_PIXEL(SAME, EACH)

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

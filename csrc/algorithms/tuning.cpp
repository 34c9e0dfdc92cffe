#include "algorithms/tuning.hpp"

#include <cstring>

namespace convgrad {

namespace {

constexpr int sets = 4;

constexpr Tuning row(int set) noexcept {
  Tuning tuning{};
#define CONVGRAD_VALUE_SAME(type, name, value, unit, trades) tuning.name = value;
#define CONVGRAD_VALUE_EACH(type, name, avx512, avx2, neon, baseline, unit, trades) \
  tuning.name = set == 0 ? avx512 : set == 1 ? avx2 : set == 2 ? neon : baseline;
  CONVGRAD_TUNING(CONVGRAD_VALUE_SAME, CONVGRAD_VALUE_EACH)
#undef CONVGRAD_VALUE_SAME
#undef CONVGRAD_VALUE_EACH
  static_cast<void>(set);
  return tuning;
}

constexpr Tuning usual[sets] = {row(0), row(1), row(2), row(3)};

// How to find a number in a row, whichever type it has.
struct Entry {
  const char* name;
  const char* unit;
  const char* trades;
  double (*get)(const Tuning&) noexcept;
  void (*set)(Tuning&, double) noexcept;
};

#define CONVGRAD_ENTRY(type, field, unit, trades)                                                         \
  {#field, unit, trades, [](const Tuning& tuning) noexcept { return static_cast<double>(tuning.field); }, \
   [](Tuning& tuning, double value) noexcept { tuning.field = static_cast<type>(value); }},
#define CONVGRAD_ENTRY_SAME(type, name, value, unit, trades) CONVGRAD_ENTRY(type, name, unit, trades)
#define CONVGRAD_ENTRY_EACH(type, name, avx512, avx2, neon, baseline, unit, trades) \
  CONVGRAD_ENTRY(type, name, unit, trades)
constexpr Entry entries[] = {CONVGRAD_TUNING(CONVGRAD_ENTRY_SAME, CONVGRAD_ENTRY_EACH)};
#undef CONVGRAD_ENTRY_SAME
#undef CONVGRAD_ENTRY_EACH
#undef CONVGRAD_ENTRY

}  // namespace

Tuning tuning_rows[sets] = {row(0), row(1), row(2), row(3)};

Index tuning_numbers() noexcept { return static_cast<Index>(sizeof entries / sizeof entries[0]); }

TuningNumber tuning_number(Index index, kernels::SetName set) noexcept {
  const Entry& entry = entries[index];
  return {entry.name, entry.unit, entry.trades, entry.get(tuning_of(set))};
}

bool change_tuning(const char* name, double value) noexcept {
  for (const Entry& entry : entries) {
    if (std::strcmp(entry.name, name) != 0) continue;
    for (Tuning& tuning : tuning_rows) entry.set(tuning, value);
    return true;
  }
  return false;
}

void reset_tuning() noexcept {
  for (int set = 0; set < sets; ++set) tuning_rows[set] = usual[set];
}

}  // namespace convgrad

// Instantiates every tile of one ISA and fills its table. The including ISA file defines CONVGRAD_VECTOR_BYTES,
// CONVGRAD_REGISTERS, CONVGRAD_TILE_ROWS and CONVGRAD_ISA (the table's name), and CONVGRAD_GROUPED_ROWS if it likes.
#pragma once

// Rows of a tile of one vector, unless the ISA file knows better.
#if !defined(CONVGRAD_GROUPED_ROWS)
#define CONVGRAD_GROUPED_ROWS (CONVGRAD_REGISTERS - 4)
#endif

#include "kernels/add_columns.inc.hpp"
#include "kernels/copies/copy.inc.hpp"
#include "kernels/copies/interleave.inc.hpp"
#include "kernels/copies/spread.inc.hpp"
#include "kernels/copies/stream.inc.hpp"
#include "kernels/copies/transpose.inc.hpp"
#include "kernels/kernel_set.hpp"
#include "kernels/tiles/dot_rows.inc.hpp"
#include "kernels/tiles/dot_tile.inc.hpp"
#include "kernels/tiles/lane_sums.inc.hpp"
#include "kernels/tiles/lane_tile.inc.hpp"
#include "kernels/tiles/products.inc.hpp"
#include "kernels/tiles/row_tile.inc.hpp"
#include "kernels/tiles/strip_tile.inc.hpp"
#include "kernels/tiles/sweep_tile.inc.hpp"
#include "kernels/tiles/tile.inc.hpp"

namespace {

// Twelve chains: enough to cover the latency of two multiply-add units, and few enough for sixteen registers.
template <class T>
double multiply_add(int64_t repeats) {
  constexpr int chains = 12;
  Vector<T> accumulator[chains];
  volatile T half = static_cast<T>(0.5);  // unknown to the optimizer
  Vector<T> factor{};
  factor += half;
  for (int i = 0; i < chains; ++i) accumulator[i] = factor * static_cast<T>(i);
  for (int64_t r = 0; r < repeats; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) accumulator[i] = accumulator[i] * factor + factor;
  }
  Vector<T> sum{};
  for (int i = 0; i < chains; ++i) sum += accumulator[i];
  for (int i = 0; i < lanes_of<T>; ++i) half = sum[i];
  return 2.0 * chains * lanes_of<T> * static_cast<double>(repeats);
}

// Nothing but loads and stores, for arrays that no cache holds.
template <class T>
void triad(const T* left, const T* right, T factor, int64_t count, T* sum) {
  constexpr int64_t lanes = lanes_of<T>;
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store(sum + i, load(left + i) + factor * load(right + i));
  for (; i < count; ++i) sum[i] = left[i] + factor * right[i];
}

template <class T, int rows, int vectors>
constexpr void fill_tiles(convgrad::kernels::KernelSet<T>& set) {
  if constexpr (rows > 0) {
    set.tile[vectors - 1][rows - 1] = tile<T, rows, vectors>;
    fill_tiles<T, rows - 1, vectors>(set);
  }
}

template <class T, int rows>
constexpr void fill_sweep_tiles(convgrad::kernels::KernelSet<T>& set) {
  if constexpr (rows > 0) {
    set.sweep_tile[rows - 1] = sweep_tile<T, rows, 2>;
    set.fill_sweep[rows - 1] = fill_sweep<T, rows, 2>;
    fill_sweep_tiles<T, rows - 1>(set);
  }
}

// One accumulator for each row, the panel's vector and broadcasts.
template <class T, int kind, int groups>
constexpr void fill_grouped_tiles(convgrad::kernels::KernelSet<T>& set) {
  constexpr int group = convgrad::kernels::rows_of_group[kind];
  if constexpr (groups > 0) {
    set.grouped_tile[kind][groups - 1] = tile<T, groups * group, 1, group>;
    fill_grouped_tiles<T, kind, groups - 1>(set);
  }
}

template <class T, int kind>
constexpr void fill_grouped_kind(convgrad::kernels::KernelSet<T>& set) {
  constexpr int group = convgrad::kernels::rows_of_group[kind];
  constexpr int most = CONVGRAD_GROUPED_ROWS < convgrad::kernels::max_grouped_tile_rows
                           ? CONVGRAD_GROUPED_ROWS
                           : convgrad::kernels::max_grouped_tile_rows;
  set.grouped_tile_rows[kind] = most / group * group;
  fill_grouped_tiles<T, kind, most / group>(set);
}

template <class T, int rows, int vectors>
constexpr void fill_strip_tiles(convgrad::kernels::KernelSet<T>& set) {
  if constexpr (vectors > 0) {
    set.strip_tile[rows - 1][vectors - 1] = strip_tile<T, rows, vectors>;
    set.row_tile[rows - 1][vectors - 1] = row_tile<T, rows, vectors>;
    fill_strip_tiles<T, rows, vectors - 1>(set);
  }
}

template <class T, int rows>
constexpr void fill_strip_rows(convgrad::kernels::KernelSet<T>& set) {
  constexpr int fitting = most_columns(rows);
  constexpr int vectors =
      fitting < convgrad::kernels::max_strip_vectors ? fitting : convgrad::kernels::max_strip_vectors;
  set.strip_vectors[rows - 1] = vectors;
  fill_strip_tiles<T, rows, vectors>(set);
}

template <class T, int rows, int columns>
constexpr void fill_dot_tiles(convgrad::kernels::KernelSet<T>& set) {
  if constexpr (columns > 0) {
    set.dot_tile[rows - 1][columns - 1] = dot_tile<T, rows, columns>;
    if constexpr (rows > 1 && rows <= convgrad::kernels::max_dot_kernel_rows)
      set.dot_rows[rows - 1][columns - 1] = dot_rows<T, rows, columns>;
    fill_dot_tiles<T, rows, columns - 1>(set);
  }
}

template <class T, int rows>
constexpr void fill_dot_rows(convgrad::kernels::KernelSet<T>& set) {
  constexpr int fitting = most_columns(rows);
  constexpr int columns = fitting < convgrad::kernels::max_dot_columns ? fitting : convgrad::kernels::max_dot_columns;
  set.dot_columns[rows - 1] = columns;
  fill_dot_tiles<T, rows, columns>(set);
}

template <class T, int rows, int columns>
constexpr void fill_lane_tiles(convgrad::kernels::KernelSet<T>& set) {
  if constexpr (columns > 0) {
    set.lane_tile[rows - 1][columns - 1] = lane_tile<T, rows, columns>;
    fill_lane_tiles<T, rows, columns - 1>(set);
  }
}

template <class T, int taps>
constexpr void fill_lane_sums(convgrad::kernels::KernelSet<T>& set) {
  if constexpr (taps > 0) {
    set.lane_sums[taps - 1] = lane_sums<T, taps>;
    fill_lane_sums<T, taps - 1>(set);
  }
}

// Their accumulators, a weight and a pixel.
template <class T, int rows>
constexpr void fill_lane_rows(convgrad::kernels::KernelSet<T>& set) {
  constexpr int fitting = (CONVGRAD_REGISTERS - 3) / rows;
  constexpr int columns = fitting < convgrad::kernels::max_lane_columns ? fitting : convgrad::kernels::max_lane_columns;
  set.lane_columns[rows - 1] = columns;
  fill_lane_tiles<T, rows, columns>(set);
}

template <class T>
constexpr convgrad::kernels::KernelSet<T> make_kernel_set() {
  convgrad::kernels::KernelSet<T> set{};
  set.name = convgrad::kernels::SetName::CONVGRAD_ISA;
  set.lanes = lanes_of<T>;
  set.tile_rows = CONVGRAD_TILE_ROWS;
  // With one multiply-add for each broadcast, loads are what counts, and beyond ten rows their addresses no longer fit
  // the general registers: 81 % of the peak with ten rows on Zen 5, 68 % with fourteen.
  set.narrow_tile_rows = CONVGRAD_TILE_ROWS < 10 ? CONVGRAD_TILE_ROWS : 10;
  set.tile_vectors = 2;
  fill_tiles<T, CONVGRAD_TILE_ROWS, 1>(set);
  fill_tiles<T, CONVGRAD_TILE_ROWS, 2>(set);
  fill_sweep_tiles<T, CONVGRAD_TILE_ROWS>(set);
  // 24 accumulators, 3 panel vectors and 2 broadcasts.
  set.wide_tile_rows = CONVGRAD_REGISTERS >= 32 ? 8 : 0;
  fill_tiles<T, CONVGRAD_REGISTERS >= 32 ? 8 : 0, 3>(set);
  fill_grouped_kind<T, 0>(set);
  fill_grouped_kind<T, 1>(set);
  fill_grouped_kind<T, 2>(set);
  fill_grouped_kind<T, 3>(set);
  fill_strip_rows<T, 1>(set);
  fill_strip_rows<T, 2>(set);
  fill_strip_rows<T, 3>(set);
  fill_strip_rows<T, 4>(set);
  fill_dot_rows<T, 1>(set);
  fill_dot_rows<T, 2>(set);
  fill_dot_rows<T, 3>(set);
  fill_dot_rows<T, 4>(set);
  fill_lane_rows<T, 1>(set);
  fill_lane_rows<T, 2>(set);
  fill_lane_sums<T, convgrad::kernels::max_lane_taps>(set);
  set.transpose = transpose<T, false>;
  set.transpose_padded = transpose<T, true>;
  set.transpose_all_padded = transpose_all<T>;
  set.copy_rows = copy_rows<T>;
  set.copy_strided = copy_strided<T>;
  set.all_finite = all_finite<T>;
  set.stream_copy = stream_copy<T>;
  set.finish_streams = finish_streams;
  set.add_columns = add_columns<T>;
  set.interleave = interleave<T>;
  set.separate = separate<T>;
  set.spread = spread<T>;
  set.expand = expand<T>;
  set.expand_block = expand_block<T>;
  set.multiply_add = multiply_add<T>;
  set.triad = triad<T>;
  return set;
}

}  // namespace

#define CONVGRAD_TEXT_OF(name) #name
#define CONVGRAD_TEXT(name) CONVGRAD_TEXT_OF(name)

namespace convgrad::kernels {
extern constexpr IsaTable CONVGRAD_ISA{CONVGRAD_TEXT(CONVGRAD_ISA), make_kernel_set<float>(),
                                       make_kernel_set<double>()};
}

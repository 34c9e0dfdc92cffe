// What one instruction set offers: function pointers beside the tile sizes they want. One table per ISA file.
#pragma once

#include <stdint.h>

#include "kernels/lane_kernels.hpp"
#include "kernels/micro_kernels.hpp"

namespace convgrad::kernels {

// One vector of a panel's row: the lanes from `lane` on come from `offset` on.
struct PanelCopy {
  int64_t offset;
  int64_t lane;
};

// The same for a vector of any panel of a block: `position` is that of the vector in the panel's first row, and `step`
// leads to the next.
struct BlockCopy {
  int64_t offset;
  int64_t position;
  int64_t step;
};

// Rows of `count` elements to be added up, each moved along by `shift`: the same terms of every line. So for `rows`
// rows of sums, `sums_step` apart, whose lines are `source_step` further on in each.
struct ShiftedTerm {
  int64_t offset;
  int64_t shift;
};
struct ShiftedRows {
  const int64_t* line;
  int64_t lines;
  const ShiftedTerm* term;
  int64_t terms;
  int64_t count;
  int64_t rows;
  int64_t source_step;
  int64_t sums_step;
};

enum class SetName : int { avx512, avx2, neon, baseline };
inline constexpr int set_names = 4;

template <class T>
struct KernelSet {
  SetName name;
  int lanes;
  int tile_rows;         // the largest useful height; every smaller one exists
  int narrow_tile_rows;  // the best one where a panel has one vector
  int wide_tile_rows;    // the largest where it has three, or 0 where registers do not suffice for that
  int tile_vectors;      // the usual width of a panel in vectors; one vector exists too
  Tile<T> tile[max_tile_vectors][max_tile_rows];              // [vectors - 1][rows - 1]
  SweepTile<T> sweep_tile[max_tile_rows];                     // of two vectors; [rows - 1]
  FillSweep<T> fill_sweep[max_tile_rows];                     // likewise
  int grouped_tile_rows[grouped_tile_kinds];                  // the largest height
  Tile<T> grouped_tile[grouped_tile_kinds][max_tile_groups];  // of one vector; [kind][rows / rows_of_group[kind] - 1]

  int strip_vectors[max_strip_rows];  // [rows - 1]: as many vectors as the registers hold; every smaller number exists
                                      // too
  StripTile<T> strip_tile[max_strip_rows][max_strip_vectors];  // [rows - 1][vectors - 1]
  RowTile<T> row_tile[max_strip_rows][max_strip_vectors];

  int dot_columns[max_dot_rows];  // [rows - 1]: as many as the registers hold; every smaller number exists too
  DotTile<T> dot_tile[max_dot_rows][max_dot_columns];             // [rows - 1][columns - 1]
  DotRowsTile<T> dot_rows[max_dot_kernel_rows][max_dot_columns];  // of two rows and more; as many columns

  int lane_columns[max_lane_rows];  // [rows - 1]: as many as the registers hold; every smaller number exists too
  LaneTile<T> lane_tile[max_lane_rows][max_lane_columns];  // [rows - 1][columns - 1]
  LaneSums<T> lane_sums[max_lane_taps];                    // [taps - 1]

  // destination[c * destination_stride + r] = source[r * source_stride + c]
  void (*transpose)(const T* source, int64_t source_stride, int64_t rows, int64_t columns, T* destination,
                    int64_t destination_stride);

  // The same, and zeros for `rows` <= r < the next multiple of `lanes`.
  void (*transpose_padded)(const T* source, int64_t source_stride, int64_t rows, int64_t columns, T* destination,
                           int64_t destination_stride);

  // The same of `count` matrices, `source_step` elements apart, to places `destination_step` apart.
  void (*transpose_all_padded)(const T* source, int64_t source_stride, int64_t rows, int64_t columns,
                               int64_t source_step, int64_t count, T* destination, int64_t destination_stride,
                               int64_t destination_step);

  // destination[r * destination_stride + i] = source[r * source_stride + i] for i < count
  void (*copy_rows)(const T* source, int64_t source_stride, int64_t rows, int64_t count, T* destination,
                    int64_t destination_stride);

  // destination[r * destination_stride + i] = source[r * source_stride + i * source_step] for i < count
  void (*copy_strided)(const T* source, int64_t source_stride, int64_t source_step, int64_t rows, int64_t count,
                       T* destination, int64_t destination_stride);

  // Whether none of them is infinite or nan.
  bool (*all_finite)(const T* values, int64_t count);

  // destination[i] = source[i] for i < count; whole cache lines of the destination go around the caches
  void (*stream_copy)(const T* source, int64_t count, T* destination);

  // Other threads see what has gone around the caches only after this.
  void (*finish_streams)();

  // sums[r * sums_step + i], for r < rows and i < length: what it is, or zero unless `starts`, and for every line, and
  // of it every term, in their order
  //
  //     source[r * source_step + line + term.offset + i - term.shift]    if 0 <= i - term.shift < count
  //
  // Whole vectors are read and written: the source for a vector and a shift beside what counts, and sums beyond their
  // ends.
  void (*add_columns)(const T* source, const ShiftedRows& rows, int64_t length, bool starts, T* sums);

  // destination[r * destination_step + n - first] = source[r * source_step + n % classes * pitch + n / classes] for r <
  // rows and first <= n < last
  void (*interleave)(const T* source, int64_t pitch, int64_t classes, int64_t first, int64_t last, int64_t rows,
                     int64_t source_step, T* destination, int64_t destination_step);

  // destination[r * destination_step + n % classes * pitch + n / classes] = source[r * source_step + n - first] for r <
  // rows and first <= n < last: the other way round
  void (*separate)(const T* source, int64_t source_step, int64_t classes, int64_t first, int64_t last, int64_t rows,
                   T* destination, int64_t pitch, int64_t destination_step);

  // destination[r * destination_stride + n], for r < rows and n < length: element n / 2 of a row of `count` of the
  // source where n is even, and zero elsewhere. The source is readable for a vector beyond a row's end; 2 * count <=
  // length + 1.
  void (*spread)(const T* source, int64_t source_stride, int64_t rows, int64_t count, int64_t length, T* destination,
                 int64_t destination_stride);

  // panel[t * width + copy.lane + i] = source[tap_offset[t] + copy.offset + i] for the copies that fill a row, in order
  // of lane. Whole vectors are copied: the source must be readable, and the panel writable, for one vector beyond the
  // end.
  void (*expand)(const T* source, const int64_t* tap_offset, int64_t taps, const PanelCopy* copy, int64_t copies,
                 T* panel, int64_t width);

  // The same for all panels of a block, tap by tap: panels[copy.position + t * copy.step + i] = source[tap_offset[t] +
  // copy.offset + i].
  void (*expand_block)(const T* source, const int64_t* tap_offset, int64_t taps, const BlockCopy* copy, int64_t copies,
                       T* panels);

  // Runs independent chains of fused multiply-adds on registers alone and returns how many operations that was.
  double (*multiply_add)(int64_t repeats);

  // sum[i] = left[i] + factor * right[i] for i < count
  void (*triad)(const T* left, const T* right, T factor, int64_t count, T* sum);
};

struct IsaTable {
  const char* name;
  KernelSet<float> float32;
  KernelSet<double> float64;
};

template <class T>
const KernelSet<T>& kernel_set(const IsaTable& table);
template <>
inline const KernelSet<float>& kernel_set<float>(const IsaTable& table) {
  return table.float32;
}
template <>
inline const KernelSet<double>& kernel_set<double>(const IsaTable& table) {
  return table.float64;
}

#if defined(__x86_64__) || defined(__i386__)
extern const IsaTable avx512;
extern const IsaTable avx2;
#elif defined(__aarch64__)
extern const IsaTable neon;
#endif
extern const IsaTable baseline;

}  // namespace convgrad::kernels

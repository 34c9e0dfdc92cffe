// Sums of shifted rows: the second half of grad_input by columns.
#pragma once

#include "kernels/kernel_set.hpp"
#include "kernels/vector.inc.hpp"

namespace {

// `vectors` of the sums of one row: all terms of each line.
template <bool masked, int terms, int vectors, class T>
inline __attribute__((always_inline)) void add_lines(const T* const (&from)[terms],
                                                     const typename VectorOf<T>::Mask (&inside)[terms],
                                                     const int64_t* line, int64_t lines, bool starts, T* sums) {
  constexpr int64_t lanes = lanes_of<T>;
  Vector<T> sum[vectors] = {};
  if (starts) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; ++j) sum[j] = load(sums + j * lanes);
  }
  for (int64_t l = 0; l < lines; ++l) {
#pragma GCC unroll 8
    for (int t = 0; t < terms; ++t) {
#pragma GCC unroll 4
      for (int j = 0; j < vectors; ++j) {
        const Vector<T> more = sum[j] + load(from[t] + line[l] + j * lanes);
        sum[j] = masked ? (inside[t] ? more : sum[j]) : more;
      }
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < vectors; ++j) store(sums + j * lanes, sum[j]);
}

template <class T, int terms>
void add_some_columns(const T* source, const convgrad::kernels::ShiftedRows& rows, int64_t length, bool starts,
                      T* sums) {
  constexpr int64_t lanes = lanes_of<T>;
  constexpr int at_once = 4;
  using Mask = typename VectorOf<T>::Mask;
  using Number = decltype(Mask{}[0] + 0);
  Mask lane{};
  for (int i = 0; i < lanes; ++i) lane[i] = i;
  int64_t low = rows.term[0].shift;
  int64_t high = low;
  const T* first[terms];
#pragma GCC unroll 8
  for (int t = 0; t < terms; ++t) {
    if (rows.term[t].shift < low) low = rows.term[t].shift;
    if (rows.term[t].shift > high) high = rows.term[t].shift;
    first[t] = source + rows.term[t].offset - rows.term[t].shift;
  }
  Mask inside[terms] = {};
  const T* from[terms];
  // Vectors that some term meets only in part: row by row, since what they meet is the same for all.
  const int64_t begin = (high + lanes - 1) / lanes * lanes;
  int64_t end = low + rows.count < begin ? begin : begin + (low + rows.count - begin) / lanes * lanes;
  if (end > length) end = begin < length ? begin + (length - begin) / lanes * lanes : begin;
  for (int64_t x = 0; x < length; x += lanes) {
    if (x == begin) x = end;
    if (x >= length) break;
#pragma GCC unroll 8
    for (int t = 0; t < terms; ++t) {
      // As numbers of a lane's size: clamped, or a long row would overflow them.
      const int64_t before = rows.term[t].shift - x;
      const int64_t behind = before + rows.count;
      const auto first_lane = static_cast<Number>(before < 0 ? 0 : before > lanes ? lanes : before);
      const auto end_lane = static_cast<Number>(behind < 0 ? 0 : behind > lanes ? lanes : behind);
      inside[t] = (lane >= first_lane) & (lane < end_lane);
      from[t] = first[t] + x;
    }
    T* to = sums + x;
    for (int64_t r = 0; r < rows.rows; ++r, to += rows.sums_step) {
      add_lines<true, terms, 1>(from, inside, rows.line, rows.lines, starts, to);
#pragma GCC unroll 8
      for (int t = 0; t < terms; ++t) from[t] += rows.source_step;
    }
  }
  // The others, one row after the other.
  for (int64_t r = 0; r < rows.rows; ++r) {
    int64_t x = begin;
    for (; x < end;) {
#pragma GCC unroll 8
      for (int t = 0; t < terms; ++t) from[t] = first[t] + r * rows.source_step + x;
      T* to = sums + r * rows.sums_step + x;
      if (x + at_once * lanes <= end) {
        add_lines<false, terms, at_once>(from, inside, rows.line, rows.lines, starts, to);
        x += at_once * lanes;
      } else {
        add_lines<false, terms, 1>(from, inside, rows.line, rows.lines, starts, to);
        x += lanes;
      }
    }
  }
}

template <class T>
void add_columns(const T* source, const convgrad::kernels::ShiftedRows& rows, int64_t length, bool starts, T* sums) {
  switch (rows.terms) {
    case 1: return add_some_columns<T, 1>(source, rows, length, starts, sums);
    case 2: return add_some_columns<T, 2>(source, rows, length, starts, sums);
    case 3: return add_some_columns<T, 3>(source, rows, length, starts, sums);
    case 4: return add_some_columns<T, 4>(source, rows, length, starts, sums);
    case 5: return add_some_columns<T, 5>(source, rows, length, starts, sums);
    default: break;
  }
  if (rows.terms == 0 || rows.lines == 0) {
    for (int64_t r = 0; r < (starts ? 0 : rows.rows); ++r)
      for (int64_t x = 0; x < length; ++x) sums[r * rows.sums_step + x] = T{0};
    return;
  }
  // Line after line, some terms at a time.
  convgrad::kernels::ShiftedRows some = rows;
  some.lines = 1;
  for (some.line = rows.line; some.line < rows.line + rows.lines; ++some.line)
    for (some.term = rows.term; some.term < rows.term + rows.terms; some.term += some.terms) {
      const int64_t left = rows.term + rows.terms - some.term;
      some.terms = left < 5 ? left : 5;
      add_columns(source, some, length, starts, sums);
      starts = true;
    }
}

}  // namespace

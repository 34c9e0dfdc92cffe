// The micro-kernel of kernel_set.hpp, written once for every ISA.
#pragma once

#include "kernel_set.hpp"
#include "vector.inc.hpp"

namespace {

// One tap: the element of every row times the vectors of the panel.
template <class T, int rows, int vectors, int group>
inline __attribute__((always_inline)) void add_tap(const T* const (&row)[(rows + group - 1) / group], int64_t offset,
                                                   const T* panel, Vector<T> (&accumulator)[rows][vectors]) {
  Vector<T> column[vectors];
#pragma GCC unroll 3
  for (int j = 0; j < vectors; ++j) column[j] = load(panel + j * lanes_of<T>);
  // Two rows at a time: with one after the other some heights keep the two multiply-add units less evenly busy, and
  // lose up to eight per cent.
#pragma GCC unroll 28
  for (int i = 0; i < rows; i += 2) {
    const int next = i + 1 < rows ? i + 1 : i;
    Vector<T> first = row[i / group][offset + i % group] - Vector<T>{};
    Vector<T> second = row[next / group][offset + next % group] - Vector<T>{};
    if (vectors > 1) keep_in_register(first);
    if (vectors > 1 && next > i) keep_in_register(second);
#pragma GCC unroll 3
    for (int j = 0; j < vectors; ++j) accumulator[i][j] += first * column[j];
    if (next == i) continue;
#pragma GCC unroll 3
    for (int j = 0; j < vectors; ++j) accumulator[next][j] += second * column[j];
  }
}

// Taps that follow one another. A step of eight bytes along the offsets is one of `pitch` times as much along the
// panel. Where an address can hold that factor, one counter leads to both and says when to end: 22 operations for
// twelve multiply-adds, where pointers and an end take 25. When another thread of the same core has half of the places,
// that decides.
template <class T, int rows, int vectors, int group>
inline __attribute__((always_inline)) void add_taps(const T* const (&row)[(rows + group - 1) / group],
                                                    const int64_t* offset_end, const T* panel_end, int64_t length,
                                                    Vector<T> (&accumulator)[rows][vectors]) {
  constexpr int64_t pitch = vectors * CONVGRAD_VECTOR_BYTES / static_cast<int64_t>(sizeof(int64_t));
  constexpr int64_t most_pitch = 8;
  for (int64_t byte = -length * 8; byte != 0; byte += 8) {
    if (pitch <= most_pitch) keep_in_register(byte);
    add_tap<T, rows, vectors, group>(
        row, *reinterpret_cast<const int64_t*>(reinterpret_cast<const char*>(offset_end) + byte),
        reinterpret_cast<const T*>(reinterpret_cast<const char*>(panel_end) + byte * pitch), accumulator);
  }
}

// Rows come in groups of `group` neighbors; without, each is one.
template <class T, int rows, int vectors, int group = 1>
void tile(const T* source, const int64_t* row_offset, const convgrad::kernels::Reduction& reduction, const T* panel,
          const T* initial, int64_t initial_stride, T* result, int64_t result_stride) {
  constexpr int lanes = lanes_of<T>;
  Vector<T> accumulator[rows][vectors];
  const T* row[(rows + group - 1) / group];
#pragma GCC unroll 28
  for (int i = 0; i < rows; ++i) {
    if (i % group == 0) {
      row[i / group] = source + row_offset[i];
      // Or GCC adds `source` to every tap's offset, and the row's offset to that.
      if (rows / group < 8) keep_in_register(row[i / group]);
    }
#pragma GCC unroll 3
    for (int j = 0; j < vectors; ++j) accumulator[i][j] = load(initial + i * initial_stride + j * lanes);
  }
  const int64_t length = reduction.length;
  const int64_t* reduction_offset = reduction.offset + length;
  panel += length * (vectors * lanes);
  // Mostly one segment is all: what others need is looked up after it. A tile of few taps waits for its first
  // instructions.
  int64_t left = reduction.sets * reduction.segments;
  int64_t segment = 0;
  for (;;) {
    add_taps<T, rows, vectors, group>(row, reduction_offset, panel, length, accumulator);
    if (__builtin_expect(--left <= 0, 1)) break;
    int64_t gap = reduction.gap;
    if (++segment == reduction.segments) {
      segment = 0;
      gap += reduction.set_gap;
    }
    reduction_offset += gap + length;
    panel += (gap + length) * (vectors * lanes);
  }
  // The last sums first: when those are there, all are, and a store for each cycle keeps pace. Stores that follow sums
  // one by one take multiply-adds' places, two cycles each on Zen 3.
#pragma GCC unroll 28
  for (int i = rows - 1; i >= 0; --i) {
#pragma GCC unroll 3
    for (int j = vectors - 1; j >= 0; --j) store(result + i * result_stride + j * lanes, accumulator[i][j]);
  }
}

}  // namespace

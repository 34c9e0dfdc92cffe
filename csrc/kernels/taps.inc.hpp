// The multiply-adds of a tile, tap by tap, written once for every ISA.
#pragma once

#include "kernel_set.hpp"
#include "vector.inc.hpp"

namespace {

// One tap: the element of every row times the vectors of the panel's row.
template <class T, int rows, int vectors, int group>
inline __attribute__((always_inline)) void add_products(const T* const (&row)[(rows + group - 1) / group],
                                                        int64_t offset, const Vector<T> (&column)[vectors],
                                                        Vector<T> (&accumulator)[rows][vectors]) {
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
    for (int j = 0; j < vectors; ++j) add_product<T>(accumulator[i][j], first, column[j]);
    if (next == i) continue;
#pragma GCC unroll 3
    for (int j = 0; j < vectors; ++j) add_product<T>(accumulator[next][j], second, column[j]);
  }
}

template <class T, int vectors>
inline __attribute__((always_inline)) void load_column(const T* panel, Vector<T> (&column)[vectors]) {
#pragma GCC unroll 3
  for (int j = 0; j < vectors; ++j) column[j] = load(panel + j * lanes_of<T>);
}

template <class T, int rows, int vectors, int group>
inline __attribute__((always_inline)) void add_tap(const T* const (&row)[(rows + group - 1) / group], int64_t offset,
                                                   const T* panel, Vector<T> (&accumulator)[rows][vectors]) {
  Vector<T> column[vectors];
  load_column<T>(panel, column);
  add_products<T, rows, vectors, group>(row, offset, column, accumulator);
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

// Many taps, several in each step of the loop. What counts is not the steps but their end: Zen 3 predicts that of about
// a hundred, and when it does not, the next tile begins twenty cycles later.
template <class T, int rows, int vectors, int group>
inline __attribute__((always_inline)) void add_many_taps(const T* const (&row)[(rows + group - 1) / group],
                                                         const int64_t* offset_end, const T* panel, int64_t length,
                                                         Vector<T> (&accumulator)[rows][vectors]) {
  constexpr int pitch = vectors * lanes_of<T>;
  // A tap of wider vectors takes twice as long, which leaves half as much to win; with shorter ones nobody measured.
  constexpr int taps_at_once = CONVGRAD_VECTOR_BYTES == 32 ? 4 : 1;
  int64_t left = -length;
  for (; taps_at_once > 1 && left <= -taps_at_once; left += taps_at_once) {
    keep_in_register(left);
#pragma GCC unroll 4
    for (int tap = 0; tap < taps_at_once; ++tap)
      add_tap<T, rows, vectors, group>(row, offset_end[left + tap], panel + tap * pitch, accumulator);
    panel += taps_at_once * pitch;
    keep_in_register(panel);
  }
  for (; left != 0; ++left) {
    keep_in_register(left);
    add_tap<T, rows, vectors, group>(row, offset_end[left], panel, accumulator);
    panel += pitch;
    keep_in_register(panel);
  }
}

// Calls tap() for every tap that prefetches a line, or two where taps are fewer than lines: all at once would wait for
// one another, and the multiply-adds for them. Returns how many taps that were.
template <class Tap>
inline __attribute__((always_inline)) int64_t prefetch_between_taps(const void* const*& address, int64_t lines,
                                                                    int64_t taps, const Tap& tap) {
  const int64_t at_once = lines > taps ? 2 : 1;
  for (; lines > 2 * taps || lines % at_once != 0; --lines) __builtin_prefetch(*address++, 0, 2);
  const int64_t steps = lines / at_once;
  for (int64_t left = steps; left > 0; --left) {
    __builtin_prefetch(address[0], 0, 2);
    __builtin_prefetch(address[at_once - 1], 0, 2);
    address += at_once;
    tap();
  }
  return steps;
}

// Taps of which the first prefetch `lines` lines. Advances `address`.
template <class T, int rows, int vectors, int group>
inline __attribute__((always_inline)) void add_taps_and_prefetch(const T* const (&row)[(rows + group - 1) / group],
                                                                 const int64_t* offset, const T* panel, int64_t length,
                                                                 const void* const*& address, int64_t lines,
                                                                 Vector<T> (&accumulator)[rows][vectors]) {
  const auto tap = [&]() __attribute__((always_inline)) {
    add_tap<T, rows, vectors, group>(row, *offset++, panel, accumulator);
    panel += vectors * lanes_of<T>;
    keep_in_register(panel);
  };
  const int64_t done = prefetch_between_taps(address, lines, length, tap);
  add_many_taps<T, rows, vectors, group>(row, offset + length - done, panel, length - done, accumulator);
}

}  // namespace

// Transposition in blocks of lanes x lanes registers: how channels become lanes (packing) and lanes become planes
// (storing).
#pragma once

#include "vector.inc.hpp"

namespace {

// Merges a and b so that runs of `run` lanes alternate: a0 b0 a2 b2 ... (odd = 0) or a1 b1 a3 b3 ... (odd = 1), in
// runs.
template <int run, int odd>
struct Interleave {
  static constexpr int lane(int i, int lanes) {
    const int pair = i / (2 * run) * (2 * run);
    return i - pair < run ? i + odd * run : lanes + i + (odd - 1) * run;
  }
};

// The butterfly from one level on: at each, blocks of run x run elements are exchanged across the diagonal of 2 run x 2
// run blocks. Half as many rows as lanes are two blocks side by side.
template <class T, int run, int rows>
inline __attribute__((always_inline)) void exchange(Vector<T> (&row)[rows]) {
  if constexpr (run < rows) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      if ((i / run) % 2 == 0) {
        const Vector<T> upper = shuffle<T, Interleave<run, 0>>(row[i], row[i + run]);
        const Vector<T> lower = shuffle<T, Interleave<run, 1>>(row[i], row[i + run]);
        row[i] = upper;
        row[i + run] = lower;
      }
    }
    exchange<T, run * 2, rows>(row);
  }
}

template <class T>
inline __attribute__((always_inline)) void transpose_block(const T* source, int64_t source_stride, T* destination,
                                                           int64_t destination_stride) {
  constexpr int lanes = lanes_of<T>;
  Vector<T> row[lanes];
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) row[i] = load(source + i * source_stride);
  exchange<T, 1, lanes>(row);
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) store(destination + i * destination_stride, row[i]);
}

// As many columns as half a vector has, in half the time of a block, and one or two more by themselves: eight and one
// are the nine taps of a kernel.
template <class T>
void transpose_narrow(const T* source, int64_t source_stride, int64_t width, T* destination,
                      int64_t destination_stride) {
  constexpr int lanes = lanes_of<T>;
  constexpr int half = lanes / 2;
  if (width >= half) {
    Vector<T> row[half];
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i)
      row[i] = load_halves(source + i * source_stride, source + (i + half) * source_stride);
    exchange<T, 1, half>(row);
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) store(destination + i * destination_stride, row[i]);
  }
  for (int64_t j = width >= half ? half : 0; j < width; ++j)
    for (int64_t i = 0; i < lanes; ++i) destination[j * destination_stride + i] = source[i * source_stride + j];
}

// The first `count` < lanes elements of a vector: in two pieces that may overlap, since a loop over single ones takes
// longer than all the rest.
template <class T>
inline __attribute__((always_inline)) void store_first(T* to, Vector<T> value, int64_t count) {
  T all[lanes_of<T>];
  store(all, value);
  const auto store_pieces = [&](auto pieces) {
    __builtin_memcpy(to, all, sizeof pieces);
    __builtin_memcpy(to + count - sizeof pieces / sizeof(T), all + count - sizeof pieces / sizeof(T), sizeof pieces);
  };
  struct Two {
    T element[2];
  };
  struct Four {
    T element[4];
  };
  struct Eight {
    T element[8];
  };
  if (count >= 8)
    store_pieces(Eight{});
  else if (count >= 4)
    store_pieces(Four{});
  else if (count >= 2)
    store_pieces(Two{});
  else
    to[0] = all[0];
}

// A block of which only `height` rows and `width` columns exist. A row is loaded as a whole vector where the source
// reaches that far (`readable` elements from `source` on), so that short rows cost a load each. What is stored ends
// with the last row, or goes on with zeros: whole vectors, then. Nor does it matter what follows a column where others
// are stored there later, up to `writable` elements from the destination on.
template <class T, bool padded>
void transpose_partial(const T* source, int64_t source_stride, int64_t height, int64_t width, int64_t readable,
                       T* destination, int64_t destination_stride, int64_t writable) {
  constexpr int64_t lanes = lanes_of<T>;
  Vector<T> row[lanes];
#pragma GCC unroll 16
  for (int64_t i = 0; i < lanes; ++i) {
    if (i < height && source_stride >= 0 && i * source_stride + lanes <= readable) {
      row[i] = load(source + i * source_stride);
    } else {
      T one_by_one[lanes] = {};
      if (i < height)
        for (int64_t j = 0; j < width; ++j) one_by_one[j] = source[i * source_stride + j];
      row[i] = load(one_by_one);
    }
  }
  exchange<T, 1, lanes>(row);
#pragma GCC unroll 16
  for (int64_t j = 0; j < lanes; ++j) {
    if (j >= width) break;
    T* column = destination + j * destination_stride;
    if (padded || height == lanes || (writable > 0 && j * destination_stride + lanes <= writable))
      store(column, row[j]);
    else
      store_first(column, row[j], height);
  }
}

// The longer side is walked innermost: a wide source is read row by row from end to end, `lanes` rows at a time, which
// prefetching follows; of a tall one the destination's rows are written so.
template <class T, bool padded>
void transpose(const T* source, int64_t source_stride, int64_t rows, int64_t columns, T* destination,
               int64_t destination_stride) {
  constexpr int64_t lanes = lanes_of<T>;
  const int64_t row_blocks = (rows + lanes - 1) / lanes;
  const int64_t column_blocks = (columns + lanes - 1) / lanes;
  const bool wide = columns > rows;
  const bool in_a_row = rows < lanes && destination_stride == rows;
  const int64_t outer = wide ? row_blocks : column_blocks;
  const int64_t inner = wide ? column_blocks : row_blocks;
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t j = 0; j < inner; ++j) {
      int64_t r = (wide ? i : j) * lanes;
      const int64_t c = (wide ? j : i) * lanes;
      // The last block of rows reaches back over the one before it rather than being a partial one: it writes the same
      // values again.
      if (!padded && rows - r < lanes && rows >= lanes) r = rows - lanes;
      const int64_t height = rows - r < lanes ? rows - r : lanes;
      const int64_t width = columns - c < lanes ? columns - c : lanes;
      const int64_t readable = (rows - 1 - r) * source_stride + columns - c;
      const T* from = source + r * source_stride + c;
      T* to = destination + c * destination_stride + r;
      if (height < lanes || (width > 2 && width < lanes / 2) || (width > lanes / 2 + 2 && width < lanes))
        transpose_partial<T, padded>(from, source_stride, height, width, readable, to, destination_stride,
                                     in_a_row ? (columns - c) * rows : 0);
      else if (width < lanes)
        transpose_narrow(from, source_stride, width, to, destination_stride);
      else
        transpose_block(from, source_stride, to, destination_stride);
    }
}

}  // namespace

// Transposition of any matrix, block by block: how channels become lanes (packing) and lanes become planes (storing).
#pragma once

#include "kernels/copies/transpose_block.inc.hpp"
#include "kernels/copies/transpose_few.inc.hpp"
#include "kernels/vector.inc.hpp"

namespace {

// One half of a, and zeros.
template <int upper>
struct HalfAndZeros {
  static constexpr int lane(int i, int lanes) { return i < lanes / 2 ? i + upper * lanes / 2 : lanes + i; }
};

// The first `count` < lanes elements of a vector: in two pieces that may overlap, since a loop over single ones takes
// longer than all the rest.
template <class T>
inline __attribute__((always_inline)) void store_first(T* to, Vector<T> value, int64_t count) {
  constexpr int lanes = lanes_of<T>;
  T all[lanes];
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
  if (lanes > 8 && count >= 8)
    store_pieces(Eight{});
  else if (lanes > 4 && count >= 4)
    store_pieces(Four{});
  else if (count >= 2)
    store_pieces(Two{});
  else
    to[0] = all[0];
}

// A matrix at the edge of the source, which has `readable` elements from its first on.
template <class T>
struct Part {
  const T* first;
  int64_t stride;
  int64_t height;
  int64_t width;
  int64_t readable;
};

// `columns` elements from the beginning of a row on: what is beside it is read as well where the source reaches that
// far, so that a short row costs a load. Others are copied, and rows below the last are zeros.
template <class T, int columns>
inline __attribute__((always_inline)) const T* row_of(const Part<T>& part, int64_t i, T (&copy)[columns]) {
  static constexpr T zeros[columns] = {};
  if (i >= part.height) return zeros;
  const T* row = part.first + i * part.stride;
  if (part.stride >= 0 && i * part.stride + columns <= part.readable) return row;
  for (int64_t j = 0; j < columns; ++j) copy[j] = j < part.width ? row[j] : T{0};
  return copy;
}

// Where columns go of which only `height` rows count: they end there, or (padded) go on with zeros.
template <class T, bool padded>
struct Columns {
  T* first;
  int64_t stride;
  int64_t height;

  inline __attribute__((always_inline)) void put(int64_t j, Vector<T> column) const {
    T* to = first + j * stride;
    if (padded || height == lanes_of<T>)
      store(to, column);
    else
      store_first(to, column, height);
  }
};

// Rows that are less than a vector, or columns that are less than a block.
template <class T, bool padded>
inline __attribute__((always_inline)) void transpose_partial(const Part<T>& part, const Columns<T, padded>& to) {
  T copies[lanes_of<T>][block_columns<T>];
  Vector<T> column[block_columns<T>];
  load_block<T>(column, [&](int64_t i) { return row_of(part, i, copies[i]); });
#pragma GCC unroll 16
  for (int64_t j = 0; j < block_columns<T>; ++j)
    if (j < part.width) to.put(j, column[j]);
}

// Half as many rows as lanes or less, and as many columns as lanes: here a vector is loaded from one row.
template <class T, bool padded>
inline __attribute__((always_inline)) void transpose_low(const Part<T>& part, const Columns<T, padded>& to) {
  constexpr int half = lanes_of<T> / 2;
  T copies[half][lanes_of<T>];
  Vector<T> column[half];
#pragma GCC unroll 8
  for (int i = 0; i < half; ++i) column[i] = load(row_of(part, i, copies[i]));
  transpose_rows<T>(column);
#pragma GCC unroll 16
  for (int64_t j = 0; j < lanes_of<T>; ++j)
    if (j < part.width)
      to.put(j, j < half ? shuffle<T, HalfAndZeros<0>>(column[j % half], Vector<T>{})
                         : shuffle<T, HalfAndZeros<1>>(column[j % half], Vector<T>{}));
}

// Fewer columns than a block has: what is beside them is read as well, and of the last rows what is before them.
// Returns how many rows are done: none, or all but those that need zeros behind them.
template <class T, bool padded>
int64_t transpose_narrow(const T* source, int64_t source_stride, int64_t rows, int64_t columns, T* destination,
                         int64_t destination_stride) {
  constexpr int64_t lanes = lanes_of<T>;
  const int64_t beside = block_columns<T> - columns;
  if (rows <= lanes || source_stride < beside) return 0;
  const int64_t count = (rows - 1) / lanes;
  transpose_blocks<T, true>(source, source_stride, lanes * source_stride, count, destination, destination_stride, lanes,
                            0, columns);
  if (padded && rows % lanes != 0) return count * lanes;
  const int64_t last = rows - lanes;
  transpose_blocks<T, true>(source + last * source_stride - beside, source_stride, 0, 1,
                            destination + last - beside * destination_stride, destination_stride, 0, beside,
                            block_columns<T>);
  return rows;
}

// As many columns as a block has, or more. The last blocks reach back over those before them rather than being smaller,
// and write the same values again. The longer side is walked innermost: a wide source is read row by row from end to
// end, `lanes` rows at a time, which prefetching follows; of a tall one the destination's rows are written so.
template <class T, bool padded>
int64_t transpose_wide(const T* source, int64_t source_stride, int64_t rows, int64_t columns, T* destination,
                       int64_t destination_stride) {
  constexpr int64_t lanes = lanes_of<T>;
  constexpr int64_t at_once = block_columns<T>;
  const bool reaches_up = !padded && rows > lanes && rows % lanes != 0;
  const bool reaches_back = columns % at_once != 0;
  const auto blocks = [&](int64_t r, int64_t c, int64_t row_step, int64_t column_step, int64_t count) {
    transpose_blocks<T>(source + r * source_stride + c, source_stride, row_step * source_stride + column_step, count,
                        destination + c * destination_stride + r, destination_stride,
                        column_step * destination_stride + row_step);
  };
  if (columns > rows) {
    const auto row_of_blocks = [&](int64_t r) {
      blocks(r, 0, 0, at_once, columns / at_once);
      if (reaches_back) blocks(r, columns - at_once, 0, 0, 1);
    };
    for (int64_t r = 0; r + lanes <= rows; r += lanes) row_of_blocks(r);
    if (reaches_up) row_of_blocks(rows - lanes);
  } else {
    const auto column_of_blocks = [&](int64_t c) {
      blocks(0, c, lanes, 0, rows / lanes);
      if (reaches_up) blocks(rows - lanes, c, 0, 0, 1);
    };
    for (int64_t c = 0; c + at_once <= columns; c += at_once) column_of_blocks(c);
    if (reaches_back) column_of_blocks(columns - at_once);
  }
  return reaches_up ? rows : rows - rows % lanes;
}

template <class T, bool padded>
void transpose(const T* source, int64_t source_stride, int64_t rows, int64_t columns, T* destination,
               int64_t destination_stride) {
  constexpr int64_t lanes = lanes_of<T>;
  int64_t r = columns < block_columns<T>
                  ? transpose_narrow<T, padded>(source, source_stride, rows, columns, destination, destination_stride)
                  : transpose_wide<T, padded>(source, source_stride, rows, columns, destination, destination_stride);
  if (!padded && r < rows && columns >= lanes)
    return transpose_few<T, 1>(source + r * source_stride, source_stride, rows - r, columns, destination + r,
                               destination_stride);
  for (; r < rows; r += lanes) {
    const int64_t height = rows - r < lanes ? rows - r : lanes;
    const bool low = height <= lanes / 2;
    const int64_t step = low ? lanes : block_columns<T>;
    for (int64_t c = 0; c < columns; c += step) {
      const int64_t width = columns - c < step ? columns - c : step;
      const int64_t readable = (rows - 1 - r) * source_stride + columns - c;
      const Part<T> part{source + r * source_stride + c, source_stride, height, width, readable};
      const Columns<T, padded> to{destination + c * destination_stride + r, destination_stride, height};
      if (low)
        transpose_low<T, padded>(part, to);
      else
        transpose_partial<T, padded>(part, to);
    }
  }
}

// Small matrices, block by block of all of them: what a block costs beside its own instructions is then paid once.
template <class T>
void transpose_all(const T* source, int64_t source_stride, int64_t rows, int64_t columns, int64_t source_step,
                   int64_t count, T* destination, int64_t destination_stride, int64_t destination_step) {
  constexpr int64_t lanes = lanes_of<T>;
  constexpr int64_t at_once = block_columns<T>;
  const int64_t whole_rows = columns < at_once ? 0 : rows - rows % lanes;
  for (int64_t r = 0; r < whole_rows; r += lanes)
    for (int64_t c = 0; c < columns; c += at_once) {
      const int64_t first = c + at_once <= columns ? c : columns - at_once;
      transpose_blocks<T>(source + r * source_stride + first, source_stride, source_step, count,
                          destination + first * destination_stride + r, destination_stride, destination_step);
    }
  if (whole_rows < rows)
    for (int64_t n = 0; n < count; ++n)
      transpose<T, true>(source + n * source_step + whole_rows * source_stride, source_stride, rows - whole_rows,
                         columns, destination + n * destination_step + whole_rows, destination_stride);
}

}  // namespace

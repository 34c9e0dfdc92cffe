// Transposition of blocks that fit the registers.
#pragma once

#include "vector.inc.hpp"

namespace {

// A block is as many rows as a vector has lanes, and half as many columns: the two halves of a vector are loaded from
// two rows, which saves exchanging halves. 16 bytes are always loaded at once.
template <class T>
constexpr int block_columns = CONVGRAD_VECTOR_BYTES > 16 ? lanes_of<T> / 2 : lanes_of<T>;

// Of each 16 bytes of a and b, the lower or the upper half, element by element, alternating.
template <class T, int upper>
struct Zip16 {
  static constexpr int lane(int i, int lanes) {
    constexpr int elements = 16 / static_cast<int>(sizeof(T));
    return i / elements * elements + upper * elements / 2 + i % elements / 2 + i % 2 * lanes;
  }
};

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
// run blocks.
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

// Transposes blocks of rows x rows elements, side by side.
template <class T, int rows>
inline __attribute__((always_inline)) void transpose_rows(Vector<T> (&row)[rows]) {
  if constexpr (sizeof(T) == 4 && rows >= 4) {
    // Single elements of four bytes take two instructions to exchange, and one to zip.
#pragma GCC unroll 4
    for (int i = 0; i < rows; i += 4) {
      const Vector<T> upper[] = {shuffle<T, Zip16<T, 0>>(row[i], row[i + 1]),
                                 shuffle<T, Zip16<T, 1>>(row[i], row[i + 1])};
      const Vector<T> lower[] = {shuffle<T, Zip16<T, 0>>(row[i + 2], row[i + 3]),
                                 shuffle<T, Zip16<T, 1>>(row[i + 2], row[i + 3])};
#pragma GCC unroll 2
      for (int k = 0; k < 2; ++k) {
        row[i + 2 * k] = shuffle<T, Interleave<2, 0>>(upper[k], lower[k]);
        row[i + 2 * k + 1] = shuffle<T, Interleave<2, 1>>(upper[k], lower[k]);
      }
    }
    exchange<T, 4, rows>(row);
  } else {
    exchange<T, 1, rows>(row);
  }
}

// The columns of a block, whose rows begin at row_at(0), row_at(1) ...
template <class T, class RowAt>
inline __attribute__((always_inline)) void load_block(Vector<T> (&column)[block_columns<T>], const RowAt& row_at) {
  constexpr int columns = block_columns<T>;
#pragma GCC unroll 16
  for (int i = 0; i < columns; ++i) {
    if constexpr (columns == lanes_of<T>)
      column[i] = load(row_at(i));
    else
      column[i] = load_halves(row_at(i), row_at(i + columns));
  }
  transpose_rows<T>(column);
}

// Addresses `stride` apart. Every fourth is computed, and the three after it are what an instruction can add to that.
template <class A, int count>
struct Addresses {
  A* fourth[(count + 3) / 4];
  int64_t stride;
  int64_t three_strides;

  inline __attribute__((always_inline)) explicit Addresses(int64_t stride_)
      : stride(stride_), three_strides(3 * stride_) {
    keep_in_register(three_strides);
  }
  inline __attribute__((always_inline)) void begin_at(A* first) {
#pragma GCC unroll 4
    for (int i = 0; i < (count + 3) / 4; ++i) {
      fourth[i] = first + 4 * i * stride;
      keep_in_register(fourth[i]);
    }
  }
  inline __attribute__((always_inline)) A* operator()(int i) const {
    return fourth[i / 4] + (i % 4 == 3 ? three_strides : i % 4 * stride);
  }
};

// `count` blocks, each so many elements after the one before it. With `narrow`, only the columns first .. last - 1 of a
// block are stored, and all are read.
template <class T, bool narrow = false>
inline __attribute__((always_inline)) void transpose_blocks(const T* source, int64_t source_stride, int64_t source_step,
                                                            int64_t count, T* destination, int64_t destination_stride,
                                                            int64_t destination_step, int64_t first = 0,
                                                            int64_t last = 0) {
  Addresses<const T, lanes_of<T>> row(source_stride);
  Addresses<T, block_columns<T>> to(destination_stride);
  for (; count > 0; --count, source += source_step, destination += destination_step) {
    row.begin_at(source);
    to.begin_at(destination);
    Vector<T> column[block_columns<T>];
    load_block<T>(column, row);
#pragma GCC unroll 16
    for (int j = 0; j < block_columns<T>; ++j)
      if (!narrow || (j >= first && j < last)) store(to(j), column[j]);
  }
}

}  // namespace

// The second micro-kernel of micro_kernels.hpp, written once for every ISA.
#pragma once

#include "kernel_set.hpp"
#include "products.inc.hpp"

namespace {

#if defined(CONVGRAD_SHIFT_IN_REGISTERS)
// One row of weights. Taps that follow one another in a row of the kernel want the same vectors, each a lane further
// on: they are shifted together in registers, where a load that crosses a cache line, as nearly all of these do, takes
// three times as long.
template <class T, int vectors>
void strip_row(const T* weights, const T* source, const convgrad::kernels::StripAddress<T>& address, int64_t length,
               const T* start, T* result) {
  constexpr int lanes = lanes_of<T>;
  typename VectorOf<T>::Mask first_lane{};
  for (int i = 0; i < lanes; ++i) first_lane[i] = i;
  Vector<T> accumulator[vectors];
#pragma GCC unroll 8
  for (int j = 0; j < vectors; ++j) accumulator[j] = load(start + j * lanes);
  const T* const row = weights + address.row_offset[0];
  const T* const column = source + address.vector_offset[0];
  for (int64_t r = 0; r < length;) {
    const T* from = column + address.source_offset[r];
    Vector<T> value[vectors + 1];
#pragma GCC unroll 9
    for (int j = 0; j <= vectors; ++j) value[j] = load(from + j * lanes);
    typename VectorOf<T>::Mask lane = first_lane;
    const int64_t offset = address.source_offset[r];
    int64_t shift = 0;
    do {
      const Vector<T> scalar = row[address.weight_offset[r]] - Vector<T>{};
#pragma GCC unroll 8
      for (int j = 0; j < vectors; ++j) accumulator[j] += scalar * __builtin_shuffle(value[j], value[j + 1], lane);
      lane += 1;
      ++r;
      ++shift;
    } while (r < length && shift < lanes && address.source_offset[r] == offset + shift);
  }
#pragma GCC unroll 8
  for (int j = 0; j < vectors; ++j) store(result + j * lanes, accumulator[j]);
}

template <int vectors>
bool adjacent(const int64_t* vector_offset, int64_t lanes) {
  for (int j = 1; j < vectors; ++j)
    if (vector_offset[j] != vector_offset[0] + j * lanes) return false;
  return true;
}
#endif

// The loop over the reduction. With `prefetches` one line at every step: many at once would keep loads from being
// served.
template <bool prefetches, class T, int rows, int vectors>
inline __attribute__((always_inline)) void add_taps(const T* const (&row)[rows], const int64_t* weight_offset,
                                                    const T* const (&column)[vectors], const int64_t* source_offset,
                                                    const T* prefetch, int64_t length,
                                                    Vector<T> (&accumulator)[rows][vectors]) {
  // From the end, which is where the counter is 0.
  weight_offset += length;
  source_offset += length;
  keep_in_register(weight_offset);
  keep_in_register(source_offset);
  for (int64_t r = -length; r != 0; ++r) {
    keep_in_register(r);
    const int64_t from_row = weight_offset[r];
    const int64_t from_column = source_offset[r];
    if (prefetches) __builtin_prefetch(prefetch + from_column, 0, 2);
    add_products<T, 0, rows - 1>([&](int i) { return row[i][from_row] - Vector<T>{}; },
                                 [&](int j) { return load(column[j] + from_column); }, accumulator);
  }
}

template <class T, int rows, int vectors>
void strip_tile(const T* weights, const T* source, const convgrad::kernels::StripAddress<T>& address, int64_t length,
                const T* start, int64_t start_stride, T* result, int64_t result_stride) {
  constexpr int lanes = lanes_of<T>;
#if defined(CONVGRAD_SHIFT_IN_REGISTERS)
  if constexpr (rows == 1) {
    if (adjacent<vectors>(address.vector_offset, lanes))
      return strip_row<T, vectors>(weights, source, address, length, start, result);
  }
#endif
  Vector<T> accumulator[rows][vectors];
  const T* row[rows];
  const T* column[vectors];
#pragma GCC unroll 8
  for (int j = 0; j < vectors; ++j) column[j] = source + address.vector_offset[j];
#pragma GCC unroll 4
  for (int i = 0; i < rows; ++i) {
    row[i] = weights + address.row_offset[i];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) accumulator[i][j] = load(start + i * start_stride + j * lanes);
  }
  if (rows > 1 && address.prefetch != nullptr)
    add_taps<true>(row, address.weight_offset, column, address.source_offset, address.prefetch, length, accumulator);
  else
    add_taps<false>(row, address.weight_offset, column, address.source_offset, address.prefetch, length, accumulator);
#pragma GCC unroll 4
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) store(result + i * result_stride + j * lanes, accumulator[i][j]);
  }
}

}  // namespace

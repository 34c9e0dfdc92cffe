// Copies of short rows, too short for a call of memcpy each: what packing a strip, and a panel out of a strip, consist
// of.
#pragma once

#include "kernel_set.hpp"
#include "vector.inc.hpp"

namespace {

// Rows of `width` to 2 * width - 1 elements, in two pieces that may overlap.
template <class T, int width>
void copy_short_rows(const T* source, int64_t source_stride, int64_t rows, int64_t count, T* destination,
                     int64_t destination_stride) {
  for (int64_t r = 0; r < rows; ++r, source += source_stride, destination += destination_stride) {
    __builtin_memcpy(destination, source, width * sizeof(T));
    __builtin_memcpy(destination + count - width, source + count - width, width * sizeof(T));
  }
}

// destination[r * destination_stride + i] = source[r * source_stride + i]
template <class T>
void copy_rows(const T* source, int64_t source_stride, int64_t rows, int64_t count, T* destination,
               int64_t destination_stride) {
  constexpr int64_t lanes = lanes_of<T>;
  if (count < lanes) {
    if (count >= 8) return copy_short_rows<T, 8>(source, source_stride, rows, count, destination, destination_stride);
    if (count >= 4) return copy_short_rows<T, 4>(source, source_stride, rows, count, destination, destination_stride);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < count; ++i) destination[r * destination_stride + i] = source[r * source_stride + i];
    return;
  }
  for (int64_t r = 0; r < rows; ++r, source += source_stride, destination += destination_stride) {
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) store(destination + i, load(source + i));
    // The last vector reaches back over what is already there.
    if (i < count) store(destination + count - lanes, load(source + count - lanes));
  }
}

// The even lanes of one vector, then the odd lanes of another.
struct EvenThenOdd {
  static constexpr int lane(int i, int lanes) { return 2 * i < lanes ? 2 * i : 2 * i + 1; }
};

// destination[r * destination_stride + i] = source[r * source_stride + i * source_step]
template <class T>
void copy_strided(const T* source, int64_t source_stride, int64_t source_step, int64_t rows, int64_t count,
                  T* destination, int64_t destination_stride) {
  constexpr int64_t lanes = lanes_of<T>;
  if (source_step == 1) return copy_rows(source, source_stride, rows, count, destination, destination_stride);
  if (source_step != 2 || count < lanes) {
    for (int64_t r = 0; r < rows; ++r, source += source_stride, destination += destination_stride)
      for (int64_t i = 0; i < count; ++i) destination[i] = source[i * source_step];
    return;
  }
  for (int64_t r = 0; r < rows; ++r, source += source_stride, destination += destination_stride)
    for (int64_t i = 0; i < count; i += lanes) {
      // The last vector reaches back over what is already there.
      if (count - i < lanes) i = count - lanes;
      // The second load begins one element early, so that it ends with the last element that is asked for.
      const T* from = source + 2 * i;
      store(destination + i, shuffle<T, EvenThenOdd>(load(from), load(from + lanes - 1)));
    }
}

// A number times zero is zero, and everything else times zero is nan.
template <class T>
bool all_finite(const T* values, int64_t count) {
  constexpr int64_t lanes = lanes_of<T>;
  Vector<T> sum[2] = {};
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    sum[0] += load(values + i) * T{0};
    sum[1] += load(values + i + lanes) * T{0};
  }
  sum[0] += sum[1];
  T total{0};
  for (int lane = 0; lane < lanes; ++lane) total += sum[0][lane];
  for (; i < count; ++i) total += values[i] * T{0};
  return total == T{0};
}

// `copies` is a constant, so that offsets stay in registers: a row of a panel takes a cycle or so for each vector.
template <class T, int copies>
void expand_rows(const T* source, const int64_t* tap_offset, int64_t taps, const convgrad::kernels::PanelCopy* copy,
                 T* panel, int64_t width) {
  const T* from[copies];
  int64_t to[copies];
  for (int k = 0; k < copies; ++k) {
    from[k] = source + copy[k].offset;
    to[k] = copy[k].lane;
  }
  for (int64_t t = 0; t < taps; ++t, panel += width) {
    const int64_t offset = tap_offset[t];
#pragma GCC unroll 6
    for (int k = 0; k < copies; ++k) store(panel + to[k], load(from[k] + offset));
  }
}

// What a copy writes beyond its pixels is overwritten by the next copy or the next row.
template <class T>
void expand(const T* source, const int64_t* tap_offset, int64_t taps, const convgrad::kernels::PanelCopy* copy,
            int64_t copies, T* panel, int64_t width) {
  switch (copies) {
    case 1: return expand_rows<T, 1>(source, tap_offset, taps, copy, panel, width);
    case 2: return expand_rows<T, 2>(source, tap_offset, taps, copy, panel, width);
    case 3: return expand_rows<T, 3>(source, tap_offset, taps, copy, panel, width);
    case 4: return expand_rows<T, 4>(source, tap_offset, taps, copy, panel, width);
    case 5: return expand_rows<T, 5>(source, tap_offset, taps, copy, panel, width);
    case 6: return expand_rows<T, 6>(source, tap_offset, taps, copy, panel, width);
    default: break;
  }
  for (int64_t t = 0; t < taps; ++t, panel += width)
    for (int64_t k = 0; k < copies; ++k) store(panel + copy[k].lane, load(source + copy[k].offset + tap_offset[t]));
}

// Each tap's pixels are read from end to end. The next taps' lie in other pages, where no hardware prefetcher looks
// ahead.
template <class T>
void expand_block(const T* source, const int64_t* tap_offset, int64_t taps, const convgrad::kernels::BlockCopy* copy,
                  int64_t copies, T* panels) {
  constexpr int64_t distance = 8;
  for (int64_t t = 0; t < taps; ++t) {
    const T* row = source + tap_offset[t];
    const T* next = source + tap_offset[t + distance < taps ? t + distance : t];
    for (int64_t k = 0; k < copies; ++k) {
      __builtin_prefetch(next + copy[k].offset);
      store(panels + copy[k].position + t * copy[k].step, load(row + copy[k].offset));
    }
  }
}

}  // namespace

// Copies of short rows, too short for a call of memcpy each: what packing a strip, and a panel out of a strip, consists
// of.
#pragma once

#include "kernel_set.hpp"
#include "vector.inc.hpp"

namespace {

// destination[r * destination_stride + i] = source[r * source_stride + i]
template <class T>
void copy_rows(const T* source, int64_t source_stride, int64_t rows, int64_t count, T* destination,
               int64_t destination_stride) {
  constexpr int64_t lanes = lanes_of<T>;
  for (int64_t r = 0; r < rows; ++r, source += source_stride, destination += destination_stride) {
    if (count < lanes) {
      for (int64_t i = 0; i < count; ++i) destination[i] = source[i];
      continue;
    }
    for (int64_t i = 0; i + lanes <= count; i += lanes) store(destination + i, load(source + i));
    // The last vector reaches back over what is already there.
    store(destination + count - lanes, load(source + count - lanes));
  }
}

// What a copy writes beyond its run is overwritten by the next run or the next row.
template <class T>
void expand(const T* source, const int64_t* tap_offset, int64_t taps, const convgrad::kernels::PanelRun* runs,
            int64_t run_count, T* panel, int64_t width) {
  constexpr int64_t lanes = lanes_of<T>;
  for (int64_t t = 0; t < taps; ++t, panel += width) {
    const T* row = source + tap_offset[t];
    for (int64_t r = 0; r < run_count; ++r) {
      const T* from = row + runs[r].offset;
      T* to = panel + runs[r].lane;
      for (int64_t i = 0; i < runs[r].count; i += lanes) store(to + i, load(from + i));
    }
  }
}

}  // namespace

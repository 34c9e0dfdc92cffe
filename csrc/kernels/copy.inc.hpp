// Copies of short rows: what packing a strip consists of, too short for a call of memcpy each.
#pragma once

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

}  // namespace

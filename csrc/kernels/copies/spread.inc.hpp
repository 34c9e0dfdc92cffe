// Rows with a zero after each element, and more of them after the last: what a stride of two leaves of grad_input under
// a 1x1 kernel.
#pragma once

#include "kernels/copies/interleave.inc.hpp"
#include "kernels/vector.inc.hpp"

namespace {

template <class T>
inline __attribute__((always_inline)) void clear(T* to, int64_t count) {
  constexpr int64_t lanes = lanes_of<T>;
  constexpr int64_t half = lanes / 2;
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store(to + i, Vector<T>{});
  if (i == count) return;
  // The last vector, or half of one, reaches back over what is zero already.
  if (count >= lanes) return store(to + count - lanes, Vector<T>{});
  if (count < half) {
    for (; i < count; ++i) to[i] = T{0};
    return;
  }
  __builtin_memset(to, 0, half * sizeof(T));
  __builtin_memset(to + count - half, 0, half * sizeof(T));
}

template <class T>
void spread(const T* source, int64_t source_stride, int64_t rows, int64_t count, int64_t length, T* destination,
            int64_t destination_stride) {
  constexpr int64_t lanes = lanes_of<T>;
  for (int64_t r = 0; r < rows; ++r, source += source_stride, destination += destination_stride) {
    int64_t i = 0;
    // What a vector writes beyond the last element is cleared after it.
    for (; i < count && 2 * i + lanes <= length; i += lanes / 2)
      store(destination + 2 * i, shuffle<T, Zip<0>>(load(source + i), Vector<T>{}));
    for (; i < count; ++i) {
      destination[2 * i] = source[i];
      if (2 * i + 1 < length) destination[2 * i + 1] = T{0};
    }
    if (length > 2 * count) clear(destination + 2 * count, length - 2 * count);
  }
}

}  // namespace

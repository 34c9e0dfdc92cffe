// Stores around the caches. An ordinary one first reads the line that it is about to overwrite: a third of the traffic
// of a layer that waits for memory, and caches full of what nobody reads soon.
#pragma once

#include "kernels/vector.inc.hpp"

namespace {

// To an address that is a multiple of the vector's size; all vectors of a cache line had better follow one another.
template <class T>
inline __attribute__((always_inline)) void stream(T* address, Vector<T> value) {
#if defined(__AVX512F__) || defined(__AVX__)
  asm volatile("vmovntps %1, %0" : "=m"(*reinterpret_cast<Vector<T>*>(address)) : "v"(value));
#elif defined(__SSE__)
  asm volatile("movntps %1, %0" : "=m"(*reinterpret_cast<Vector<T>*>(address)) : "x"(value));
#else
  store(address, value);
#endif
}

// destination[i] = source[i]
template <class T>
void stream_copy(const T* source, int64_t count, T* destination) {
  constexpr int64_t lanes = lanes_of<T>;
  constexpr int64_t line = 64 / static_cast<int64_t>(sizeof(T));
  const int64_t into_line = static_cast<int64_t>(reinterpret_cast<uintptr_t>(destination) % 64 / sizeof(T));
  int64_t i = 0;
  for (; i < count && (into_line + i) % line != 0; ++i) destination[i] = source[i];
  for (; i + line <= count; i += line)
#pragma GCC unroll 4
    for (int64_t lane = 0; lane < line; lane += lanes) stream(destination + i + lane, load(source + i + lane));
  for (; i < count; ++i) destination[i] = source[i];
}

// To be called before another thread is told that everything is stored.
inline void finish_streams() {
#if defined(__SSE__)
  asm volatile("sfence" ::: "memory");
#endif
}

}  // namespace

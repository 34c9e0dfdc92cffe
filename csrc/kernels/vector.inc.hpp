// The vector type of the ISA file that includes this, from the compiler's vector extensions: no intrinsics. That file
// defines CONVGRAD_VECTOR_BYTES first. Everything has internal linkage: two ISA files must never share an
// instantiation, or the linker might keep the copy that an older processor cannot run.
#pragma once

#include <stdint.h>

namespace {

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float Type __attribute__((vector_size(CONVGRAD_VECTOR_BYTES)));
  typedef float Unaligned __attribute__((vector_size(CONVGRAD_VECTOR_BYTES), aligned(4), may_alias));
  typedef int32_t Mask __attribute__((vector_size(CONVGRAD_VECTOR_BYTES)));
};
template <>
struct VectorOf<double> {
  typedef double Type __attribute__((vector_size(CONVGRAD_VECTOR_BYTES)));
  typedef double Unaligned __attribute__((vector_size(CONVGRAD_VECTOR_BYTES), aligned(8), may_alias));
  typedef int64_t Mask __attribute__((vector_size(CONVGRAD_VECTOR_BYTES)));
};

template <class T>
using Vector = typename VectorOf<T>::Type;

template <class T>
constexpr int lanes_of = CONVGRAD_VECTOR_BYTES / static_cast<int>(sizeof(T));

template <class T>
inline __attribute__((always_inline)) Vector<T> load(const T* address) {
  return *reinterpret_cast<const typename VectorOf<T>::Unaligned*>(address);
}

template <class T>
inline __attribute__((always_inline)) void store(T* address, Vector<T> value) {
  *reinterpret_cast<typename VectorOf<T>::Unaligned*>(address) = value;
}

}  // namespace

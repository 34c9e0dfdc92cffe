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
  typedef float UnalignedHalf __attribute__((vector_size(CONVGRAD_VECTOR_BYTES / 2), aligned(4), may_alias));
  typedef int32_t Mask __attribute__((vector_size(CONVGRAD_VECTOR_BYTES)));
};
template <>
struct VectorOf<double> {
  typedef double Type __attribute__((vector_size(CONVGRAD_VECTOR_BYTES)));
  typedef double Unaligned __attribute__((vector_size(CONVGRAD_VECTOR_BYTES), aligned(8), may_alias));
  typedef double UnalignedHalf __attribute__((vector_size(CONVGRAD_VECTOR_BYTES / 2), aligned(8), may_alias));
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

// A list of lane numbers as template arguments: the one form of a shuffle that GCC and Clang both have.
template <int... numbers>
struct LaneList {};
template <int count, int... numbers>
struct MakeLaneList : MakeLaneList<count - 1, count - 1, numbers...> {};
template <int... numbers>
struct MakeLaneList<0, numbers...> {
  using Type = LaneList<numbers...>;
};

// Lane i of the result is lane Pattern::lane(i, lanes) of a and b, one after the other.
template <class T, class Pattern, int... numbers>
inline __attribute__((always_inline)) Vector<T> shuffle_lanes(Vector<T> a, Vector<T> b, LaneList<numbers...>) {
#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 12)
  return __builtin_shufflevector(a, b, Pattern::lane(numbers, lanes_of<T>)...);
#else
  return __builtin_shuffle(a, b, typename VectorOf<T>::Mask{Pattern::lane(numbers, lanes_of<T>)...});
#endif
}
template <class T, class Pattern>
inline __attribute__((always_inline)) Vector<T> shuffle(Vector<T> a, Vector<T> b) {
  return shuffle_lanes<T, Pattern>(a, b, typename MakeLaneList<lanes_of<T>>::Type{});
}

// A vector whose halves lie in two places.
template <class T, int... numbers>
inline __attribute__((always_inline)) Vector<T> load_halves(const T* low, const T* high, LaneList<numbers...>) {
#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 12)
  return __builtin_shufflevector(*reinterpret_cast<const typename VectorOf<T>::UnalignedHalf*>(low),
                                 *reinterpret_cast<const typename VectorOf<T>::UnalignedHalf*>(high), numbers...);
#else
  constexpr int half = lanes_of<T> / 2;
  return Vector<T>{(numbers < half ? low[numbers] : high[numbers - half])...};
#endif
}
template <class T>
inline __attribute__((always_inline)) Vector<T> load_halves(const T* low, const T* high) {
  return load_halves<T>(low, high, typename MakeLaneList<lanes_of<T>>::Type{});
}

// Tells the compiler that the value stays in a register: both GCC and Clang would otherwise repeat a load (GCC an
// unaligned one, Clang a broadcast) as the memory operand of every instruction that uses it, and the loads then take
// longer than the arithmetic.
template <class V>
inline __attribute__((always_inline)) void keep_in_register(V& value) {
#if defined(__AVX512F__)
  asm("" : "+v"(value));
#elif defined(__x86_64__) || defined(__i386__)
  asm("" : "+x"(value));
#elif defined(__aarch64__)
  asm("" : "+w"(value));
#else
  (void)value;
#endif
}

// The same of a pointer or a number: addresses are then made from it as they are written, not as the compiler would
// have them. By a copy, or an array of pointers would have to be in memory.
template <class T>
inline __attribute__((always_inline)) void keep_in_register(T*& pointer) {
  T* value = pointer;
  asm("" : "+r"(value));
  pointer = value;
}
inline __attribute__((always_inline)) void keep_in_register(int64_t& number) { asm("" : "+r"(number)); }

// sum += a * b, and the sum stays in its register: over several steps GCC would otherwise let sums move into those of
// factors, and move them back, or into memory.
template <class T>
inline __attribute__((always_inline)) void add_product(Vector<T>& sum, Vector<T> a, Vector<T> b) {
#if defined(__FMA__) && CONVGRAD_VECTOR_BYTES == 32
  Vector<T> value = sum;
  if (sizeof(T) == sizeof(float))
    asm volatile("vfmadd231ps %1, %2, %0" : "+x"(value) : "x"(a), "x"(b));
  else
    asm volatile("vfmadd231pd %1, %2, %0" : "+x"(value) : "x"(a), "x"(b));
  sum = value;
#else
  sum += a * b;
#endif
}

}  // namespace

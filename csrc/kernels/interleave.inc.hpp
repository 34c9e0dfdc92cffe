// Sequences dealt out, and put together again: the columns of a row by column modulo stride, which makes those under
// one tap neighbors. Each remainder is a class; a round has one element of every class.
#pragma once

#include "kernel_set.hpp"
#include "transpose.inc.hpp"
#include "vector.inc.hpp"

namespace {

// The lower or the upper half of two vectors, lane by lane, alternating.
template <int upper>
struct Zip {
  static constexpr int lane(int i, int lanes) { return i / 2 + i % 2 * lanes + upper * (lanes / 2); }
};

// a[0], b[0], a[1], b[1] ...
template <class T>
inline __attribute__((always_inline)) void zip(Vector<T> a, Vector<T> b, T* destination) {
  store(destination, shuffle<T, Zip<0>>(a, b));
  store(destination + lanes_of<T>, shuffle<T, Zip<1>>(a, b));
}

// Numbers first .. last - 1 of the sequence source[0], source[pitch], source[2 * pitch] ... (`classes` of them),
// source[1], source[pitch + 1] ...
template <class T>
void interleave(const T* source, int64_t pitch, int64_t classes, int64_t first, int64_t last, int64_t rows,
                int64_t source_step, T* destination, int64_t destination_step) {
  constexpr int64_t lanes = lanes_of<T>;
  destination -= first;
  const int64_t begin = (first + classes - 1) / classes;  // the whole rounds
  const int64_t end = last / classes;
  if (end - begin < lanes || (classes != 2 && classes != 4 && classes < lanes)) {
    for (int64_t r = 0; r < rows; ++r, source += source_step, destination += destination_step)
      for (int64_t p = 0; p < classes; ++p)
        for (int64_t i = first <= p ? 0 : (first - p + classes - 1) / classes; i * classes + p < last; ++i)
          destination[i * classes + p] = source[p * pitch + i];
    return;
  }
  for (int64_t r = 0; r < rows; ++r, source += source_step, destination += destination_step) {
    for (int64_t n = first; n < begin * classes; ++n)
      destination[n] = source[(classes - begin * classes + n) * pitch + begin - 1];
    for (int64_t n = end * classes; n < last; ++n) destination[n] = source[(n - end * classes) * pitch + end];
    if (classes != 2 && classes != 4) {
      transpose<T, false>(source + begin, pitch, classes, end - begin, destination + begin * classes, classes);
      continue;
    }
    for (int64_t i = begin; i < end; i += lanes) {
      // The last vectors reach back over what is already there.
      if (end - i < lanes) i = end - lanes;
      const T* from = source + i;
      T* to = destination + i * classes;
      if (classes == 2) {
        zip<T>(load(from), load(from + pitch), to);
        continue;
      }
      const Vector<T> even[2] = {load(from), load(from + 2 * pitch)};
      const Vector<T> odd[2] = {load(from + pitch), load(from + 3 * pitch)};
      zip<T>(shuffle<T, Zip<0>>(even[0], even[1]), shuffle<T, Zip<0>>(odd[0], odd[1]), to);
      zip<T>(shuffle<T, Zip<1>>(even[0], even[1]), shuffle<T, Zip<1>>(odd[0], odd[1]), to + 2 * lanes);
    }
  }
}

// Out of as many vectors as there are classes, the numbers `remainder`, `remainder` + classes ...: the lanes that
// vector `next` has of them, beside those that have been found before.
template <int classes, int remainder, int next>
struct Deal {
  static constexpr int lane(int i, int lanes) {
    const int number = i * classes + remainder;
    return number / lanes == next ? lanes + number % lanes : next > 1 ? i : number % lanes;
  }
};

template <class T, int classes, int remainder, int next>
inline __attribute__((always_inline)) void deal_from(const Vector<T> (&value)[classes], Vector<T>& dealt) {
  dealt = shuffle<T, Deal<classes, remainder, next>>(dealt, value[next]);
  if constexpr (next + 1 < classes) deal_from<T, classes, remainder, next + 1>(value, dealt);
}

template <class T, int classes, int remainder = 0>
inline __attribute__((always_inline)) void deal(const Vector<T> (&value)[classes], T* to, int64_t pitch) {
  Vector<T> dealt = value[0];
  deal_from<T, classes, remainder, 1>(value, dealt);
  store(to, dealt);
  if constexpr (remainder + 1 < classes) deal<T, classes, remainder + 1>(value, to + pitch, pitch);
}

// The whole rounds of a row.
template <class T, int classes>
void separate_rounds(const T* source, int64_t rounds, T* destination, int64_t pitch) {
  constexpr int64_t lanes = lanes_of<T>;
  for (int64_t i = 0; i < rounds; i += lanes) {
    // The last vectors reach back over what is already there.
    if (rounds - i < lanes) i = rounds - lanes;
    Vector<T> value[classes];
#pragma GCC unroll 5
    for (int j = 0; j < classes; ++j) value[j] = load(source + i * classes + j * lanes);
    deal<T, classes>(value, destination + i, pitch);
  }
}

// The other way round: numbers first .. last - 1 of the sequence lie at source[0], source[1] ...
template <class T>
void separate(const T* source, int64_t source_step, int64_t classes, int64_t first, int64_t last, int64_t rows,
              T* destination, int64_t pitch, int64_t destination_step) {
  source -= first;
  const int64_t begin = (first + classes - 1) / classes;  // the whole rounds
  const int64_t end = last / classes;
  if (end - begin < lanes_of<T>) {
    for (int64_t r = 0; r < rows; ++r, source += source_step, destination += destination_step)
      for (int64_t p = 0; p < classes; ++p)
        for (int64_t i = first <= p ? 0 : (first - p + classes - 1) / classes; i * classes + p < last; ++i)
          destination[p * pitch + i] = source[i * classes + p];
    return;
  }
  for (int64_t r = 0; r < rows; ++r, source += source_step, destination += destination_step) {
    for (int64_t n = first; n < begin * classes; ++n)
      destination[(classes - begin * classes + n) * pitch + begin - 1] = source[n];
    for (int64_t n = end * classes; n < last; ++n) destination[(n - end * classes) * pitch + end] = source[n];
    const T* from = source + begin * classes;
    T* to = destination + begin;
    switch (classes) {
      case 2: separate_rounds<T, 2>(from, end - begin, to, pitch); break;
      case 3: separate_rounds<T, 3>(from, end - begin, to, pitch); break;
      case 4: separate_rounds<T, 4>(from, end - begin, to, pitch); break;
      case 5: separate_rounds<T, 5>(from, end - begin, to, pitch); break;
      default: transpose<T, false>(from, classes, end - begin, classes, to, pitch);
    }
  }
}

}  // namespace

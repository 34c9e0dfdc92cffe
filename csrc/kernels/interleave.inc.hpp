// Sequences dealt out in turns, and put together again: the columns of a row by column modulo stride, which makes those
// under one tap neighbors.
#pragma once

#include "kernel_set.hpp"
#include "transpose.inc.hpp"
#include "vector.inc.hpp"

namespace {

// The lower or the upper half of two vectors, lane by lane in turns.
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

// Numbers first .. last - 1 of the sequence source[0], source[pitch], source[2 * pitch] ... (`phases` of them),
// source[1], source[pitch + 1] ...
template <class T>
void interleave(const T* source, int64_t pitch, int64_t phases, int64_t first, int64_t last, int64_t rows,
                int64_t source_step, T* destination, int64_t destination_step) {
  constexpr int64_t lanes = lanes_of<T>;
  destination -= first;
  const int64_t begin = (first + phases - 1) / phases;  // the whole turns
  const int64_t end = last / phases;
  if (end - begin < lanes || (phases != 2 && phases != 4 && phases < lanes)) {
    for (int64_t r = 0; r < rows; ++r, source += source_step, destination += destination_step)
      for (int64_t p = 0; p < phases; ++p)
        for (int64_t i = first <= p ? 0 : (first - p + phases - 1) / phases; i * phases + p < last; ++i)
          destination[i * phases + p] = source[p * pitch + i];
    return;
  }
  for (int64_t r = 0; r < rows; ++r, source += source_step, destination += destination_step) {
    for (int64_t n = first; n < begin * phases; ++n)
      destination[n] = source[(phases - begin * phases + n) * pitch + begin - 1];
    for (int64_t n = end * phases; n < last; ++n) destination[n] = source[(n - end * phases) * pitch + end];
    if (phases != 2 && phases != 4) {
      transpose<T, false>(source + begin, pitch, phases, end - begin, destination + begin * phases, phases);
      continue;
    }
    for (int64_t i = begin; i < end; i += lanes) {
      // The last vectors reach back over what is already there.
      if (end - i < lanes) i = end - lanes;
      const T* from = source + i;
      T* to = destination + i * phases;
      if (phases == 2) {
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

// Out of as many vectors as there are phases, numbers phase, phase + phases ...: the lanes that vector `next` has of
// them, beside those that have been found before.
template <int phases, int phase, int next>
struct Deal {
  static constexpr int lane(int i, int lanes) {
    const int number = i * phases + phase;
    return number / lanes == next ? lanes + number % lanes : next > 1 ? i : number % lanes;
  }
};

template <class T, int phases, int phase, int next>
inline __attribute__((always_inline)) void deal_from(const Vector<T> (&value)[phases], Vector<T>& dealt) {
  dealt = shuffle<T, Deal<phases, phase, next>>(dealt, value[next]);
  if constexpr (next + 1 < phases) deal_from<T, phases, phase, next + 1>(value, dealt);
}

template <class T, int phases, int phase = 0>
inline __attribute__((always_inline)) void deal(const Vector<T> (&value)[phases], T* to, int64_t pitch) {
  Vector<T> dealt = value[0];
  deal_from<T, phases, phase, 1>(value, dealt);
  store(to, dealt);
  if constexpr (phase + 1 < phases) deal<T, phases, phase + 1>(value, to + pitch, pitch);
}

// The whole turns of a row.
template <class T, int phases>
void separate_turns(const T* source, int64_t turns, T* destination, int64_t pitch) {
  constexpr int64_t lanes = lanes_of<T>;
  for (int64_t i = 0; i < turns; i += lanes) {
    // The last vectors reach back over what is already there.
    if (turns - i < lanes) i = turns - lanes;
    Vector<T> value[phases];
#pragma GCC unroll 5
    for (int j = 0; j < phases; ++j) value[j] = load(source + i * phases + j * lanes);
    deal<T, phases>(value, destination + i, pitch);
  }
}

// The other way round: numbers first .. last - 1 of the sequence lie at source[0], source[1] ...
template <class T>
void separate(const T* source, int64_t source_step, int64_t phases, int64_t first, int64_t last, int64_t rows,
              T* destination, int64_t pitch, int64_t destination_step) {
  source -= first;
  const int64_t begin = (first + phases - 1) / phases;  // the whole turns
  const int64_t end = last / phases;
  if (end - begin < lanes_of<T>) {
    for (int64_t r = 0; r < rows; ++r, source += source_step, destination += destination_step)
      for (int64_t p = 0; p < phases; ++p)
        for (int64_t i = first <= p ? 0 : (first - p + phases - 1) / phases; i * phases + p < last; ++i)
          destination[p * pitch + i] = source[i * phases + p];
    return;
  }
  for (int64_t r = 0; r < rows; ++r, source += source_step, destination += destination_step) {
    for (int64_t n = first; n < begin * phases; ++n)
      destination[(phases - begin * phases + n) * pitch + begin - 1] = source[n];
    for (int64_t n = end * phases; n < last; ++n) destination[(n - end * phases) * pitch + end] = source[n];
    const T* from = source + begin * phases;
    T* to = destination + begin;
    switch (phases) {
      case 2: separate_turns<T, 2>(from, end - begin, to, pitch); break;
      case 3: separate_turns<T, 3>(from, end - begin, to, pitch); break;
      case 4: separate_turns<T, 4>(from, end - begin, to, pitch); break;
      case 5: separate_turns<T, 5>(from, end - begin, to, pitch); break;
      default: transpose<T, false>(from, phases, end - begin, phases, to, pitch);
    }
  }
}

}  // namespace

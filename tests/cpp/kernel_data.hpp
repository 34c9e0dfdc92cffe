// Integer data for the tests of kernels, which are compared exactly.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

inline std::mt19937 generator(1);

template <class T>
std::vector<T> integers(std::size_t count) {
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(static_cast<int>(generator() % 17) - 8);
  return values;
}

inline std::size_t at(int64_t index) { return static_cast<std::size_t>(index); }

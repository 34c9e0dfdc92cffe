// Sizes and offsets are signed 64-bit; products of sizes that come from a caller go through these checks.
#pragma once

#include <cstdint>

namespace convgrad {

using Index = std::int64_t;

// A tensor has no more elements, so that offsets in bytes fit, and so do products with small numbers.
inline constexpr Index largest_element_count = Index{1} << 59;

inline bool multiply_overflows(Index a, Index b, Index& product) noexcept {
  return __builtin_mul_overflow(a, b, &product);
}
inline bool add_overflows(Index a, Index b, Index& sum) noexcept { return __builtin_add_overflow(a, b, &sum); }

// The product or sum, or the largest Index where that is too small: for sizes that are only going to be compared with a
// limit.
inline Index saturating_product(Index a, Index b) noexcept {
  Index product = 0;
  return multiply_overflows(a, b, product) ? INT64_MAX : product;
}

inline Index saturating_sum(Index a, Index b) noexcept {
  Index sum = 0;
  return add_overflows(a, b, sum) ? INT64_MAX : sum;
}

inline Index divide_up(Index a, Index b) noexcept { return (a + b - 1) / b; }
inline Index round_up(Index a, Index multiple) noexcept { return divide_up(a, multiple) * multiple; }
inline Index smaller(Index a, Index b) noexcept { return a < b ? a : b; }
inline Index larger(Index a, Index b) noexcept { return a < b ? b : a; }

// The even piece when `size` is cut into as many as it takes for none to pass `most`.
inline Index even_piece(Index size, Index most) noexcept {
  return size <= most ? larger(size, 1) : divide_up(size, divide_up(size, larger(most, 1)));
}

}  // namespace convgrad

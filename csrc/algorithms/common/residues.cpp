#include "algorithms/common/residues.hpp"

#include <numeric>
#include <utility>

namespace convgrad {

namespace {

Index modulo(Index value, Index modulus) noexcept {
  const Index rest = value % modulus;
  return rest < 0 ? rest + modulus : rest;
}

// Bit by bit, since the product itself may overflow. Both are below the modulus, which is below 2**62.
Index product_modulo(Index a, Index b, Index modulus) noexcept {
  Index sum = 0;
  for (; b > 0; b >>= 1, a = (a + a) % modulus)
    if (b % 2 == 1) sum = (sum + a) % modulus;
  return sum;
}

// By Euclid's algorithm; value and modulus have no common divisor. 0 modulo 1.
Index modular_inverse(Index value, Index modulus) noexcept {
  Index rest = modulus, next_rest = value;
  Index factor = 0, next_factor = 1;
  while (next_rest != 0) {
    const Index quotient = rest / next_rest;
    rest = std::exchange(next_rest, rest - quotient * next_rest);
    factor = std::exchange(next_factor, factor - quotient * next_factor);
  }
  return modulo(factor, modulus);
}

}  // namespace

// Position j meets tap m where (j + p - m d) is a multiple of s, at G's pixel (j + p - m d) / s.
Residue find_residue(Index first, Index input, Index kernel, Index stride, Index dilation, Index padding) noexcept {
  Residue residue{};
  residue.first = first;
  residue.count = divide_up(input - first, stride);
  const Index divisor = std::gcd(stride, dilation);
  residue.tap_step = stride / divisor;
  residue.dilation = dilation / divisor;
  // m d = first + p modulo s; without the divisor that all three need, d has an inverse.
  if ((first + padding) % divisor != 0) return residue;
  const Index inverse = modular_inverse(residue.dilation % residue.tap_step, residue.tap_step);
  const Index wanted = modulo((first + padding) / divisor, residue.tap_step);
  const Index m = product_modulo(wanted, inverse, residue.tap_step);
  if (m >= kernel) return residue;
  residue.first_tap = m;
  residue.taps = divide_up(kernel - m, residue.tap_step);
  residue.reach = (first + padding - m * dilation) / stride;
  return residue;
}

Geometry residue_geometry(const Geometry& geometry, const Residue (&residue)[axes]) noexcept {
  Geometry part;
  part.batch = geometry.batch;
  part.groups = geometry.groups;
  part.in_channels = geometry.out_channels;
  part.out_channels = geometry.in_channels;
  for (int a = 0; a < axes; ++a) {
    part.input[a] = geometry.output[a];
    part.kernel[a] = residue[a].taps;
    part.output[a] = residue[a].count;
    part.dilation[a] = residue[a].dilation;
    part.padding[a] = (residue[a].taps - 1) * residue[a].dilation - residue[a].reach;
  }
  return part;
}

Index count_residues(const Geometry& geometry, int axis) noexcept {
  Index count = 0;
  for_each_residue(geometry, axis, [&](const Residue&) { ++count; });
  return count;
}

}  // namespace convgrad

// The residues of a strided gradient: dV's positions modulo the stride. Each residue is a correlation of G with just
// the taps that meet its positions. Together they touch every (pixel, tap) pair once: nothing is scattered, and no
// zeros are inserted.
#pragma once

#include "core/geometry.hpp"

namespace convgrad {

// Along one axis: the input positions first, first + s, first + 2s, ... and what reaches them. Position number u is met
// by the taps first_tap + q i (i = 0 .. taps - 1), from G at u + reach - dilation i.
struct Residue {
  Index first;
  Index count;
  Index first_tap;
  Index tap_step;  // q = s / gcd(s, d)
  Index taps;      // may be 0: then these positions of dV are zero
  Index reach;
  Index dilation;  // d / gcd(s, d)
};
Residue find_residue(Index first, Index input, Index kernel, Index stride, Index dilation, Index padding) noexcept;
// Of an axis of dV.
inline Residue find_residue(const Geometry& geometry, int axis, Index first) noexcept {
  return find_residue(first, geometry.input[axis], geometry.kernel[axis], geometry.stride[axis],
                      geometry.dilation[axis], geometry.padding[axis]);
}

// The correlation of G that gives the positions of these residues.
Geometry residue_geometry(const Geometry& geometry, const Residue (&residue)[axes]) noexcept;

// Where its kernel begins and how far apart its taps are: they go backwards. `kernel` is the whole one.
template <class T>
void residue_taps(const Residue (&residue)[axes], const Tensor<const T>& kernel, const T*& first,
                  Index (&step)[axes]) noexcept {
  first = kernel.data;
  for (int a = 0; a < axes; ++a) {
    first += (residue[a].first_tap + (residue[a].taps - 1) * residue[a].tap_step) * kernel.axis[a];
    step[a] = -residue[a].tap_step * kernel.axis[a];
  }
}

// Its positions of dV.
template <class T>
Tensor<T> residue_positions(const Geometry& geometry, const Residue (&residue)[axes], Tensor<T> grad_input) noexcept {
  for (int a = 0; a < axes; ++a) {
    grad_input.data += residue[a].first * grad_input.axis[a];
    grad_input.axis[a] *= geometry.stride[a];
  }
  return grad_input;
}

// How many residues of an axis some tap meets.
Index count_residues(const Geometry& geometry, int axis) noexcept;

// Calls visit(residue) for those of an axis that some tap meets; whether there are others.
template <class Visit>
bool for_each_residue(const Geometry& geometry, int axis, const Visit& visit) noexcept {
  const Index positions = smaller(geometry.stride[axis], geometry.input[axis]);
  bool others = false;
  if (geometry.stride[axis] <= geometry.kernel[axis]) {
    for (Index first = 0; first < positions; ++first) {
      const Residue residue = find_residue(geometry, axis, first);
      others = others || residue.taps == 0;
      if (residue.taps > 0) visit(residue);
    }
    return others;
  }
  // With a stride beyond the kernel most positions are met by no tap at all: one that is, is found from its first tap.
  for (Index m = 0; m < geometry.kernel[axis]; ++m) {
    const Index offset = (m * geometry.dilation[axis] - geometry.padding[axis]) % geometry.stride[axis];
    const Index first = offset < 0 ? offset + geometry.stride[axis] : offset;
    if (first >= positions) continue;
    const Residue residue = find_residue(geometry, axis, first);
    if (residue.first_tap == m) visit(residue);
  }
  return positions > 0;
}

// Calls visit(residue along each axis) for all that some tap meets; whether dV has positions that no tap meets.
template <class Visit>
bool for_each_residue(const Geometry& geometry, const Visit& visit) noexcept {
  bool others = false;
  Residue residue[axes];
  const auto along = [&](int axis, const auto& next) {
    others = for_each_residue(geometry, axis,
                              [&](const Residue& found) {
                                residue[axis] = found;
                                next();
                              }) ||
             others;
  };
  along(0, [&] { along(1, [&] { along(2, [&] { visit(residue); }); }); });
  return others;
}

}  // namespace convgrad

// Sums begin with the bias of their output channel, or with zero.
#pragma once

#include "core/geometry.hpp"

namespace convgrad::gemm {

// The bias of all groups as sums begin with it, `padded` lanes for each. `bias` may be null.
template <class T>
void pad_bias(const Geometry& geometry, Index padded, const T* bias, Index bias_stride, T* padded_bias) noexcept {
  const Index channels = geometry.out_channels;
  // No sum starts from -0 (border_parts.hpp).
  for (Index group = 0; group < geometry.groups; ++group)
    for (Index lane = 0; lane < padded; ++lane)
      *padded_bias++ = bias != nullptr && lane < channels ? bias[(group * channels + lane) * bias_stride] + T{0} : T{0};
}

}  // namespace convgrad::gemm

// Sums begin with the bias of their output channel, or with zero.
#pragma once

#include "core/geometry.hpp"

namespace convgrad::gemm {

// One value for each output channel of all groups, or none at all.
template <class T>
struct Bias {
  const T* values = nullptr;
  Index stride = 0;

  [[nodiscard]] bool given() const noexcept { return values != nullptr; }
  // What sums of this channel begin with. Never -0: then products with zero show in no sum (border/border_parts.hpp).
  [[nodiscard]] T of(Index channel) const noexcept {
    return values == nullptr ? T{0} : values[channel * stride] + T{0};
  }
};

// The bias of all groups, `padded` lanes for each; zeros in lanes that no channel fills.
template <class T>
void pad_bias(const Geometry& geometry, Index padded, const Bias<T>& bias, T* padded_bias) noexcept {
  const Index channels = geometry.out_channels;
  for (Index group = 0; group < geometry.groups; ++group)
    for (Index lane = 0; lane < padded; ++lane)
      *padded_bias++ = lane < channels ? bias.of(group * channels + lane) : T{0};
}

}  // namespace convgrad::gemm

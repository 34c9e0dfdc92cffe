// The kernel K as the passes read it, and a panel of it: rows of taps whose lanes are output channels.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad {

// The weights as one pass reads them: grad_input swaps K's channel axes, reverses its taps and takes every q-th of
// them.
template <class T>
struct Weights {
  const T* data = nullptr;
  Index group = 0;    // element strides
  Index lane = 0;     // output channel of this pass
  Index channel = 0;  // input channel of this pass
  Index axis[axes] = {0, 0, 0};
};

// Where the taps of a block lie in the weights, from its first one.
template <class T>
void fill_weight_offsets(const Weights<T>& weights, const TapBlock& taps, Index* offset) noexcept {
  for (Index c = 0; c < taps.channels; ++c)
    for (Index i = 0; i < taps.size[0]; ++i)
      for (Index j = 0; j < taps.size[1]; ++j)
        for (Index k = 0; k < taps.size[2]; ++k)
          *offset++ = c * weights.channel + i * weights.axis[0] + j * weights.axis[1] + k * weights.axis[2];
}

// One panel of weights: rows are the taps in the order channel, depth, row, column. `weights.data` is its first lane's
// first tap.
template <class T>
void pack_weights(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index channels,
                  const Index (&taps)[axes], Index lanes, Index width, T* panel) noexcept;

// Zeroes the lanes that no channel fills, where rows are not transposed.
template <class T>
inline void clear_unused(T* panel, Index rows, Index lanes, Index width) noexcept {
  if (lanes == width) return;
  for (Index r = 0; r < rows; ++r)
    for (Index lane = lanes; lane < width; ++lane) panel[r * width + lane] = T{0};
}

}  // namespace convgrad

// grad_input where no two taps meet: with a stride of the kernel's size or more, every pixel of G has a patch of dV to
// itself,
//
//     dV[c, pixel * stride + tap] = sum over o of K[o, (c, tap)] G[o, pixel],
//
// one 1x1 correlation of G whose output channels are the channels and taps of K. Here is how its lanes, each a channel
// and a tap, are read from K and written to dV, with zeros between the patches.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

// Whether a layer's grad_input is one.
bool has_patches(const Geometry& layer) noexcept;

Geometry patch_product(const Geometry& layer) noexcept;

// `weights.lane` is K's stride from one input channel to the next, `weights.axis` those of its taps. `lanes` lanes from
// the first on, for all `channels` of G.
template <class T>
void pack_patch_weights(const kernels::KernelSet<T>& kernels, const Geometry& layer, Weights<T> weights,
                        Index first_lane, Index lanes, Index channels, Index width, T* panel) noexcept;

// Pixels begin .. end - 1 of the block out of a panel, whose first row is pixel `begin`, and the zeros that follow
// them. `grad_input` is the whole tensor moved to the group's first channel.
template <class T>
void unpack_patches(const kernels::KernelSet<T>& kernels, const Geometry& layer, const T* panel, Index width,
                    const PixelBlock& block, Index begin, Index end, Index first_lane, Index lanes,
                    const Tensor<T>& grad_input) noexcept;

// Where that goes, if a kernel has one tap.
template <class T>
Prefetch<T> prefetch_of_patches(const Geometry& layer, const PixelBlock& block, Index begin, Index end,
                                Index first_lane, Index lanes, const Tensor<T>& grad_input, Index steps) noexcept;

}  // namespace convgrad::gemm

// The blocks of layers with output channels as lanes: how large they are, and how their strips lie.
#pragma once

#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/read/blocking.hpp"

namespace convgrad::gemm {

BlockingLimits channel_block_limits(const Geometry& geometry, Index size) noexcept;

// How many bytes of results a task with these blocks keeps between its blocks of taps.
Index channel_result_bytes(const BlockingLimits& limits) noexcept;

// Whether a strip of an input that lies in another order is transposed to StripShape::Order::channels_inner.
template <class T>
bool transposes_strips(const kernels::KernelSet<T>& kernels, const Blocking& blocking,
                       const PanelSplit& panels) noexcept;

}  // namespace convgrad::gemm

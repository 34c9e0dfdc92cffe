// The weights of all panels whose lanes are output channels: a group after the other, its panels one after the other,
// each with all taps in the order channel, depth, row, column.
#pragma once

#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/read/weights.hpp"
#include "core/parallel.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

inline Index packed_channel_elements(const Geometry& geometry, const PanelSplit& panels) noexcept {
  return geometry.groups * panels.padded_channels() * geometry.in_channels * geometry.taps_per_channel();
}

// A task is some input channels of a panel, which `sink` (write/channel_sink.hpp) packs.
template <class T, class Sink>
void pack_channel_panels(const Sink& sink, const Geometry& geometry, const PanelSplit& panels,
                         const Weights<T>& weights, int workers, T* packed) noexcept {
  const PhaseTimer timer(Phase::packing_weights);
  const Index kernel_taps = geometry.taps_per_channel();
  const Index taps = geometry.in_channels * kernel_taps;
  const Index count = geometry.groups * panels.count();
  // Panels, and where there are few of them, ranges of input channels: some tasks for every worker.
  const Index wanted = workers > 1 ? divide_up(4 * Index{workers}, larger(1, count)) : 1;
  const Index ranges = larger(1, smaller(geometry.in_channels, wanted));
  parallel_for(workers, count * ranges, [&](Index index, int) {
    const Index range = index % ranges;
    const Index panel = index / ranges % panels.count();
    const Index group = index / ranges / panels.count();
    const Index first_channel = geometry.in_channels * range / ranges;
    const Index channels = geometry.in_channels * (range + 1) / ranges - first_channel;
    const PanelLanes lanes = panels.lanes(panel);
    Weights<T> from = weights;
    from.data += group * weights.group + first_channel * weights.channel;
    sink.pack(
        from, lanes, channels,
        packed + (group * panels.padded_channels() + lanes.first) * taps + first_channel * kernel_taps * lanes.width);
  });
}

}  // namespace convgrad::gemm

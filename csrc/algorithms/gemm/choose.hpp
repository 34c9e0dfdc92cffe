// Which way a correlation takes: what each would cost beyond its multiplications, from shape, type, kernel set and the
// number of threads. All ways add up every output in the same order, so a wrong estimate costs time and nothing else.
#pragma once

#include "algorithms/gemm/way.hpp"
#include "algorithms/tuning.hpp"
#include "core/geometry.hpp"
#include "core/text.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// How the weights usually lie in memory, the last axis innermost: (lane, channel, taps) or (channel, lane, taps), where
// only some of the kernel's taps may be among them.
enum class WeightOrder { lanes_first, channels_first, channels_first_some_taps };

// Time beyond the multiplications, as a share of them.
struct Overheads {
  double channels_by_tile;
  double pixels_from_panels;
  double pixels_from_strip;
  double pixel_rows;

  void describe(Text& text) const noexcept;
};

template <class T>
Overheads estimate_overheads(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                             WeightOrder order) noexcept;

// Whether lanes had better be groups: many groups of few channels, and small maps or a stride.
bool prefers_groups_by_lane(const Tuning& tuning, const Geometry& geometry) noexcept;

// The cheapest of the others; `lateness(way)` says how much later than an equal share the last of several workers is
// done, of channels_by_tile and of pixels_from_panels.
template <class Lateness>
Way choose_way(const Overheads& overheads, bool rows_can_share, const Lateness& lateness) noexcept {
  const double packed = overheads.channels_by_tile < overheads.pixels_from_panels ? overheads.channels_by_tile
                                                                                  : overheads.pixels_from_panels;
  if (rows_can_share && overheads.pixel_rows < overheads.pixels_from_strip && overheads.pixel_rows < packed)
    return Way::pixel_rows;
  if (overheads.pixels_from_strip < packed) return Way::pixels_from_strip;
  const double panels = (1 + overheads.pixels_from_panels) * lateness(Way::pixels_from_panels);
  const double tiles = (1 + overheads.channels_by_tile) * lateness(Way::channels_by_tile);
  return panels < tiles ? Way::pixels_from_panels : Way::channels_by_tile;
}

}  // namespace convgrad::gemm

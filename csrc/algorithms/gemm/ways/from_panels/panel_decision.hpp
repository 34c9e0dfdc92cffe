// What shape, type and machine decide about pixels_from_panels.hpp: how long its runs of taps are, and which of its
// refinements pay.
#pragma once

#include "algorithms/read/blocking.hpp"
#include "core/geometry.hpp"
#include "core/text.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// Whether panels of a 1x1 kernel are filled while they are multiplied for the first time, where the input is read in
// place.
template <class T>
bool fills_pointwise_panels(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

struct PanelDecision {
  PanelDecision() = default;
  template <class T>
  PanelDecision(const Geometry& geometry, const kernels::KernelSet<T>& kernels, const Blocking& blocking) noexcept;

  void describe(Text& text) const noexcept;

  Index width = 1;  // of a panel, in pixels
  Index taps_per_run = 1;
  bool keeps_panels = false;  // of all taps, for the next task
  Index most_tile_rows = 1;
  bool pointwise = false;  // a 1x1 kernel
  bool reads_in_place = false;
  bool transposes_input = false;
  bool copies_tap_by_tap = false;  // an input that is read in place
  // Which panels are filled on the way: those of a strip, or of a 1x1 kernel's input that is read in place. So few
  // tiles of a strip's need not store them.
  bool fills_from_strip = false;
  bool fills_in_place = false;
  Index most_tiles_on_strip = 0;
  bool streams = false;  // complete sums go around the caches
  bool prefetches_input = false;
  bool prefetches_first_panel = false;  // instead, where panels are filled in place
  bool prefetches_results = false;      // whose channels are neighbors
  bool prefetches_next_rows = false;    // that the next tile stores
};

}  // namespace convgrad::gemm

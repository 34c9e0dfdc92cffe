// How the panels of a task come to hold their pixels. Each is in one of three states: kept from the worker's last task,
// which read the same pixels; filled before anything is multiplied; or filled on the way, by the tile that reads it
// first.
#pragma once

#include "algorithms/gemm/panels/pixel_panels.hpp"
#include "core/index.hpp"
#include "kernels/micro_kernels.hpp"

namespace convgrad::gemm {

template <class T>
struct PanelFill {
  bool kept = false;        // from the last task
  bool stores = true;       // what is filled on the way serves the next tiles; otherwise all of them read the strip
  bool on_the_way = false;  // some panels are left to the first tile
  const Index* unfilled = nullptr;  // where the pixels of a panel lie that is, or `filled_already`

  // Whether this tile meets panels that are not filled.
  [[nodiscard]] bool by_tile(Index tile) const noexcept { return on_the_way && (tile == 0 || !stores); }
  [[nodiscard]] bool fills(Index panel) const noexcept { return unfilled[panel] != filled_already; }
  // So many of `count` panels are filled, or not, like the first.
  [[nodiscard]] Index alike(Index panel, Index count) const noexcept { return alike_panels(unfilled + panel, count); }
  [[nodiscard]] kernels::PanelSource<T> source(Index panel, const T* strip, const Index* tap_offsets,
                                               T* data) const noexcept {
    return {strip, tap_offsets, unfilled + panel, stores ? data : nullptr};
  }
};

}  // namespace convgrad::gemm

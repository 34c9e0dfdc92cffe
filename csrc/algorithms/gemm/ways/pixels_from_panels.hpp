// The blocked GEMM behind forward and grad_input, lanes = pixels:
//
//     Z[o, pixel] = bias[o] + sum over taps of weights[o, tap] X[pixel, tap]
//
// Weights are broadcast one by one, in place or, where the cache would not hold them so, copied, one tile or a few at a
// time (tile_weights.hpp). The im2col matrix exists for one block of pixels and one run of taps at a time: panels of
// two vectors of pixels, all in the second-level cache, copied out of the strip (or, where a block meets no border, out
// of the input) by whole vectors, large images' under a 1x1 kernel while they are multiplied for the first time.
// Results are stored as they lie in Z: nothing is transposed and no weights are packed, so this suits few taps, small
// maps and many output channels, over which the copying is spread. Sums run over the taps in the same order as in
// channels_by_tile.hpp: same bits. Loops, outermost first: tasks (group, pixel block, range of output channels;
// parallel) > tap blocks (a strip each) > runs of taps (all panels of the block) > tiles of output channels > panels.
// The weights of a tile stay in the first-level cache while the panels pass, and each row of Z is written from end to
// end. Panels of all taps serve the next range of channels of the same block, too.
#pragma once

#include <cstddef>

#include "algorithms/common/pixel_box.hpp"
#include "algorithms/gemm/panels/tile_weights.hpp"
#include "algorithms/gemm/ways/correlation_operands.hpp"
#include "algorithms/gemm/ways/correlation_tasks.hpp"
#include "algorithms/read/strip.hpp"
#include "algorithms/read/weights.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

// Where the results of a panel go until their sums are complete: straight into Z where its pixels are neighbors there,
// and into a buffer otherwise.
template <class T>
struct PanelDestination {
  T* result;
  Index stride;   // from one output channel to the next
  Index vectors;  // of the panel
  bool direct;
  Index step;   // to where the next panel's go
  T* streamed;  // where complete sums go in Z, around the caches, or null: they stay at `result`
  Index alike;  // so many panels from this one on have as many vectors, and go `step` elements further each
};

template <class T>
class PixelsFromPanels {
 public:
  PixelsFromPanels(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  // Whether panels of a 1x1 kernel are filled while they are multiplied for the first time.
  static bool fills_panels(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  void describe(Text& text) const noexcept {
    text.line("way", "%s", "pixels_from_panels");
    tasks_.describe(text);
  }
  [[nodiscard]] const CorrelationTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }

  void run(const CorrelationOperands<T>& operands, void* workspace) const noexcept;

 private:
  // What a worker has for itself.
  struct Area {
    T* strip;
    T* panels;
    T* start;
    T* results;
    Index* tap_offsets;
    Index* weight_offsets;
    Index* row_offsets;
    TileWeightsArea<T> tile_weights;
    PanelDestination<T>* destinations;
    kernels::BlockCopy* block_copies;
    Index* unfilled;         // where the pixels of a panel lie that is to be filled on the way
    Index* block_in_panels;  // with all its taps, or -1: other ranges of its channels need not fill them again
  };

  // `block` is the number of the task's pixels and group.
  void run_task(const CorrelationTask& task, Index block, const CorrelationTask& next, const Tensor<const T>& input,
                const Weights<T>& weights, Index start_stride, const Tensor<T>& output,
                const Area& area) const noexcept;
  // Of the panels of a block, for some channels.
  void find_destinations(const PixelBox& box, Index adjacent, Index channels, const Tensor<T>& to,
                         const Area& area) const noexcept;
  void fill_start(const CorrelationTask& task, const Bias<T>& bias, T* start) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  Index width_ = 1;  // of a panel, in pixels
  CorrelationTasks tasks_;
  Index taps_per_run_ = 1;
  bool prefetches_input_ = false;
  bool fills_from_strip_ = false;
  bool fills_panels_ = false;
  bool prefetches_first_panel_ = false;  // where they are filled
  bool streams_ = false;
  bool prefetches_results_ = false;
  bool prefetches_next_rows_ = false;  // a tile ahead: where one has many taps
  WorkAreas<Area> areas_;
};

}  // namespace convgrad::gemm

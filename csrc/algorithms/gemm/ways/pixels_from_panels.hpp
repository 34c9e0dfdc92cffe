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

#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/panels/tile_weights.hpp"
#include "algorithms/gemm/tasks/correlation_operands.hpp"
#include "algorithms/gemm/tasks/correlation_tasks.hpp"
#include "algorithms/gemm/ways/from_panels/panel_decision.hpp"
#include "algorithms/gemm/ways/from_panels/panel_destinations.hpp"
#include "core/phases.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

template <class T>
class PixelsFromPanels {
 public:
  PixelsFromPanels(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  // Whether panels of a 1x1 kernel are filled while they are multiplied for the first time.
  static bool fills_panels(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
    return fills_pointwise_panels(geometry, kernels);
  }

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  void describe(Text& text) const noexcept {
    text.line("way", "%s", "pixels_from_panels");
    tasks_.describe(text);
    decided_.describe(text);
    weight_copies_.describe(text);
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
  struct Binding;
  struct Work;
  struct TapRun;
  struct Prefetches;

  void reserve_areas() noexcept;

  [[nodiscard]] Binding bind(const CorrelationOperands<T>& operands) const noexcept;
  // `block` is the number of the task's pixels and group, and `next` what the worker is likely to do after it.
  void run_task(const Binding& bound, const CorrelationTask& task, Index block, const CorrelationTask& next,
                const Area& area) const noexcept;
  void fill_start(const CorrelationTask& task, const Bias<T>& bias, T* start) const noexcept;
  void settle_panels(Work& work, Index block) const noexcept;
  void run_tap_block(Work& work, Index number, PhaseTimer& timer) const noexcept;
  void read_tap_block(Work& work, TapRun& run) const noexcept;
  void fill_panels(const Work& work, const TapRun& run) const noexcept;
  void multiply(const Work& work, const TapRun& run) const noexcept;
  void multiply_tile(const Work& work, const TapRun& run, Index tile, const typename TileWeights<T>::Tile& weights,
                     Prefetches& ahead) const noexcept;
  [[nodiscard]] Prefetch<T> prefetch_reads(const Work& work, const TapRun& run) const noexcept;
  [[nodiscard]] Prefetch<T> prefetch_results(const Work& work, const TapRun& run) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  CorrelationTasks tasks_;
  PanelDecision decided_;
  TileWeightCopies<T> weight_copies_;
  WorkAreas<Area> areas_;
};

}  // namespace convgrad::gemm

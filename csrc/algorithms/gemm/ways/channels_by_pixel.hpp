// Forward, or a correlation of grad_input, of few taps, whose results lie as in an NHWC array: output channels as
// lanes, some pixels at a time, and all channels of these one panel after the other.
//
//     Z[pixel, o] = bias[o] + sum over taps of X[pixel, tap] weights[tap, o]
//
// The weights of all channels stay in the caches, and every pixel is written from its first channel to its last, in its
// place. With pixels as lanes, results of few taps take longer to transpose than to compute.
//
// Loops, outermost first: tasks (pixel block, group; parallel) > stretches of evenly spaced pixels > tiles of pixels >
// panels. Blocks have all taps.
#pragma once

#include <cstddef>

#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/gemm/tasks/correlation_operands.hpp"
#include "algorithms/gemm/tasks/correlation_tasks.hpp"
#include "algorithms/gemm/ways/channel_blocks.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

template <class T>
class ChannelsByPixel {
 public:
  ChannelsByPixel(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  // Whether the weights are few enough, and the channels fill vectors.
  static bool applies(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  void describe(Text& text) const noexcept;
  [[nodiscard]] const CorrelationTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }

  void run(const CorrelationOperands<T>& operands, void* workspace) const noexcept;

 private:
  struct Area {
    T* strip;
    Index* pixel_offsets;
    Index* tap_offsets;
  };
  struct Binding;
  struct GroupWork;
  struct PixelTile;

  void run_task(const Binding& binding, const CorrelationTask& task, const CorrelationTask& next,
                const Area& area) const noexcept;
  void multiply(const GroupWork& work, const PixelBlock& pixels, const Tensor<T>& output,
                Prefetch<T> input) const noexcept;
  // All channels of a tile's pixels.
  void run_pixels(const GroupWork& work, const PixelTile& pixels) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  PanelSplit panels_;
  Index tile_rows_;
  CorrelationTasks tasks_;
  WorkAreas<Area, ChannelShared<T>> areas_;
  BlockReading reading_;
  bool prefetches_input_ = false;
  bool prefetches_results_ = false;
};

}  // namespace convgrad::gemm

// Forward, and each correlation of grad_input, with output channels as lanes and input scalars as broadcasts
// (kernels/micro_kernels.hpp draws the micro-kernel):
//
//     Z[pixel, o] = bias[o] + sum over taps of X[pixel, tap] weights[tap, o]
//
// Loops, outermost first: tasks (pixel block, group, range of panels; parallel) > blocks of taps, whose input is read
// in place or from a strip > panels > runs of taps > chunks of pixels, in the last run > tiles of pixels.
//
// What lanes are, and where chunks go, is the sink's (write/channel_sink.hpp).
#pragma once

#include <cstddef>

#include "algorithms/gemm/border/border_parts.hpp"
#include "algorithms/gemm/panels/channel_panels.hpp"
#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/tasks/correlation_operands.hpp"
#include "algorithms/gemm/tasks/correlation_tasks.hpp"
#include "algorithms/gemm/ways/channel_blocks.hpp"
#include "algorithms/gemm/write/channel_sink.hpp"
#include "algorithms/read/weights.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

template <class T, class Sink = ChannelSink<T>>
class ChannelsByTile {
 public:
  ChannelsByTile(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
      : ChannelsByTile(geometry, kernels, threads, Sink(geometry, kernels)) {}
  // With a sink whose lanes are not those of `geometry` alone.
  ChannelsByTile(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads,
                 const Sink& sink) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  void describe(Text& text) const noexcept;
  [[nodiscard]] const CorrelationTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }

  void run(const CorrelationOperands<T>& operands, void* workspace) const noexcept;

  [[nodiscard]] Index packed_elements() const noexcept { return packed_channel_elements(geometry_, panels_); }
  void pack(const Weights<T>& weights, T* packed) const noexcept {
    pack_channel_panels(sink_, geometry_, panels_, weights, areas_.workers, packed);
  }

 private:
  struct Area {
    T* strip;
    T* sums;
    Index* pixel_offsets;
    Index* order;  // of the pixels, where there are parts, and then their offsets in their own order
    Index* tap_offsets;
    T* run_weights;
    Index* weight_offsets;  // of rows of weights that the first tile packs
  };
  struct Binding;
  struct TaskWork;
  struct TapWork;
  struct PanelWork;
  struct TapRun;

  void decide_runs(const Tuning& tuning) noexcept;
  void decide_reading(const Tuning& tuning) noexcept;
  void reserve_areas() noexcept;

  [[nodiscard]] Binding bind(const CorrelationOperands<T>& operands, const ChannelShared<T>& shared) const noexcept;
  void run_task(const Binding& binding, const CorrelationTask& task, const CorrelationTask& next,
                const Area& area) const noexcept;
  [[nodiscard]] TapWork read_taps(const TaskWork& work, Index tap_block) const noexcept;
  void run_panel(const TaskWork& work, TapWork& taps, Index panel) const noexcept;
  [[nodiscard]] TapRun start_run(const TaskWork& work, TapWork& taps, const PanelWork& panel, Index first,
                                 Index count) const noexcept;
  [[nodiscard]] Weights<T> weights_at(const TaskWork& work, const TapWork& taps, Index lane, Index tap) const noexcept;
  const T* pack_run(const TaskWork& work, TapWork& taps, const PanelWork& panel, Index first,
                    Index count) const noexcept;
  void run_chunks(const TaskWork& work, TapWork& taps, const PanelWork& panel, TapRun& run,
                  const T* start) const noexcept;
  void multiply(const TaskWork& work, TapWork& taps, const TapRun& run, const Accumulators<T>& sums) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  Sink sink_;
  PanelSplit panels_;
  CorrelationTasks tasks_;
  BorderParts parts_;
  WorkAreas<Area, ChannelShared<T>> areas_;
  BlockReading reading_;
  // Runs of taps of a panel, whose weights are packed all beforehand, or each run by itself.
  Index taps_per_run_ = 1;
  Index taps_per_colliding_run_ = 1;
  bool packs_by_run_ = false;
  bool lanes_lie_in_rows_ = false;  // where the operands' weights do
  bool packs_on_the_way_ = false;
  Index packing_prefetch_rows_ = 0;
  // The largest strip whose input is prefetched, or part of an input that is read in place.
  Index prefetched_strip_elements_ = -1;
  Index prefetched_in_place_elements_ = -1;
  bool prefetches_weights_ = false;
  bool prefetches_results_ = false;
};

}  // namespace convgrad::gemm

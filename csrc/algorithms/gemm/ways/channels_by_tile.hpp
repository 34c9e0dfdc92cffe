// The blocked GEMM behind forward and grad_input:
//
//     Z[pixel, o] = bias[o] + sum over taps of X[pixel, tap] weights[tap, o]
//
// with lanes = output channels and broadcasts = input scalars out of a strip (kernels/micro_kernels.hpp draws the
// micro-kernel). Loops, outermost first: tasks (pixel block, group, range of output panels; parallel) > tap blocks (a
// strip each) > panels > runs of taps > tiles of pixels.
#pragma once

#include <cstddef>
#include <optional>

#include "algorithms/gemm/border/border_parts.hpp"
#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/ways/correlation_operands.hpp"
#include "algorithms/gemm/ways/correlation_tasks.hpp"
#include "algorithms/gemm/write/patches.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

template <class T>
class ChannelsByTile {
 public:
  // With `patches`, `geometry` is the product of that layer's grad_input (patches.hpp), and lanes are read and written
  // accordingly.
  ChannelsByTile(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads,
                 const Geometry* patches = nullptr) noexcept;

  [[nodiscard]] int threads() const noexcept { return threads_; }
  void describe(Text& text) const noexcept {
    text.line("way", "%s", "channels_by_tile");
    tasks_.describe(text);
  }
  [[nodiscard]] const CorrelationTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept {
    return worker_begin_ + static_cast<std::size_t>(threads_) * worker_bytes_;
  }

  void run(const CorrelationOperands<T>& operands, void* workspace) const noexcept;

  [[nodiscard]] Index packed_elements() const noexcept;
  void pack(const Weights<T>& weights, T* packed) const noexcept;

 private:
  struct Worker;
  struct Run;

  // For some input channels of one panel.
  void pack_panel(const Weights<T>& weights, Index group, Index panel, Index first_channel, Index channels,
                  T* to) const noexcept;
  void run_task(const CorrelationTask& task, const CorrelationTask& next, const Tensor<const T>& input,
                const Weights<T>& weights, const T* packed, const T* padded_bias, const Tensor<T>& output,
                const Worker& worker) const noexcept;

  void pack_on_the_way(const Run& run, const Worker& worker, BlockRows& pixels,
                       Accumulators<T>& accumulators) const noexcept;
  void multiply(const Run& run, const Worker& worker, const Accumulators<T>& accumulators) const noexcept;

  Geometry geometry_;
  std::optional<Geometry> patches_;
  const kernels::KernelSet<T>* kernels_;
  PanelSplit panels_;
  CorrelationTasks tasks_;
  BorderParts parts_;
  Index taps_per_run_ = 1;
  bool packs_by_run_ = false;  // unless they are packed already
  bool transposes_strips_ = false;
  bool prefetches_results_ = false;
  Index most_prefetched_bytes_ = 0;
  bool prefetches_input_in_place_ = false;
  bool prefetches_weights_ = false;
  int threads_ = 1;
  // Where things lie in the workspace: shared by all workers, then one area for each.
  std::size_t packed_ = 0, bias_ = 0, worker_begin_ = 0;
  std::size_t strip_ = 0, accumulators_ = 0, pixel_offsets_ = 0, tap_offsets_ = 0, run_weights_ = 0, order_ = 0,
              weight_offsets_ = 0, worker_bytes_ = 0;
};

}  // namespace convgrad::gemm

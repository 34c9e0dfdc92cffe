// Forward or grad_input of few taps, whose results are an NHWC array's: output channels as lanes, some pixels at a
// time, and all channels of these one panel after the other.
//
//     Z[pixel, o] = bias[o] + sum over taps of X[pixel, tap] weights[tap, o]
//
// The weights of all channels stay in the caches, and every pixel is written from its first channel to its last, in its
// place. With pixels as lanes, results of few taps take longer to transpose than to compute.
#pragma once

#include <cstddef>

#include "algorithms/gemm/ways/correlation_operands.hpp"
#include "algorithms/gemm/ways/correlation_tasks.hpp"
#include "algorithms/read/strip.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

template <class T>
class ChannelsByPixel {
 public:
  ChannelsByPixel(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  // Whether the weights are few enough, and the channels fill vectors.
  static bool applies(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;
  // Whether results lie so: channels are neighbors, and pixels are not.
  static bool fits(const Tensor<T>& output) noexcept { return output.inner == 1 && output.axis[2] != 1; }

  [[nodiscard]] int threads() const noexcept { return threads_; }
  void describe(Text& text) const noexcept {
    text.line("way", "%s", "channels_by_pixel");
    tasks_.describe(text);
  }
  [[nodiscard]] const CorrelationTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept {
    return worker_begin_ + static_cast<std::size_t>(threads_) * worker_bytes_;
  }

  void run(const CorrelationOperands<T>& operands, void* workspace) const noexcept;

 private:
  struct Worker;

  [[nodiscard]] Index padded_channels() const noexcept { return round_up(geometry_.out_channels, kernels_->lanes); }
  [[nodiscard]] Index taps() const noexcept { return geometry_.in_channels * geometry_.taps_per_channel(); }
  void pack(const Weights<T>& weights, T* packed) const noexcept;
  void run_task(const CorrelationTask& task, const CorrelationTask& next, const Tensor<const T>& input,
                const T* weights, const T* bias, const Tensor<T>& output, const Worker& worker) const noexcept;
  // All channels of `rows` pixels, `step` elements apart.
  void sweep(const T* strip, const Index* pixel_offsets, Index rows, const Index* tap_offsets, const T* weights,
             const T* bias, T* pixels, Index step) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  Index width_;  // of a panel
  Index tile_rows_;
  CorrelationTasks tasks_;
  bool prefetches_input_ = false;
  bool prefetches_results_ = false;
  int threads_ = 1;
  std::size_t packed_ = 0, bias_ = 0, worker_begin_ = 0;
  std::size_t strip_ = 0, pixel_offsets_ = 0, tap_offsets_ = 0, worker_bytes_ = 0;
};

}  // namespace convgrad::gemm

// The blocked GEMM behind forward and grad_input for few output channels (of a group), depthwise layers above all:
//
//     Z[o, pixel] = bias[o] + sum over taps of weights[o, tap] X[pixel, tap]
//
// Lanes = pixels, read from the strip itself wherever a vector of them begins: with so few channels to share it,
// copying a panel would cost more than the arithmetic. Where a block meets no border, the input is the strip. A vector
// may reach past the end of a row into what follows; those lanes compute numbers that nobody stores. Where many rows of
// the kernel lie on the border, pixels go by what is left of it. Sums run in the same order as in channels_by_tile.hpp:
// same bits.
//
// Loops, outermost first: tasks (pixel block, group; parallel) > tap blocks (a strip each) > runs of input channels
// > rows of pixels by what exists under them > tiles of vectors > four output channels at a time.
#pragma once

#include <cstddef>

#include "algorithms/common/blocks.hpp"
#include "algorithms/gemm/border/border_rows.hpp"
#include "algorithms/gemm/ways/correlation_operands.hpp"
#include "algorithms/gemm/ways/correlation_tasks.hpp"
#include "algorithms/gemm/ways/strip_blocks.hpp"
#include "algorithms/read/strip.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

template <class T>
class PixelsFromStrip {
 public:
  PixelsFromStrip(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept { return threads_; }
  void describe(Text& text) const noexcept {
    text.line("way", "%s", "pixels_from_strip");
    tasks_.describe(text);
  }
  [[nodiscard]] const CorrelationTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept {
    return static_cast<std::size_t>(threads_) * worker_bytes_;
  }

  void run(const CorrelationOperands<T>& operands, void* workspace) const noexcept;

 private:
  struct Worker;
  struct Tables;
  struct Destination;
  struct TapList;
  struct Run;

  void run_task(const CorrelationTask& task, const CorrelationTask& following, const Tensor<const T>& input,
                const Weights<T>& weights, const Bias<T>& bias, const Tensor<T>& output,
                const Worker& worker) const noexcept;
  void fill_start(Index group, const Bias<T>& bias, T* start) const noexcept;
  void make_tables(const PixelBlock& pixels, const TapBlock& taps, const StripShape& shape, bool in_place,
                   const Weights<T>& weights, const Worker& worker) const noexcept;
  TapList tap_list(Index number, const TapBlock& taps, const Worker& worker) const noexcept;
  void run_tiles(const T* weights, const T* strip, const TapBlock& taps, const Run& run, Index start_stride,
                 bool foresees, const Destination& destination, const Worker& worker,
                 AfterStrip<T>& after) const noexcept;
  Destination find_destination(const PixelBlock& pixels, const Tables& tables, const Tensor<T>& to,
                               const Worker& worker) const noexcept;
  [[nodiscard]] Index stored_directly(Index direct, Index vectors) const noexcept;
  [[nodiscard]] Index channels_per_run(Index channels, Index channel_elements) const noexcept;
  [[nodiscard]] Index row_groups() const noexcept;
  [[nodiscard]] Index vectors_per_tile() const noexcept;
  [[nodiscard]] Index most_vectors() const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  CorrelationTasks tasks_;
  BorderRows rows_;  // that are left out
  StripTraffic<T> traffic_;
  int threads_ = 1;
  std::size_t tables_ = 0, strip_ = 0, start_ = 0, results_ = 0, row_offsets_ = 0, vector_offsets_ = 0,
              tap_offsets_ = 0, weight_offsets_ = 0, stretches_ = 0, worker_bytes_ = 0;
};

}  // namespace convgrad::gemm

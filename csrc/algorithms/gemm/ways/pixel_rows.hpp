// The same sums as pixels_from_strip, also with pixels as lanes, read from a strip of the input or from the input
// itself, and weights in place:
//
//     Z[o, pixel] = bias[o] + sum over taps of weights[o, tap] X[tap, pixel]
//
// but for several rows of pixels at a time, of one output channel: what is under row r of the kernel for one row of
// pixels is under row r - 1 for the next, so a vector is loaded once for all of them. Rows of the kernel that lie on
// the border are left out. Best for few output channels in a group, depthwise layers first.
//
// Loops, outermost first: tasks (pixel block, group; parallel) > tap blocks (a strip each) > runs of input channels
// > output channels > tiles of vectors (a column of rows each).
#pragma once

#include <cstddef>

#include "algorithms/common/blocks.hpp"
#include "algorithms/gemm/ways/correlation_operands.hpp"
#include "algorithms/gemm/ways/correlation_tasks.hpp"
#include "algorithms/gemm/ways/strip_blocks.hpp"
#include "algorithms/read/strip.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

// Only where rows share.
template <class T>
class PixelRows {
 public:
  PixelRows(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept { return threads_; }
  void describe(Text& text) const noexcept {
    text.line("way", "%s", "pixel_rows");
    tasks_.describe(text);
  }
  [[nodiscard]] const CorrelationTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept {
    return static_cast<std::size_t>(threads_) * worker_bytes_;
  }

  void run(const CorrelationOperands<T>& operands, void* workspace) const noexcept;

 private:
  struct Tile;
  struct Tables;
  struct Worker;

  void run_task(const CorrelationTask& task, const CorrelationTask& following, const Tensor<const T>& input,
                const Weights<T>& weights, const Bias<T>& bias, const Tensor<T>& output,
                const Worker& worker) const noexcept;
  void make_tables(const PixelBlock& pixels, const TapBlock& taps, const StripShape& shape, const Weights<T>& weights,
                   const Tensor<T>& to, const Worker& worker) const noexcept;
  void split_tiles(const Worker& worker) const noexcept;
  void store(const Tile& tile, const T* sums, const Tensor<T>& to, Index channel, const Worker& worker) const noexcept;
  [[nodiscard]] Index complete_pixels(Index tile, const PixelBlock& pixels, const Worker& worker) const noexcept;
  [[nodiscard]] Index most_columns_of_rows() const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  CorrelationTasks tasks_;
  bool keeps_sums_ = false;  // from one block of taps to the next
  bool meets_border_ = false;
  StripTraffic<T> traffic_;
  OutputStream<T> stream_;
  int threads_ = 1;
  std::size_t tables_ = 0, strip_ = 0, start_ = 0, sums_ = 0, gathered_ = 0, tiles_ = 0, vector_offsets_ = 0,
              result_offsets_ = 0, sum_offsets_ = 0, no_offsets_ = 0, columns_ = 0, plane_offsets_ = 0,
              plane_weights_ = 0, column_offsets_ = 0, all_rows_ = 0, worker_bytes_ = 0;
};

}  // namespace convgrad::gemm

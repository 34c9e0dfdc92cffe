// dK of few output channels (of a group), depthwise layers above all, or of few taps: lanes = pixels of a row,
//
//     dK[o, tap] = sum over pixels of G[pixel, o] X[pixel, tap]
//
// Every (o, tap) has its own vector of sums, one per column modulo the number of lanes, which is the same for every
// instruction set; the lanes are added up at the end in a fixed tree. X is read in place from the strip, which is the
// input itself where a block meets no border; G where it lies, if its pixels are neighbors. Tasks and parts of the sum
// are as in channel_sums.hpp.
#pragma once

#include <cstddef>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/grad_kernel/dot_tiles.hpp"
#include "algorithms/gemm/grad_kernel/grad_kernel_tasks.hpp"
#include "algorithms/read/strip.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

template <class T>
class PixelSums {
 public:
  PixelSums(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept { return threads_; }
  void describe(Text& text) const noexcept {
    text.line("way", "%s", "pixel_sums");
    tasks_.describe(text);
  }
  [[nodiscard]] const GradKernelTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept {
    return worker_begin_ + static_cast<std::size_t>(threads_) * worker_bytes_;
  }

  void run(const Tensor<const T>& grad_output, const Tensor<const T>& input, const Tensor<T>& grad_kernel,
           void* workspace) const noexcept;

 private:
  struct Worker;
  struct Piece;

  void accumulate(const GradKernelItem& item, const PixelPart& part, const Piece& following,
                  const Tensor<const T>& grad_output, const Tensor<const T>& input,
                  const Worker& worker) const noexcept;
  [[nodiscard]] Tensor<const T> grad_of(const GradKernelItem& item, const Tensor<const T>& grad_output) const noexcept;
  [[nodiscard]] bool grad_in_place(const PixelBlock& pixels, const Tensor<const T>& grad_output,
                                   const GradKernelItem& item) const noexcept;
  Tensor<const T> rows_of(const PixelBlock& block, const Tensor<const T>& item_grad, Index channels, bool in_place,
                          const Worker& worker) const noexcept;
  void add_channels(const GradKernelItem& item, const PixelBlock& pixels, const Tensor<const T>& rows, const T* next,
                    const StripShape& shape, const T* strip, Prefetch<T> next_input,
                    const Worker& worker) const noexcept;
  void add_kernel_rows(const GradKernelItem& item, const PixelBlock& pixels, const Tensor<const T>& rows,
                       const StripShape& shape, const T* strip, Prefetch<T> next_input, Prefetch<T> next_grad,
                       const Worker& worker) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  GradKernelTasks tasks_;
  bool input_in_place_ = true;
  bool grad_in_place_ = true;
  Index fewest_transposed_ = 0;  // output channels
  bool prefetches_grad_ = false;
  bool prefetches_input_ = false;
  DotTiles<T> tiles_;
  Index most_at_once_ = 0;   // pixels of a piece,
  Index most_together_ = 0;  // those whose input is copied,
  Index most_copied_ = 0;    // and those of which G is, where it does not lie in rows
  int threads_ = 1;
  std::size_t sums_ = 0, worker_begin_ = 0;
  std::size_t strip_ = 0, rows_ = 0, lanes_ = 0, left_rows_ = 0, right_rows_ = 0, tap_offsets_ = 0, worker_bytes_ = 0;
};

}  // namespace convgrad::gemm

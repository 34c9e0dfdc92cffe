// dK as the same GEMM with the roles turned: rows = taps, lanes = output channels, the sum runs over pixels and images:
//
//     dK[tap, o] = sum over pixels of X[pixel, tap] G[pixel, o]
//
// A task (grad_kernel_tasks.hpp) owns its accumulators and walks its pixel blocks in order. How the sum is cut into
// parts, and the order in which pixels come, depend on the shape alone, and parts are added in a fixed tree: the bits
// depend on neither threads nor instruction set.
#pragma once

#include <cstddef>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/grad_kernel/grad_kernel_tasks.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/read/strip.hpp"

namespace convgrad::gemm {

template <class T>
class ChannelSums {
 public:
  ChannelSums(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept { return threads_; }
  void describe(Text& text) const noexcept {
    text.line("way", "%s", "channel_sums");
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
  struct Source;
  struct Next;

  // Each panel goes to `grad_kernel`, unless that is null, as soon as its sums are complete.
  void accumulate(const GradKernelItem& item, const PixelPart& part, const Tensor<const T>& grad_output,
                  const Tensor<const T>& input, const Worker& worker, T* accumulators,
                  const Tensor<T>* grad_kernel) const noexcept;
  void fill_tap_offsets(const GradKernelItem& item, const StripShape& shape, const Worker& worker) const noexcept;
  void multiply_by_tap(const GradKernelItem& item, const PixelBlock& pixels, Index vectors, const T* strip,
                       const Worker& worker, const Accumulators<T>& sums, Next& next) const noexcept;
  void store(const GradKernelItem& item, const T* accumulators, const Tensor<T>& grad_kernel,
             const Worker& worker) const noexcept;
  void store_panel(const GradKernelItem& item, Index panel, const T* sums, const Tensor<T>& grad_kernel,
                   const Worker& worker) const noexcept;
  [[nodiscard]] Worker worker(void* workspace, int number) const noexcept;
  [[nodiscard]] StripShape::Order strip_order(const Tensor<const T>& input) const noexcept;
  // Whether tiles would read the input itself more slowly, though it lies as a strip does.
  [[nodiscard]] bool strip_pays(const GradKernelItem& item, const PixelBlock& pixels, const StripShape& shape,
                                const Tensor<const T>& input) const noexcept;
  // Whether the rows of an item's sums are its channels, tap by tap, and not its taps, channel by channel.
  [[nodiscard]] bool by_tap(const GradKernelItem& item) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  GradKernelTasks tasks_;
  Index accumulator_elements_ = 0;
  bool reads_in_place_ = true;
  bool leaves_out_border_ = false;
  Index fewest_by_tap_ = 0;  // channels of an item
  bool prefetches_input_ = false;
  bool prefetches_grad_ = false;
  bool prefetches_results_ = false;
  int threads_ = 1;
  std::size_t partial_ = 0, worker_begin_ = 0;
  std::size_t strip_ = 0, panel_ = 0, accumulators_ = 0, pixel_offsets_ = 0, tap_offsets_ = 0, offsets_by_channel_ = 0,
              ordered_ = 0, worker_bytes_ = 0;
};

}  // namespace convgrad::gemm

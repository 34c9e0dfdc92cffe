// What grad_kernel runs: the blocked GEMM with output channels as lanes, or with pixels as lanes where there are few
// channels. The two add up in different orders, so the choice, like everything that shapes a sum, depends on the shape
// alone.
#pragma once

#include <variant>

#include "algorithms/gemm/grad_kernel/channel_sums.hpp"
#include "algorithms/gemm/grad_kernel/pixel_sums.hpp"

namespace convgrad::gemm {

template <class T>
class GradKernel {
 public:
  GradKernel(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept;
  [[nodiscard]] const auto& lanes() const noexcept { return lanes_; }
  [[nodiscard]] bool swapped() const noexcept { return swapped_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept;
  void describe(Text& text) const noexcept;
  void run(const Tensor<const T>& grad_output, const Tensor<const T>& input, const Tensor<T>& grad_kernel,
           void* workspace) const noexcept;

 private:
  bool swapped_;  // G and V have changed places
  std::variant<ChannelSums<T>, PixelSums<T>> lanes_;
};

}  // namespace convgrad::gemm

// What grad_kernel runs: the blocked GEMM with output channels as lanes, with pixels as lanes where there are few
// channels, or with groups as lanes where there are many groups of few. The three add up in different orders, so the
// choice, like everything that shapes a sum, depends on the shape alone.
#pragma once

#include <variant>

#include "algorithms/algorithm.hpp"
#include "algorithms/gemm/grad_kernel/channel_sums.hpp"
#include "algorithms/gemm/grad_kernel/group_sums.hpp"
#include "algorithms/gemm/grad_kernel/pixel_sums.hpp"
#include "algorithms/gemm/way.hpp"

namespace convgrad::gemm {

template <class T>
class GradKernel {
 public:
  // `way` is one that serves, or automatic. Each way's sums have an order, or parts, of their own, so a forced one may
  // give other bits.
  GradKernel(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads, Way way) noexcept;
  static bool serves(Way way, const Geometry& geometry) noexcept;

  [[nodiscard]] int threads() const noexcept;
  [[nodiscard]] const auto& lanes() const noexcept { return lanes_; }
  [[nodiscard]] bool swapped() const noexcept { return swapped_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept;
  void describe(Text& text) const noexcept;
  void run(const Operands<T>& operands, void* workspace) const noexcept;

 private:
  bool swapped_;  // G and V have changed places
  std::variant<ChannelSums<T>, PixelSums<T>, GroupSums<T>> lanes_;
};

}  // namespace convgrad::gemm

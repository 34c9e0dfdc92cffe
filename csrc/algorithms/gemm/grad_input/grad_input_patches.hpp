// grad_input where no two taps meet (write/patches.hpp): K and G in the words of a correlation.
#pragma once

#include "algorithms/gemm/ways/channels_by_tile.hpp"
#include "algorithms/gemm/write/patches.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

template <class T>
class GradInputPatches {
 public:
  GradInputPatches(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
      : out_channels_(geometry.out_channels),
        lanes_(patch_product(geometry), kernels, threads, PatchSink<T>(geometry, kernels)) {}

  [[nodiscard]] int threads() const noexcept { return lanes_.threads(); }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return lanes_.workspace_bytes(); }

  void describe(Text& text) const noexcept {
    text.line("patches", "no two taps meet");
    lanes_.describe(text);
  }

  // `packed` may be null.
  void run(const Tensor<const T>& grad_output, const Tensor<const T>& kernel, const T* packed,
           const Tensor<T>& grad_input, void* workspace) const noexcept {
    lanes_.run({grad_output, weights(kernel), packed, {}, grad_input}, workspace);
  }

  [[nodiscard]] Index packed_elements() const noexcept { return lanes_.packed_elements(); }
  [[nodiscard]] bool reads_kernel_in_place() const noexcept { return false; }
  void pack(const Tensor<const T>& kernel, T* packed) const noexcept { lanes_.pack(weights(kernel), packed); }

 private:
  [[nodiscard]] Weights<T> weights(const Tensor<const T>& kernel) const noexcept {
    return {kernel.data,
            out_channels_ * kernel.outer,
            kernel.inner,
            kernel.outer,
            {kernel.axis[0], kernel.axis[1], kernel.axis[2]}};
  }

  Index out_channels_;
  ChannelsByTile<T, PatchSink<T>> lanes_;
};

}  // namespace convgrad::gemm

// Z: one correlation of V with K.
#pragma once

#include "algorithms/algorithm.hpp"
#include "algorithms/gemm/correlation.hpp"

namespace convgrad::gemm {

template <class T>
class Forward {
 public:
  Forward(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads, Way way) noexcept
      : out_channels_(geometry.out_channels), correlation_(geometry, kernels, WeightOrder::lanes_first, threads, way) {}

  static bool serves(Way way, const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
    return serves_correlation(way, geometry, kernels);
  }

  [[nodiscard]] int threads() const noexcept { return correlation_.threads(); }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return correlation_.workspace_bytes(); }
  void describe(Text& text) const noexcept { correlation_.describe(text); }
  void run(const Operands<T>& x, void* workspace) const noexcept {
    correlation_.run({x.first, weights(x.second), static_cast<const T*>(x.packed), {x.bias, x.bias_stride}, x.result},
                     workspace);
  }

  [[nodiscard]] Index packed_elements() const noexcept { return correlation_.packed_elements(); }
  [[nodiscard]] bool reads_kernel_in_place() const noexcept { return correlation_.packed_elements() == 0; }
  void pack(const Tensor<const T>& kernel, T* packed) const noexcept { correlation_.pack(weights(kernel), packed); }

 private:
  [[nodiscard]] Weights<T> weights(const Tensor<const T>& kernel) const noexcept {
    return {kernel.data,
            out_channels_ * kernel.outer,
            kernel.outer,
            kernel.inner,
            {kernel.axis[0], kernel.axis[1], kernel.axis[2]}};
  }

  Index out_channels_;
  Correlation<T> correlation_;
};

}  // namespace convgrad::gemm

// What grad_input runs: correlations of G, or the products of every tap with G and, where taps meet, their sums. They
// add up in different orders, so the choice depends on the shape alone.
#pragma once

#include <variant>

#include "algorithms/gemm/grad_input/columns.hpp"
#include "algorithms/gemm/grad_input/grad_input_patches.hpp"
#include "algorithms/gemm/grad_input/residues.hpp"

namespace convgrad::gemm {

template <class T>
class GradInput {
 public:
  GradInput(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept;
  [[nodiscard]] std::size_t workspace_bytes() const noexcept;
  void describe(Text& text) const noexcept;

  // `packed` may be null.
  void run(const Tensor<const T>& grad_output, const Tensor<const T>& kernel, const T* packed,
           const Tensor<T>& grad_input, void* workspace) const noexcept;

  // Some weights may be read in place, and have no place in what `pack` makes.
  [[nodiscard]] Index packed_elements() const noexcept;
  [[nodiscard]] bool reads_kernel_in_place() const noexcept;
  void pack(const Tensor<const T>& kernel, T* packed) const noexcept;

 private:
  std::variant<GradInputResidues<T>, GradInputColumns<T>, GradInputPatches<T>> way_;
};

}  // namespace convgrad::gemm

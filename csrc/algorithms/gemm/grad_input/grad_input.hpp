// What grad_input runs: correlations of G, one for each residue of the stride or all from one strip, or the products of
// every tap with G and, where taps meet, their sums. The last add up in another order, so that choice depends on the
// shape alone.
#pragma once

#include <variant>

#include "algorithms/algorithm.hpp"
#include "algorithms/gemm/grad_input/columns.hpp"
#include "algorithms/gemm/grad_input/grad_input_patches.hpp"
#include "algorithms/gemm/grad_input/group_residues.hpp"
#include "algorithms/gemm/grad_input/residues.hpp"
#include "algorithms/gemm/way.hpp"

namespace convgrad::gemm {

template <class T>
class GradInput {
 public:
  // `way` is one that serves, or automatic. The sums of columns have another order than those of the others, so a
  // forced way may give other bits.
  GradInput(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads, Way way) noexcept;
  static bool serves(Way way, const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

  [[nodiscard]] int threads() const noexcept;
  [[nodiscard]] std::size_t workspace_bytes() const noexcept;
  void describe(Text& text) const noexcept;

  void run(const Operands<T>& operands, void* workspace) const noexcept;

  // Some weights may be read in place, and have no place in what `pack` makes.
  [[nodiscard]] Index packed_elements() const noexcept;
  [[nodiscard]] bool reads_kernel_in_place() const noexcept;
  void pack(const Tensor<const T>& kernel, T* packed) const noexcept;

 private:
  std::variant<GradInputResidues<T>, GradInputColumns<T>, GradInputPatches<T>, GroupResidues<T>> way_;
};

}  // namespace convgrad::gemm

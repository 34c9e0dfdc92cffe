// dV as forward correlations of G with the kernel, its channel axes swapped and its taps reversed: one after the other,
// for each residue that some tap meets (common/residues.hpp). Where none does, dV is zero.
#pragma once

#include <memory>
#include <optional>

#include "algorithms/common/residues.hpp"
#include "algorithms/gemm/correlation.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

template <class T>
class GradInputResidues {
 public:
  // `way` is that of every residue, or automatic.
  GradInputResidues(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads,
                    Way way = Way::automatic) noexcept;
  // Whether the way can compute every residue.
  static bool serves(Way way, const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

  [[nodiscard]] int threads() const noexcept { return most_threads_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return workspace_bytes_; }

  void describe(Text& text) const noexcept;

  // `packed` may be null.
  void run(const Tensor<const T>& grad_output, const Tensor<const T>& kernel, const T* packed,
           const Tensor<T>& grad_input, void* workspace) const noexcept;

  // The packed weights of the residues one after the other; those of some may be read in place and have none.
  [[nodiscard]] Index packed_elements() const noexcept { return packed_elements_; }
  [[nodiscard]] bool reads_kernel_in_place() const noexcept { return reads_in_place_; }
  void pack(const Tensor<const T>& kernel, T* packed) const noexcept;

 private:
  [[nodiscard]] Correlation<T> plan(const Residue (&residue)[axes]) const noexcept;
  [[nodiscard]] Weights<T> weights(const Residue (&residue)[axes], const Tensor<const T>& kernel) const noexcept;
  // Calls visit(residue along each axis, correlation) for all that some tap meets, with their correlation: the one that
  // was made before, or else one that is made now.
  template <class Visit>
  void for_each_correlation(const Visit& visit) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  int threads_;
  Way forced_;
  bool leaves_zeros_ = false;                              // there are positions that no tap meets
  std::unique_ptr<std::optional<Correlation<T>>[]> kept_;  // unless there are too many for the memory
  int most_threads_ = 1;
  std::size_t workspace_bytes_ = 0;
  Index packed_elements_ = 0;
  bool reads_in_place_ = false;
};

}  // namespace convgrad::gemm

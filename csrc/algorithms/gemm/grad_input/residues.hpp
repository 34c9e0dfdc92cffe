// dV as forward correlations of G with the kernel, its channel axes swapped and its taps reversed: one for each residue
// of the input position modulo the stride, with just the taps that meet it. Together they touch every (pixel, tap) pair
// once: nothing is scattered and no zeros are inserted.
#pragma once

#include <memory>
#include <optional>

#include "algorithms/gemm/correlation.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

// Along one axis: the input positions first, first + s, first + 2s, ... and what reaches them. Position number u is met
// by the taps first_tap + q i (i = 0 .. taps - 1), from G at u + reach - dilation i.
struct Residue {
  Index first;
  Index count;
  Index first_tap;
  Index tap_step;  // q = s / gcd(s, d)
  Index taps;      // may be 0: then these positions of dV are zero
  Index reach;
  Index dilation;  // d / gcd(s, d)
};
Residue find_residue(Index first, Index input, Index kernel, Index stride, Index dilation, Index padding) noexcept;

// The correlation of G that gives the positions of these residues.
Geometry residue_geometry(const Geometry& geometry, const Residue (&residue)[axes]) noexcept;

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
  std::unique_ptr<std::optional<Correlation<T>>[]> kept_;  // where there are few, and memory for them
  int most_threads_ = 1;
  std::size_t workspace_bytes_ = 0;
  Index packed_elements_ = 0;
  bool reads_in_place_ = false;
};

}  // namespace convgrad::gemm

// The second half of grad_input by columns: a few channels' sums over taps, kept in the cache while the products of one
// block of G's pixels are added,
//
//     sums[channel, pixel * stride + tap * dilation] += P[(channel, tap), pixel]
//
// Channel after channel, each row cut by column modulo stride, so that what neighboring pixels add to are neighbors.
// They begin at the first position that a pixel of the block meets, on the border or not: nothing is clipped until the
// end.
#pragma once

#include "algorithms/gemm/ahead.hpp"
#include "algorithms/gemm/blocking.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// From the first tap to the last.
Index extent_of(const Geometry& geometry, int axis) noexcept;

// The positions of dV along one axis that a block is to store: those from `begin` to `end` - 1, of which earlier blocks
// have begun the ones before `begun`. Its sums start at `origin`.
struct SumSpan {
  Index origin;
  Index begin;
  Index begun;
  Index end;
};

template <class T>
class ColumnSums {
 public:
  // For blocks of `images` images and `size` pixels.
  ColumnSums(const Geometry& geometry, Index images, const Index (&size)[axes], Index channels) noexcept;

  // Kernels reach one vector further.
  [[nodiscard]] Index elements() const noexcept { return images_ * channels_ * channel_pitch_; }
  // What `store` needs besides.
  [[nodiscard]] Index row_elements() const noexcept { return channels_ * row_pitch_; }

  // Rows of P first .. last - 1, that is taps of channels, the last one first: each sum then meets G's pixels in their
  // order.
  // Kernels read `slack` elements before and behind the products.
  [[nodiscard]] Index slack(const kernels::KernelSet<T>& kernels) const noexcept {
    return phase_pitch_ + kernels.lanes;
  }
  void add(const kernels::KernelSet<T>& kernels, const T* products, Index product_pitch, Index first, Index last,
           T* sums) const noexcept;
  // `grad_input` is the whole tensor moved to the first image and channel. What earlier blocks have begun is loaded;
  // everything else starts from zero.
  void start(const kernels::KernelSet<T>& kernels, const SumSpan (&span)[axes], const Tensor<T>& grad_input,
             T* sums) const noexcept;
  void store(const kernels::KernelSet<T>& kernels, const SumSpan (&span)[axes], const T* sums, T* row,
             const Tensor<T>& grad_input) const noexcept;
  // Where they will be stored.
  [[nodiscard]] Ahead<T> ahead(const SumSpan (&span)[axes], const Tensor<T>& grad_input, Index steps) const noexcept;

 private:
  void add_terms(const kernels::KernelSet<T>& kernels, const T* products, const kernels::ShiftedTerm* terms,
                 Index count, Index row, Index phase, T* sums) const noexcept;
  void store_row(const kernels::KernelSet<T>& kernels, Index channels, Index first, Index last, const T* sums, T* row,
                 const Tensor<T>& to) const noexcept;

  const Geometry* geometry_;
  Index images_;
  Index size_[axes];
  Index channels_;
  Index phase_pitch_, row_pitch_, plane_pitch_, channel_pitch_;
};

}  // namespace convgrad::gemm

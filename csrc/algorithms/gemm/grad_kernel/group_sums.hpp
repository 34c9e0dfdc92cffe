// dK of many groups of few channels, depthwise layers above all: lanes are neighboring groups,
//
//     dK[v[g], o, tap] = sum over pixels of G[g, o, pixel] V[g, pixel, tap]
//
//     for each task (block of groups, taps, part of the pixels):
//         for each block of pixels: V copied into a strip whose elements are vectors of groups
//             for each output channel of a group: G transposed into vectors, too
//                 for each piece of the pixels and a few taps: add up
//
// Every lane has a sum of its own, so none are added up in the end, and what is done for a block of pixels is done for
// all its groups at once, which is what small maps need. A sum is that of pieces, each one chain over some rows of
// pixels, which are added to the part's sum in their order; parts are added in a fixed tree. Pieces and parts depend on
// the shape alone.
#pragma once

#include "algorithms/gemm/grad_kernel/grad_kernel_tasks.hpp"
#include "algorithms/gemm/grad_kernel/part_sums.hpp"
#include "algorithms/read/strip.hpp"
#include "core/text.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

template <class T>
class GroupSums {
 public:
  GroupSums(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  [[nodiscard]] const GradKernelTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }
  void describe(Text& text) const noexcept;

  void run(const Tensor<const T>& grad_output, const Tensor<const T>& input, const Tensor<T>& grad_kernel,
           void* workspace) const noexcept;

 private:
  struct Area {
    T* strip;
    T* dense;
    T* grads;  // [pixel][lane] of one output channel
    T* sums;   // [output channel][tap][lane]
    Index* tap_offsets;
  };
  // The tensors moved to the first group of a task.
  struct Block {
    Tensor<const T> grad_output;
    Tensor<const T> input;
    Index groups;
  };

  [[nodiscard]] Index sum_elements(const GradKernelItem& item) const noexcept;
  [[nodiscard]] Block block_of(const GradKernelItem& item, const Tensor<const T>& grad_output,
                               const Tensor<const T>& input) const noexcept;
  void accumulate(const GradKernelItem& item, const PixelPart& part, const Block& block, const Area& area,
                  T* sums) const noexcept;
  void add_pixels(const PixelBlock& pixels, const StripShape& shape, Index taps, const Area& area,
                  T* sums) const noexcept;
  void store(const GradKernelItem& item, const T* sums, const Tensor<T>& grad_kernel) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  GradKernelTasks tasks_;
  Index pitch_ = 0;  // from one part's sums to the next
  WorkAreas<Area, PartSums<T>> areas_;
};

}  // namespace convgrad::gemm

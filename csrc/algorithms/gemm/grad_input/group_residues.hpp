// dV of many groups of few channels with a stride, depthwise layers above all: lanes are neighboring groups, and all
// residues of a block of dV are computed from one strip of G,
//
//     dV[v[g], c, s u + first] = sum over o, and the taps i that meet it, of K[g, o, c, tap i] G[g, o, u + reach - d i]
//
//     for each task (block of groups, block of positions u):
//         G copied into a strip whose elements are vectors of groups
//         for each channel of a group:
//             for each residue of the stride: its positions, in tiles, to their places in a block of dV
//             the block transposed to dV
//
// No zeros are inserted and no residue has a plan of its own. Sums run in the order of residues.hpp: same bits.
#pragma once

#include <memory>

#include "algorithms/common/residues.hpp"
#include "algorithms/gemm/tasks/correlation_tasks.hpp"
#include "algorithms/read/strip.hpp"
#include "algorithms/read/weights.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

template <class T>
class GroupResidues {
 public:
  GroupResidues(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  // Where there are several groups and a stride, and what is kept of them is not too large.
  static bool serves(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  [[nodiscard]] const CorrelationTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }
  void describe(Text& text) const noexcept;

  void run(const Tensor<const T>& grad_output, const Tensor<const T>& kernel, const T* packed,
           const Tensor<T>& grad_input, void* workspace) const noexcept;

  [[nodiscard]] Index packed_elements() const noexcept;
  [[nodiscard]] bool reads_kernel_in_place() const noexcept { return false; }
  void pack(const Tensor<const T>& kernel, T* packed) const noexcept;

 private:
  struct Shared {
    T* weights;  // [block of groups][channel][residue][output channel][tap][lane]
  };
  struct Area {
    T* strip;
    T* dense;
    T* results;  // a block of dV of one channel: [position][lane]
    T* zeros;    // what sums start from
    Index* strip_offsets;
    Index* tap_offsets;
  };
  struct Block;

  static BlockingLimits limits_of(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;
  [[nodiscard]] Index taps_of_channel() const noexcept { return geometry_.out_channels * geometry_.taps_per_channel(); }
  void pack_block(Index block, const Tensor<const T>& kernel, T* packed) const noexcept;
  void run_task(const CorrelationTask& task, const Tensor<const T>& grad_output, const T* weights,
                const Tensor<T>& grad_input, const Area& area) const noexcept;
  void multiply(const Block& block, const Residue (&residue)[axes], const T* weights, const Area& area) const noexcept;
  Index fill_tap_offsets(const Residue (&residue)[axes], const Area& area) const noexcept;

  Geometry geometry_;
  Geometry reach_;      // a correlation of G whose kernel covers what any residue reads
  Index lowest_[axes];  // of G, that position 0 of any residue reads, relative to pixel 0
  bool leaves_zeros_;   // some positions are met by no tap
  const kernels::KernelSet<T>* kernels_;
  CorrelationTasks tasks_;
  WorkAreas<Area, Shared> areas_;
};

}  // namespace convgrad::gemm

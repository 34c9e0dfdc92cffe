// dK of few output channels (of a group), depthwise layers above all, or of few taps: lanes are pixels of a row,
//
//     dK[o, tap] = sum over pixels of G[pixel, o] V[pixel, tap]
//
//     for each task (output channels, taps, part of the pixels):      a vector of sums for each (o, tap)
//         for each piece of a block of pixels:                         V and G in place, or copied
//             for each tile of output channels and taps: add up the piece's rows of pixels
//         add up the lanes
//
// Every (o, tap) has its own vector of sums, one per column modulo the number of lanes, which is the same for every
// instruction set; the lanes are added up at the end in a fixed tree. V is read in place where a block meets no border
// and from the strip elsewhere, G where it lies if its pixels are neighbors. Tasks and parts of the sum are as in
// channel_sums.hpp.
#pragma once

#include <cstddef>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/grad_kernel/dot_tiles.hpp"
#include "algorithms/gemm/grad_kernel/grad_kernel_tasks.hpp"
#include "algorithms/gemm/grad_kernel/part_sums.hpp"
#include "algorithms/read/strip.hpp"
#include "core/phases.hpp"
#include "core/text.hpp"
#include "core/work_areas.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

template <class T>
class PixelSums {
 public:
  PixelSums(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  [[nodiscard]] const GradKernelTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }
  void describe(Text& text) const noexcept;

  void run(const Tensor<const T>& grad_output, const Tensor<const T>& input, const Tensor<T>& grad_kernel,
           void* workspace) const noexcept;

 private:
  struct Area {
    T* strip;
    T* rows;   // of G, copied
    T* lanes;  // [tile by tile: output channel, tap][sum_lanes]
    Index* left_rows;
    Index* right_rows;
    Index* tap_offsets;
  };
  // A run's operands, and what their strides decide.
  struct Binding {
    Tensor<const T> grad_output;
    Tensor<const T> input;
    bool grad_in_rows;        // it can be read in place
    Index fewest_transposed;  // channels of G, where it has to be copied
  };
  struct Piece;
  struct Task;
  struct Sources;

  void decide_pieces(const Tuning& tuning) noexcept;
  void reserve_areas() noexcept;

  [[nodiscard]] Binding bind(const Tensor<const T>& grad_output, const Tensor<const T>& input) const noexcept;

  [[nodiscard]] Task task_of(const Binding& run, const Area& area, Index index, Index next) const noexcept;
  void accumulate(const Task& task) const noexcept;
  [[nodiscard]] Index pixels_of_piece(const Task& task, const PixelBlock& block) const noexcept;
  void add_piece(const Task& task, const PixelBlock& pixels, const Piece& next, PhaseTimer& timer) const noexcept;
  void add_channels(const Task& task, const PixelBlock& pixels, const Sources& from) const noexcept;
  void add_kernel_rows(const Task& task, const PixelBlock& pixels, const Sources& from) const noexcept;

  [[nodiscard]] StripShape shape_of(const Task& task, const PixelBlock& pixels) const noexcept;
  bool reads_input_in_place(const Task& task, const PixelBlock& pixels, StripShape& shape,
                            const T*& strip) const noexcept;
  [[nodiscard]] bool reads_grad_in_place(const Task& task, const PixelBlock& pixels) const noexcept;
  [[nodiscard]] Tensor<const T> grad_of(const Binding& run, const GradKernelItem& item) const noexcept;
  [[nodiscard]] Tensor<const T> copy_grad(const Task& task, const PixelBlock& pixels) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  GradKernelTasks tasks_;
  DotTiles<T> tiles_;
  WorkAreas<Area, PartSums<T>> areas_;
  Index part_elements_ = 0;      // of an item's sums, at most
  Index piece_pixels_ = 0;       // at most, of a piece,
  Index strip_pixels_ = 0;       // of one whose input is copied,
  Index copied_pixels_ = 0;      // and of one whose G is
  bool input_in_place_ = false;  // where it lies so
  bool grad_in_place_ = false;
  Index fewest_transposed_ = 0;  // channels of G
  bool prefetches_grad_ = false;
  bool prefetches_input_ = false;
};

}  // namespace convgrad::gemm

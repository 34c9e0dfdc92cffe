// dK with output channels as lanes: the same GEMM with the roles exchanged. Rows are taps, and the sum runs over
// pixels:
//
//     dK[tap, o] = sum over pixels of V[pixel, tap] G[pixel, o]
//
//     for each task (output channels, taps, part of the pixels):      its sums stay in the second-level cache
//         for each block of pixels:                                    V in place, or copied into a strip
//             for each panel of output channels:                       G packed
//                 for each tile of taps: add up the block's pixels
//
// Tasks are cut as grad_kernel_tasks.hpp says. How the sum is cut into parts, and the order in which pixels come,
// depend on the shape alone, and parts are added in a fixed tree: bits depend on neither threads nor instruction set.
#pragma once

#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/grad_kernel/grad_kernel_tasks.hpp"
#include "algorithms/gemm/grad_kernel/part_sums.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/read/strip.hpp"
#include "core/text.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

template <class T>
class ChannelSums {
 public:
  ChannelSums(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  [[nodiscard]] const GradKernelTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }
  void describe(Text& text) const noexcept;

  void run(const Tensor<const T>& grad_output, const Tensor<const T>& input, const Tensor<T>& grad_kernel,
           void* workspace) const noexcept;

 private:
  struct Area {
    T* strip;
    T* panel;
    T* sums;  // panel by panel: [taps][width]
    Index* pixel_offsets;
    Index* tap_offsets;
    Index* offsets_by_channel;  // of the taps, before they go tap by tap
    T* ordered;                 // the sums of a panel, channel by channel
  };
  // A run's operands, and what their strides decide.
  struct Binding {
    Tensor<const T> grad_output;
    Tensor<const T> input;
    Tensor<T> grad_kernel;
    StripShape::Order order;  // of a strip
    bool prefetches_grad;
    // How often an element must be used to pay for copying it into the strip because cache lines conflict where it
    // lies: under most blocks of taps, and under those of the last channels if these are fewer.
    Index fewest_uses_of_copy[2];
  };
  struct Task;
  struct Block;
  struct Prefetches;

  void decide_border(const Tuning& tuning) noexcept;
  void decide_reading(const Tuning& tuning) noexcept;
  void reserve_areas() noexcept;
  // Whether the rows of the sums of an item of so many input channels are these, tap by tap, and not its taps, channel
  // by channel.
  [[nodiscard]] bool by_tap(Index channels) const noexcept { return leaves_out_border_ && channels >= fewest_by_tap_; }

  [[nodiscard]] Binding bind(const Tensor<const T>& grad_output, const Tensor<const T>& input,
                             const Tensor<T>& grad_kernel) const noexcept;
  [[nodiscard]] Index fewest_uses_of_copy(Index channels, const Tensor<const T>& input) const noexcept;

  [[nodiscard]] Task task_of(const Binding& run, const Area& area, const GradKernelItem& item,
                             T* part_sums) const noexcept;
  // Each panel is stored as soon as its sums are complete, if they are the results.
  void accumulate(const Task& task, const PixelPart& part) const noexcept;
  void read_input(const Task& task, bool leaves_out_border, Block& block) const noexcept;
  [[nodiscard]] bool copy_pays(const Task& task, const PixelBlock& pixels, const StripShape& shape) const noexcept;
  void fill_tap_offsets(const Task& task, const StripShape& shape) const noexcept;
  void pack_panel(const Task& task, const PixelBlock& pixels, Index panel) const noexcept;
  void add_panel(const Task& task, Index panel, Block& block, Prefetches& next) const noexcept;
  void add_by_tap(const Task& task, Index vectors, const Block& block, const Accumulators<T>& sums,
                  Prefetches& next) const noexcept;
  [[nodiscard]] Prefetch<T> prefetch_of_grad(const Task& task, Index panel, const Block& block) const noexcept;
  [[nodiscard]] Prefetch<T> prefetch_of_results(const Task& task, Index panel) const noexcept;
  [[nodiscard]] Index tiles_of_panel(const Task& task) const noexcept;
  [[nodiscard]] T* panel_sums(const Task& task, Index panel) const noexcept;
  void store(const Task& task) const noexcept;
  void store_panel(const Task& task, Index panel) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  GradKernelTasks tasks_;
  WorkAreas<Area, PartSums<T>> areas_;
  Index part_elements_ = 0;  // of an item's sums, at most
  bool leaves_out_border_ = false;
  Index fewest_by_tap_ = 0;  // channels of an item
  bool reads_in_place_ = false;
  bool transposes_ = false;          // pixels of an NHWC array, into the strip
  bool copies_conflicting_ = false;  // into the strip, what lies close, but in too few sets of the cache
  bool prefetches_input_ = false;
  bool prefetches_grad_ = false;
  bool prefetches_results_ = false;
};

}  // namespace convgrad::gemm

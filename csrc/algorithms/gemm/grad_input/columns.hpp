// dV where a stride or few input channels leave a correlation of G too little to do at a time. First one matrix product
// for each block of G's pixels, with every tap of every channel as a row of its own,
//
//     P[(channel, tap), pixel] = sum over o of K[o, channel, tap] G[o, pixel]
//
// and then, while P is still in the cache, the sums over taps ("col2im"):
//
//     dV[channel, pixel * stride - padding + tap * dilation] += P[(channel, tap), pixel]
//
// An element of dV adds up its terms in the order of G's pixels, whatever the blocks and tasks. Loops, outermost first:
// tasks (group, images, box of positions, range of channels; parallel) > blocks of pixels > chunks of channels.
#pragma once

#include <cstddef>

#include "algorithms/common/blocks.hpp"
#include "algorithms/gemm/grad_input/column_sums.hpp"
#include "algorithms/gemm/grad_input/column_tasks.hpp"
#include "algorithms/gemm/grad_input/column_weights.hpp"
#include "algorithms/gemm/panels/pixel_panels.hpp"

namespace convgrad::gemm {

template <class T>
class GradInputColumns {
 public:
  GradInputColumns(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  [[nodiscard]] const ColumnTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }

  void describe(Text& text) const noexcept {
    text.line("way", "%s", "columns");
    tasks_.describe(text);
    text.line("run", "%lld output channels, strips of %lld", static_cast<long long>(run_),
              static_cast<long long>(strip_channels_));
  }

  // `packed` may be null.
  void run(const Tensor<const T>& grad_output, const Tensor<const T>& kernel, const T* packed,
           const Tensor<T>& grad_input, void* workspace) const noexcept;

  [[nodiscard]] Index packed_elements() const noexcept { return weights_.elements(); }
  [[nodiscard]] bool reads_kernel_in_place() const noexcept { return false; }
  void pack(const Tensor<const T>& kernel, T* packed) const noexcept;

 private:
  struct Shared {
    T* packed;
  };
  struct Area {
    T* strip;
    T* panels;
    T* products;
    typename ColumnSums<T>::Area sums;
    T* zeros;
    Index* unfilled;
    Index* row_offsets;
    Index* channel_offsets;
    Index* reduction;
  };
  // What is read after a block.
  struct Next {
    Index group;
    PixelBlock pixels;
  };

  void reserve_areas(const ColumnSums<T>& sums) noexcept;
  void run_task(const ColumnTask& task, const ColumnTask& next, const Tensor<const T>& grad_output, const T* packed,
                const Tensor<T>& grad_input, const Area& area) const noexcept;
  void run_block(const ColumnTask& task, const PixelBlock& pixels, const Next& next, const Tensor<const T>& grad_output,
                 const T* packed, const Tensor<T>& grad_input, const Area& area) const noexcept;
  const T* fill_panels(Index group, const PixelBlock& pixels, const Tensor<const T>& grad_output, Index run,
                       Index length, const Area& area, T* panels) const noexcept;
  void multiply(const T* in_place, const T* weights, const ColumnTiles& tiles, Index pixels, Index run, Index length,
                T* panels, Prefetch<T>& reads, Prefetch<T>& stores, const Area& area) const noexcept;

  Geometry geometry_;
  Geometry product_;  // of the 1x1 correlation that P is
  const kernels::KernelSet<T>* kernels_;
  Index width_;  // of a panel
  ColumnTasks tasks_;
  Index run_;  // output channels of a panel
  Index strip_channels_ = 1;
  ColumnWeights<T> weights_;
  ColumnSumLimits sum_limits_{};
  bool single_tile_ = false;
  bool prefetches_results_ = false;
  bool prefetches_input_ = false;
  Index padded_pixels_ = 0, product_slack_ = 0;
  WorkAreas<Area, Shared> areas_;
};

}  // namespace convgrad::gemm

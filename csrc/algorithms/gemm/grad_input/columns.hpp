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
// tasks (group, images, box of positions, range of channels; parallel) > blocks of pixels > chunks of channels > runs
// of output channels > tiles > panels. All chunks of a block read the panels that the first one has filled.
#pragma once

#include <cstddef>

#include "algorithms/common/blocks.hpp"
#include "algorithms/gemm/grad_input/column_sums.hpp"
#include "algorithms/gemm/grad_input/column_tasks.hpp"
#include "algorithms/gemm/grad_input/column_weights.hpp"
#include "algorithms/gemm/panels/pixel_panels.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

// What shape and machine decide.
struct ColumnDecision {
  Index width = 0;           // lanes of a panel
  Index run_channels = 0;    // output channels of a panel
  Index strip_channels = 1;  // that are copied at a time
  Index padded_pixels = 0;   // of the largest block, in whole panels
  Index product_slack = 0;   // elements before and behind the products
  bool single_tile = false;  // reads each panel once: the next run overwrites it
  bool transposes = false;   // panels come right out of G where channels are its neighbors
  bool reads_in_place = false;
  bool fills_panels = false;  // the first tile does, from G in place
  bool prefetches_results = false;
  bool prefetches_grad = false;
  ColumnSumLimits sums{};
};

template <class T>
class GradInputColumns {
 public:
  GradInputColumns(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept;

  [[nodiscard]] int threads() const noexcept { return areas_.workers; }
  [[nodiscard]] const ColumnTasks& tasks() const noexcept { return tasks_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return areas_.bytes(); }

  void describe(Text& text) const noexcept;

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
    T* zeros;            // that the sums over output channels start from
    Index* unfilled;     // of each panel: where in G its pixels lie if it is not filled yet
    Index* row_offsets;  // of a tile's weights
    Index* channel_offsets;
    Index* reduction;  // offsets of a run of a tile's weights, for each height of tiles
  };
  // What is the same for a whole run.
  struct Binding {
    const Tensor<const T>& grad_output;
    const T* packed;
    const Tensor<T>& grad_input;
    bool transposes;
  };
  // What is read after a block.
  struct Next {
    Index group;
    PixelBlock pixels;
  };
  struct Work;        // a block of a task
  struct Chunk;       // of its channels
  struct ChannelRun;  // of its output channels
  struct Tile;        // rows of products

  void decide(const Tuning& tuning) noexcept;
  void reserve_areas() noexcept;
  [[nodiscard]] ColumnSums<T> sums_of_largest_block() const noexcept;

  void run_task(const Binding& bound, const ColumnTask& task, const ColumnTask& next, const Area& area) const noexcept;
  void fill_tables(const Area& area) const noexcept;
  void run_block(const Binding& bound, const ColumnTask& task, const PixelBlock& pixels, const Next& next,
                 const Area& area) const noexcept;
  void run_chunk(Work& work, Index first_channel, PhaseTimer& timer) const noexcept;
  void prefetch_next_block(Work& work) const noexcept;
  void prefetch_next_run(Work& work, const ChannelRun& run) const noexcept;
  void fill_panels(const Work& work, ChannelRun& run) const noexcept;
  void copy_panels(const Work& work, const ChannelRun& run, const Tensor<const T>& from) const noexcept;
  void multiply(Work& work, Chunk& chunk, const ChannelRun& run) const noexcept;
  void sweep_panels(Work& work, Chunk& chunk, const ChannelRun& run, const Tile& tile) const noexcept;

  Geometry geometry_;
  Geometry product_;  // of the 1x1 correlation that P is
  const kernels::KernelSet<T>* kernels_;
  ColumnTasks tasks_;
  ColumnWeights<T> weights_;
  ColumnDecision decided_;
  WorkAreas<Area, Shared> areas_;
};

}  // namespace convgrad::gemm

// How grad_input by columns is cut. Blocks of G's pixels and chunks of channels are what the cache holds, and less
// where that gives every thread its share; the weights are packed chunk by chunk. Tasks (group, images, box of
// positions of dV, range of channels) follow the number of threads: each owns its part of dV, and computes again what
// it needs of pixels that other boxes meet, too. Sums do not depend on any of these cuts.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/machine.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/grad_input/column_sums.hpp"
#include "algorithms/read/blocking.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

struct ColumnTask {
  Index group = 0;
  Index first_image = 0;
  Index images = 0;
  Index first_channel = 0;  // input channels, within the group
  Index channels = 0;
  Index begin[axes] = {}, end[axes] = {};              // positions of dV
  Index first_pixel[axes] = {}, end_pixel[axes] = {};  // of G, that meet them

  [[nodiscard]] bool empty() const noexcept { return begin[0] == end[0] || begin[1] == end[1] || begin[2] == end[2]; }
};

class ColumnTasks {
 public:
  ColumnTasks() = default;
  // One worker gets all of dV, group after group and as many images at a time as make a block. For several it is the
  // cut after which all are done soonest.
  template <class T>
  ColumnTasks(const Geometry& geometry, const kernels::KernelSet<T>& kernels, Index workers) noexcept
      : ColumnTasks(tuning_of(kernels), geometry,
                    {sizeof(T), kernels.lanes, Index{kernels.lanes} * kernels.tile_vectors, kernels.tile_rows},
                    workers) {}

  // The largest block of pixels, of any task.
  [[nodiscard]] Index images() const noexcept { return images_; }
  [[nodiscard]] const Index (&size() const noexcept)[axes] { return size_; }
  [[nodiscard]] Index most_pixels() const noexcept { return images_ * size_[0] * size_[1] * size_[2]; }
  // Channels of a chunk; the last one of all may be smaller.
  [[nodiscard]] Index chunk() const noexcept { return chunk_; }
  // The distance between rows of products: a line more than they need, since rows a power of two apart would all fall
  // into the same sets of the first-level cache.
  [[nodiscard]] Index product_pitch() const noexcept {
    return round_up(most_pixels(), vectors_.panel_lanes) + cache_line_bytes / vectors_.element_bytes;
  }
  // Whether one tile does all rows of P that a task has, so that each panel is read once.
  [[nodiscard]] bool has_single_tile() const noexcept {
    return tuning_->columns_single_tile != 0 && channels_per_task_ <= chunk_ &&
           chunk_ * geometry_.taps_per_channel() <= vectors_.tile_rows;
  }
  // Output channels of a panel.
  [[nodiscard]] Index run_channels() const noexcept;

  [[nodiscard]] Index count() const noexcept {
    return geometry_.groups * image_ranges() * boxes_[0] * boxes_[1] * boxes_[2] * channel_ranges();
  }
  [[nodiscard]] ColumnTask task(Index index) const noexcept;
  void describe(Text& text) const noexcept;
  // What the largest task takes, in multiplications.
  [[nodiscard]] double largest_cost() const noexcept;
  // That the kernels do for a task, lanes without a result counted.
  [[nodiscard]] double multiplications(const ColumnTask& task) const noexcept;

  // Blocks in the order of G's pixels.
  template <class Visit>
  void for_each_block(const ColumnTask& task, const Visit& visit) const noexcept {
    Index step[axes];
    for (int a = 0; a < axes; ++a) step[a] = even_piece(task.end_pixel[a] - task.first_pixel[a], size_[a]);
    PixelBlock block;
    block.first_image = task.first_image;
    block.images = task.images;
    for (Index i = task.first_pixel[0]; i < task.end_pixel[0]; i += step[0])
      for (Index j = task.first_pixel[1]; j < task.end_pixel[1]; j += step[1])
        for (Index k = task.first_pixel[2]; k < task.end_pixel[2]; k += step[2]) {
          const Index first[axes] = {i, j, k};
          for (int a = 0; a < axes; ++a) {
            block.first[a] = first[a];
            block.size[a] = smaller(step[a], task.end_pixel[a] - first[a]);
          }
          visit(block);
        }
  }
  // The first of them.
  [[nodiscard]] PixelBlock first_block(const ColumnTask& task) const noexcept {
    PixelBlock block;
    block.first_image = task.first_image;
    block.images = task.images;
    for (int a = 0; a < axes; ++a) {
      block.first[a] = task.first_pixel[a];
      block.size[a] = even_piece(task.end_pixel[a] - task.first_pixel[a], size_[a]);
    }
    return block;
  }
  // What a block of a task adds to along one axis, and stores.
  [[nodiscard]] SumSpan span(int axis, const ColumnTask& task, const PixelBlock& block) const noexcept;

 private:
  // What a cut asks of the kernel set.
  struct Vectors {
    Index element_bytes, lanes, panel_lanes, tile_rows;
  };
  ColumnTasks(const Tuning& tuning, const Geometry& geometry, const Vectors& vectors, Index workers) noexcept;

  [[nodiscard]] Index image_ranges() const noexcept { return divide_up(geometry_.batch, images_); }
  [[nodiscard]] Index channel_ranges() const noexcept { return divide_up(geometry_.in_channels, channels_per_task_); }
  [[nodiscard]] Index fitting(Index bytes, Index elements) const noexcept;
  [[nodiscard]] Index sum_elements(Index channels) const noexcept;
  void choose_block() noexcept;
  void choose_chunk() noexcept;
  void share(Index workers) noexcept;
  void cut_channels(Index ranges, Index most_of_chunk) noexcept;
  void offer_boxes(Index workers, Index most_tasks, SoonestCut<ColumnTasks>& search) const noexcept;
  [[nodiscard]] Index pixels_again(int axis) const noexcept;
  [[nodiscard]] Index box_pixels(int axis) const noexcept;
  void place(int axis, Index box, ColumnTask& task) const noexcept;

  Geometry geometry_;
  const Tuning* tuning_ = nullptr;  // for the plan alone: a run asks for nothing that depends on it
  Vectors vectors_{1, 1, 1, 1};
  Index most_images_ = 1;
  Index images_ = 1;
  Index size_[axes] = {1, 1, 1};
  Index chunk_ = 1;
  Index channels_per_task_ = 1;
  Index boxes_[axes] = {1, 1, 1};
};

}  // namespace convgrad::gemm

// A sink says what the lanes of a panel are: whose weights they take, and where their sums go. ChannelsByTile has one
// as a parameter, and knows nothing of layouts of results. Every sink has
//
//     pack(weights, lanes, channels, panel)           the weights of a panel
//     Block(sink, output, group, pixels)              the results of a block of pixels, made once for a task:
//       chunk_end(first)                              where the chunk ends that begins at this pixel
//       prefetch_panel, prefetch_chunk(…, prefetch)   the memory that results go to, panel by panel or chunk by chunk
//       store(chunk, lanes)                           a chunk's sums leave
//
// Here each lane is an output channel, and pixels lie in a tensor of any strides.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/gemm/write/chunk.hpp"
#include "algorithms/gemm/write/unpack.hpp"
#include "algorithms/read/weights.hpp"
#include "algorithms/tuning.hpp"
#include "core/text.hpp"

namespace convgrad::gemm {

template <class T>
class ChannelSink {
 public:
  ChannelSink(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept
      : kernels_(&kernels),
        channels_(geometry.out_channels),
        kernel_{geometry.kernel[0], geometry.kernel[1], geometry.kernel[2]},
        cut_{larger(1, tuning_of(kernels).by_tile_chunk_pixels), kernels.lanes} {}

  // Whether a lane's weights are those of an output channel, so that a panel's rows may lie in the weights as they are.
  static constexpr bool lanes_are_channels = true;

  void describe(Text& text) const noexcept {
    text.line("writes", "%lld pixels of a panel at a time, transposed unless channels are neighbors there",
              static_cast<long long>(cut_.pixels));
  }

  // `weights` begins at the group's first lane.
  void pack(Weights<T> weights, const PanelLanes& lanes, Index channels, T* panel) const noexcept {
    weights.data += lanes.first * weights.lane;
    pack_weights(*kernels_, weights, channels, kernel_, lanes.count, lanes.width, panel);
  }

  class Block {
   public:
    Block(const ChannelSink& sink, const Tensor<T>& output, Index group, const PixelBlock& pixels) noexcept
        : sink_(sink),
          box_{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}},
          count_(pixels.count()),
          output_(at_block(output, pixels)),
          stretch_(adjacent_pixels(box_, output_)) {
      output_.data += group * sink.channels_ * output.inner;
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    [[nodiscard]] Index chunk_end(Index first) const noexcept { return sink_.cut_.end(first, count_, stretch_); }

    // Where the pixels of an image are neighbors, but images lie apart: all of the panel's.
    void prefetch_panel(const PanelLanes& lanes, Prefetch<T>& prefetch) const noexcept {
      if (stretch_ >= count_ || stretch_ * box_.images != count_) return;
      prefetch = {{output_.data + lanes.first * output_.inner, output_.inner, lanes.count, stretch_},
                  box_.images,
                  output_.outer,
                  divide_up(count_, sink_.kernels_->tile_rows)};
    }
    void prefetch_chunk(Index first, Index last, const PanelLanes& lanes, Prefetch<T>& prefetch) const noexcept {
      if (stretch_ < count_ && stretch_ != 1) return;
      prefetch = prefetch_of_pixels(at(lanes), box_, first, last, lanes.count,
                                    divide_up(last - first, sink_.kernels_->tile_rows));
    }

    void store(const Chunk<T>& chunk, const PanelLanes& lanes) const noexcept {
      unpack_pixels(*sink_.kernels_, chunk.sums, lanes.width, box_, chunk.first, chunk.last, lanes.count, at(lanes));
    }

   private:
    [[nodiscard]] Tensor<T> at(const PanelLanes& lanes) const noexcept {
      Tensor<T> panel = output_;
      panel.data += lanes.first * output_.inner;
      return panel;
    }

    const ChannelSink& sink_;
    PixelBox box_;
    Index count_;
    Tensor<T> output_;  // of the group, from the block's first pixel on
    Index stretch_;     // of pixels that are neighbors
  };

 private:
  const kernels::KernelSet<T>* kernels_;
  Index channels_;  // of a group
  Index kernel_[axes];
  ChunkCut cut_;
};

}  // namespace convgrad::gemm

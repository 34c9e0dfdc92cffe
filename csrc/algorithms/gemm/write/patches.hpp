// grad_input where no two taps meet: with a stride of the kernel's size or more, every pixel of G has a patch of dV to
// itself,
//
//     dV[c, pixel * stride + tap] = sum over o of K[o, (c, tap)] G[o, pixel],
//
// one 1x1 correlation of G whose output channels are the channels and taps of K. Here is how its lanes, each a channel
// and a tap, are read from K and written to dV, with zeros between the patches.
#pragma once

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/gemm/write/chunk.hpp"
#include "algorithms/read/weights.hpp"
#include "algorithms/tuning.hpp"
#include "core/text.hpp"

namespace convgrad::gemm {

// Whether a layer's grad_input is one.
bool has_patches(const Geometry& layer) noexcept;

Geometry patch_product(const Geometry& layer) noexcept;

// How patches are written, which follows from strides and dV's layout.
enum class PatchLayout {
  spread,      // one tap, pixels two elements apart: one lane after the other, in turns with zeros
  interleave,  // at most two elements apart: one lane after the other, in turns with the next lane's, or with zeros
  channels,    // one tap, channels are neighbors: all lanes of a pixel after one another
  rows,        // the lanes of a row of the kernel after one another, pixel by pixel
  scatter      // the same, elements apart
};

// The sink (channel_sink.hpp) of such a correlation: `output` is dV.
template <class T>
class PatchSink {
 public:
  PatchSink(const Geometry& layer, const kernels::KernelSet<T>& kernels) noexcept
      : layer_(layer), kernels_(&kernels), cut_{larger(1, tuning_of(kernels).by_tile_chunk_pixels), kernels.lanes} {}

  static constexpr bool lanes_are_channels = false;

  void describe(Text& text) const noexcept {
    text.line("writes", "%s", "patches of whole rows of pixels, and the zeros between them");
  }

  // `weights.lane` is K's stride from one input channel to the next, `weights.axis` those of its taps.
  void pack(Weights<T> weights, const PanelLanes& lanes, Index channels, T* panel) const noexcept;

  class Block {
   public:
    Block(const PatchSink& sink, const Tensor<T>& grad_input, Index group, const PixelBlock& pixels) noexcept;
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    // Whole rows of pixels, as many as leave the least of a tile unused, unless they are long: what lies between the
    // pixels of a stride goes on from row to row.
    [[nodiscard]] Index chunk_end(Index first) const noexcept;

    void prefetch_panel(const PanelLanes&, Prefetch<T>&) const noexcept {}
    void prefetch_chunk(Index first, Index last, const PanelLanes& lanes, Prefetch<T>& prefetch) const noexcept;

    // And the zeros that follow these pixels.
    void store(const Chunk<T>& chunk, const PanelLanes& lanes) const noexcept;

   private:
    const PatchSink& sink_;
    PixelBlock pixels_;
    Index count_;
    Tensor<T> grad_input_;  // the whole tensor moved to the group's first channel
    PatchLayout layout_;
  };

 private:
  Geometry layer_;
  const kernels::KernelSet<T>* kernels_;
  ChunkCut cut_;
};

}  // namespace convgrad::gemm

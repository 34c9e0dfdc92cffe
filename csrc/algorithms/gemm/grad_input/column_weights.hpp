// K as grad_input by columns reads it: tile after tile, the rows of P that make one, each a channel and a tap, next to
// each other for every output channel. One stream to read, and a range of chunks of channels is a part of it.
#pragma once

#include "algorithms/tuning.hpp"
#include "core/geometry.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// A chunk's rows of P as tiles of nearly the same height.
struct ColumnTiles {
  Index rows;
  Index count;
  [[nodiscard]] Index first_row(Index tile) const noexcept { return rows * tile / count; }
};

template <class T>
class ColumnWeights {
 public:
  // For chunks of `chunk` channels.
  ColumnWeights(const Geometry& geometry, const kernels::KernelSet<T>& kernels, Index chunk) noexcept
      : geometry_(geometry),
        kernels_(&kernels),
        chunk_(chunk),
        packs_vectors_(tuning_of(kernels).columns_packs_vectors != 0) {}

  [[nodiscard]] Index elements() const noexcept {
    return geometry_.groups * geometry_.in_channels * geometry_.taps_per_channel() * geometry_.out_channels;
  }
  void pack(const Tensor<const T>& kernel, int threads, T* packed) const noexcept;

  // Where a channel's weights begin, counted through all groups, if it is the first of a chunk.
  [[nodiscard]] Index offset(Index channel) const noexcept {
    return channel * geometry_.taps_per_channel() * geometry_.out_channels;
  }
  [[nodiscard]] ColumnTiles tiles(Index rows) const noexcept { return {rows, divide_up(rows, kernels_->tile_rows)}; }

 private:
  // Weights of `count` tiles, where tile i has the rows rows[i] .. rows[i + 1] - 1 of P: as single elements, or, where
  // neighbors in a tile are neighbors in K, in whole vectors as far as possible.
  void pack_tiles(const Tensor<const T>& kernel, Index out_channel, const Index* rows, Index count,
                  T* to) const noexcept;
  Index pack_vectors(const T* from, Index pitch, const Index* rows, Index count, T* to) const noexcept;
  [[nodiscard]] Index offset_in(const Tensor<const T>& kernel, Index row) const noexcept;

  Geometry geometry_;
  const kernels::KernelSet<T>* kernels_;
  Index chunk_;
  bool packs_vectors_;
};

}  // namespace convgrad::gemm

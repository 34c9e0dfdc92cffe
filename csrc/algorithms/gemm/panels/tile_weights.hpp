// The weights of the tiles of pixels_from_panels.hpp for one run of taps: as they lie, or copied where they lie so that
// the first-level cache would lose them while the panels pass.
#pragma once

#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/read/weights.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

// How the weights of a tile are read.
enum class WeightCopy {
  none,  // as they lie
  rows,  // row after row: theirs would push each other out of the first-level cache while the panels pass
  taps,  // tap after tap: rows are neighbors and taps far apart, so that each tap takes a line or two of its own
};

// Copied weights of some tiles, and how to read and make them.
template <class T>
struct TileWeightsArea {
  T* weights;
  Index* row_offsets;
  Index* tap_offsets;
  kernels::BlockCopy* copies;
};

template <class T>
class TileWeights {
 public:
  // Where a micro-kernel finds them.
  struct Tile {
    const T* data;
    const Index* row_offsets;
    const Index* tap_offsets;
  };

  static AreaLayout<TileWeightsArea<T>> layout(const kernels::KernelSet<T>& kernels, Index most_taps) noexcept;

  // `in_place` is where those of the first tile lie, `taps` of a `pointwise` kernel or another. `channels_left` counts
  // the channels from there to the end of the group.
  TileWeights(const kernels::KernelSet<T>& kernels, const EvenTiles& tiles, Index channels_left,
              const Weights<T>& weights, const Tile& in_place, Index taps, bool pointwise,
              const TileWeightsArea<T>& area) noexcept;

  // To be asked for one after the other.
  Tile tile(Index index) noexcept {
    if (copy_ != WeightCopy::none) return copied(index);
    Tile result = in_place_;
    result.data += tiles_.first(index) * lane_;
    return result;
  }

 private:
  Tile copied(Index index) noexcept;
  void copy_tiles(Index index) noexcept;

  const kernels::KernelSet<T>* kernels_;
  WeightCopy copy_;
  EvenTiles tiles_;
  Index channels_left_;
  Index lane_;
  Tile in_place_;
  Index taps_;
  Index pitch_;      // from one copied tile to the next
  Index begin_ = 0;  // those that are copied
  Index end_ = 0;
  TileWeightsArea<T> area_;
};

}  // namespace convgrad::gemm

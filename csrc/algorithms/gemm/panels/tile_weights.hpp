// The weights of the tiles of pixels_from_panels.hpp for one run of taps: as they lie, or copied where they lie so that
// the first-level cache would lose them while the panels pass.
#pragma once

#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/read/weights.hpp"
#include "core/text.hpp"
#include "core/work_areas.hpp"

namespace convgrad::gemm {

// How the weights of a tile are read.
enum class WeightCopy {
  none,  // as they lie
  rows,  // row after row, where taps are neighbors: rows a multiple of 4 KiB apart would evict one another
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

// Which weights are copied, and how many at once: decided with the plan, which has room for them.
template <class T>
class TileWeightCopies {
 public:
  TileWeightCopies() = default;
  TileWeightCopies(const kernels::KernelSet<T>& kernels, bool pointwise) noexcept;

  [[nodiscard]] AreaLayout<TileWeightsArea<T>> layout(Index most_taps) const noexcept;
  // What the strides of a run's weights decide.
  [[nodiscard]] WeightCopy bind(const Weights<T>& weights) const noexcept;
  void describe(Text& text) const noexcept;

  [[nodiscard]] Index tiles_at_once(Index taps) const noexcept {
    const Index fitting = elements_ / (larger(1, taps) * kernels_->tile_rows);
    return smaller(most_tiles_, larger(1, fitting));
  }
  [[nodiscard]] const kernels::KernelSet<T>& kernels() const noexcept { return *kernels_; }

 private:
  const kernels::KernelSet<T>* kernels_ = nullptr;
  bool by_tap_ = false;
  bool by_row_ = false;
  Index elements_ = 0;  // that are copied at once, tap after tap, and of so many tiles at most
  Index most_tiles_ = 0;
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

  // Where those of a run of taps lie.
  struct Source {
    Tile first;           // of the first tile
    Index taps;           // of the run
    Index lane;           // from one output channel to the next
    Index channels_left;  // from the first tile's first one to the end of the group
  };

  TileWeights(const TileWeightCopies<T>& copies, WeightCopy copy, const EvenTiles& tiles, const Source& source,
              const TileWeightsArea<T>& area) noexcept;

  // Tiles are taken in their order.
  Tile tile(Index index) noexcept {
    if (copy_ != WeightCopy::none) return copied(index);
    Tile result = source_.first;
    result.data += tiles_.first(index) * source_.lane;
    return result;
  }

 private:
  Tile copied(Index index) noexcept;
  void copy_tiles(Index index) noexcept;
  void copy_last_tile(const T* from, Index rows, T* to) noexcept;

  const TileWeightCopies<T>& copies_;
  WeightCopy copy_;
  EvenTiles tiles_;
  Source source_;
  TileWeightsArea<T> area_;
  Index pitch_;      // from one copied row, or tile, to the next
  Index begin_ = 0;  // the tiles that are copied
  Index end_ = 0;
};

}  // namespace convgrad::gemm

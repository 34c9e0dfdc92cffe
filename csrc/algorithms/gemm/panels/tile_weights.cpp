#include "algorithms/gemm/panels/tile_weights.hpp"

#include "core/phases.hpp"

namespace convgrad::gemm {

namespace {

// Rows of weights this far apart fall into the same lines of a first-level cache, which has room for eight or twelve of
// a tile.
constexpr Index colliding_bytes = 4096;
// What is copied at once, tap after tap: several tiles, for each of which a tap's line would otherwise be fetched anew,
// and no more than a second-level cache has room for beside the panels.
constexpr Index copied_bytes = Index{72} << 10;
constexpr Index most_copied_tiles = 32;

template <class T>
constexpr Index line = 64 / Index{sizeof(T)};

template <class T>
Index copied_tiles(const kernels::KernelSet<T>& kernels, Index taps) noexcept {
  const Index fitting = copied_bytes / (larger(1, taps) * kernels.tile_rows * Index{sizeof(T)});
  return smaller(most_copied_tiles, larger(1, fitting));
}

template <class T>
Index vectors_per_tile(const kernels::KernelSet<T>& kernels) noexcept {
  return divide_up(kernels.tile_rows, kernels.lanes);
}

// Copied rows and tiles are up to two cache lines further apart than they need to be: they fall into different lines,
// and the vectors of a tile's last tap may end beyond it.
template <class T>
Index pitch_of(Index elements) noexcept {
  return round_up(elements, line<T>) + line<T>;
}

bool in_a_row(const Index* offsets, Index count) noexcept {
  for (Index i = 1; i < count; ++i)
    if (offsets[i] != offsets[i - 1] + 1) return false;
  return count > 0;
}

// A tile of longer vectors spends time enough on each tap to fetch its line from the second-level cache.
template <class T>
WeightCopy find_weight_copy(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, bool pointwise,
                            const Index* tap_offsets, Index taps) noexcept {
  if (short_vectors(kernels) && pointwise && weights.lane == 1 && weights.channel >= line<T>) return WeightCopy::taps;
  if (weights.lane * Index{sizeof(T)} % colliding_bytes == 0 && in_a_row(tap_offsets, taps)) return WeightCopy::rows;
  return WeightCopy::none;
}

}  // namespace

template <class T>
AreaLayout<TileWeightsArea<T>> TileWeights<T>::layout(const kernels::KernelSet<T>& kernels, Index most_taps) noexcept {
  using Area = TileWeightsArea<T>;
  const Index by_row = kernels.tile_rows * pitch_of<T>(most_taps);
  const Index by_tap = copied_bytes / Index{sizeof(T)} + most_copied_tiles * 2 * line<T>;
  AreaLayout<Area> layout;
  layout.reserve(&Area::weights, larger(by_row, larger(by_tap, pitch_of<T>(most_taps * kernels.tile_rows))));
  layout.reserve(&Area::row_offsets, kernels.tile_rows);
  layout.reserve(&Area::tap_offsets, most_taps);
  layout.reserve(&Area::copies, most_copied_tiles * vectors_per_tile(kernels));
  return layout;
}

template <class T>
TileWeights<T>::TileWeights(const kernels::KernelSet<T>& kernels, const EvenTiles& tiles, Index channels_left,
                            const Weights<T>& weights, const Tile& in_place, Index taps, bool pointwise,
                            const TileWeightsArea<T>& area) noexcept
    : kernels_(&kernels),
      copy_(find_weight_copy(kernels, weights, pointwise, in_place.tap_offsets, taps)),
      tiles_(tiles),
      channels_left_(channels_left),
      lane_(weights.lane),
      in_place_(in_place),
      taps_(taps),
      pitch_(pitch_of<T>(copy_ == WeightCopy::rows ? taps : taps * kernels.tile_rows)),
      area_(area) {
  if (copy_ == WeightCopy::none) return;
  const Index row_step = copy_ == WeightCopy::rows ? pitch_ : 1;
  const Index tap_step = copy_ == WeightCopy::rows ? 1 : kernels.tile_rows;
  for (Index row = 0; row < kernels.tile_rows; ++row) area_.row_offsets[row] = row * row_step;
  for (Index tap = 0; tap < taps; ++tap) area_.tap_offsets[tap] = tap * tap_step;
}

template <class T>
typename TileWeights<T>::Tile TileWeights<T>::copied(Index index) noexcept {
  if (copy_ == WeightCopy::rows) {
    const PhaseTimer timer(Phase::packing_weights);
    const T* from = in_place_.data + tiles_.first(index) * lane_ + in_place_.tap_offsets[0];
    kernels_->copy_rows(from, lane_, tiles_.rows(index), taps_, area_.weights, pitch_);
    return {area_.weights, area_.row_offsets, area_.tap_offsets};
  }
  if (index >= end_) copy_tiles(index);
  return {area_.weights + (index - begin_) * pitch_, area_.row_offsets, area_.tap_offsets};
}

// Some tiles from `index` on, all of the same height.
template <class T>
void TileWeights<T>::copy_tiles(Index index) noexcept {
  const PhaseTimer timer(Phase::packing_weights);
  const Index rows = tiles_.rows(index);
  begin_ = index;
  const Index equal = (index < tiles_.higher ? tiles_.higher : tiles_.count) - index;
  end_ = index + smaller(equal, copied_tiles(*kernels_, taps_));
  const Index lanes = kernels_->lanes;
  const T* from = in_place_.data + tiles_.first(begin_);
  Index copies = 0;
  for (Index tile = begin_; tile < end_; ++tile) {
    const Index first = (tile - begin_) * rows;
    const Index position = (tile - begin_) * pitch_;
    // A vector that is longer than a tile ends within those after it, but for the last.
    if (channels_left_ - tiles_.first(tile) < lanes) {
      for (Index tap = 0; tap < taps_; ++tap)
        kernels_->copy_rows(from + first + in_place_.tap_offsets[tap], 0, 1, rows,
                            area_.weights + position + area_.tap_offsets[tap], 0);
      continue;
    }
    for (Index row = 0; row < rows; row += lanes) {
      const Index here = smaller(row, larger(0, rows - lanes));
      area_.copies[copies++] = {first + here, position + here, kernels_->tile_rows};
    }
  }
  kernels_->expand_block(from, in_place_.tap_offsets, taps_, area_.copies, copies, area_.weights);
}

template class TileWeights<float>;
template class TileWeights<double>;

}  // namespace convgrad::gemm

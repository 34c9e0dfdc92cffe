#include "algorithms/gemm/panels/tile_weights.hpp"

#include "algorithms/common/machine.hpp"
#include "algorithms/tuning.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

namespace {

template <class T>
constexpr Index line = cache_line_bytes / Index{sizeof(T)};

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

bool are_neighbors(const Index* offsets, Index count) noexcept {
  for (Index i = 1; i < count; ++i)
    if (offsets[i] != offsets[i - 1] + 1) return false;
  return count > 0;
}

}  // namespace

template <class T>
TileWeightCopies<T>::TileWeightCopies(const kernels::KernelSet<T>& kernels, bool pointwise) noexcept
    : kernels_(&kernels) {
  const Tuning& tuning = tuning_of(kernels);
  by_tap_ = pointwise && tuning.panels_copies_weights_by_tap > 0;
  by_row_ = tuning.panels_copies_weights_by_row > 0;
  elements_ = tuning.panels_copied_weight_bytes / Index{sizeof(T)};
  most_tiles_ = larger(1, tuning.panels_copied_weight_tiles);
}

template <class T>
AreaLayout<TileWeightsArea<T>> TileWeightCopies<T>::layout(Index most_taps) const noexcept {
  using Area = TileWeightsArea<T>;
  const Index by_row = kernels_->tile_rows * pitch_of<T>(most_taps);
  const Index by_tap = elements_ + most_tiles_ * 2 * line<T>;
  const Index one_tile = pitch_of<T>(most_taps * kernels_->tile_rows);
  AreaLayout<Area> layout;
  layout.reserve(&Area::weights, larger(by_row, larger(by_tap, one_tile)));
  layout.reserve(&Area::row_offsets, kernels_->tile_rows);
  layout.reserve(&Area::tap_offsets, most_taps);
  layout.reserve(&Area::copies, most_tiles_ * vectors_per_tile(*kernels_));
  return layout;
}

template <class T>
WeightCopy TileWeightCopies<T>::bind(const Weights<T>& weights) const noexcept {
  if (by_tap_ && weights.lane == 1 && weights.channel >= line<T>) return WeightCopy::taps;
  if (by_row_ && weights.lane * Index{sizeof(T)} % first_level_way_bytes == 0) return WeightCopy::rows;
  return WeightCopy::none;
}

template <class T>
void TileWeightCopies<T>::describe(Text& text) const noexcept {
  text.line("weights", "read in place%s%s",
            by_row_ ? "; copied tile by tile where rows lie a multiple of 4 KiB apart" : "",
            by_tap_ ? "; copied tap after tap where output channels are neighbors" : "");
}

template <class T>
TileWeights<T>::TileWeights(const TileWeightCopies<T>& copies, WeightCopy copy, const EvenTiles& tiles,
                            const Source& source, const TileWeightsArea<T>& area) noexcept
    : copies_(copies), copy_(copy), tiles_(tiles), source_(source), area_(area) {
  if (copy_ == WeightCopy::rows && !are_neighbors(source.first.tap_offsets, source.taps)) copy_ = WeightCopy::none;
  if (copy_ == WeightCopy::none) return;
  const Index tile_rows = copies.kernels().tile_rows;
  const bool by_row = copy_ == WeightCopy::rows;
  pitch_ = pitch_of<T>(by_row ? source.taps : source.taps * tile_rows);
  for (Index row = 0; row < tile_rows; ++row) area_.row_offsets[row] = by_row ? row * pitch_ : row;
  for (Index tap = 0; tap < source.taps; ++tap) area_.tap_offsets[tap] = by_row ? tap : tap * tile_rows;
}

template <class T>
typename TileWeights<T>::Tile TileWeights<T>::copied(Index index) noexcept {
  if (copy_ == WeightCopy::rows) {
    const PhaseTimer timer(Phase::packing_weights);
    const T* from = source_.first.data + tiles_.first(index) * source_.lane + source_.first.tap_offsets[0];
    copies_.kernels().copy_rows(from, source_.lane, tiles_.rows(index), source_.taps, area_.weights, pitch_);
    return {area_.weights, area_.row_offsets, area_.tap_offsets};
  }
  if (index >= end_) copy_tiles(index);
  return {area_.weights + (index - begin_) * pitch_, area_.row_offsets, area_.tap_offsets};
}

// Some tiles from `index` on, all of the same height.
template <class T>
void TileWeights<T>::copy_tiles(Index index) noexcept {
  const PhaseTimer timer(Phase::packing_weights);
  const kernels::KernelSet<T>& kernels = copies_.kernels();
  const Index rows = tiles_.rows(index);
  begin_ = index;
  const Index equal = (index < tiles_.higher ? tiles_.higher : tiles_.count) - index;
  end_ = index + smaller(equal, copies_.tiles_at_once(source_.taps));
  const Index lanes = kernels.lanes;
  const T* from = source_.first.data + tiles_.first(begin_);
  Index copies = 0;
  for (Index tile = begin_; tile < end_; ++tile) {
    const Index first = (tile - begin_) * rows;
    const Index position = (tile - begin_) * pitch_;
    // A vector that is longer than a tile ends within those after it, but for the last.
    if (source_.channels_left - tiles_.first(tile) < lanes) {
      copy_last_tile(from + first, rows, area_.weights + position);
      continue;
    }
    for (Index row = 0; row < rows; row += lanes) {
      const Index here = smaller(row, larger(0, rows - lanes));
      area_.copies[copies++] = {first + here, position + here, kernels.tile_rows};
    }
  }
  kernels.expand_block(from, source_.first.tap_offsets, source_.taps, area_.copies, copies, area_.weights);
}

template <class T>
void TileWeights<T>::copy_last_tile(const T* from, Index rows, T* to) noexcept {
  for (Index tap = 0; tap < source_.taps; ++tap)
    copies_.kernels().copy_rows(from + source_.first.tap_offsets[tap], 0, 1, rows, to + area_.tap_offsets[tap], 0);
}

template class TileWeightCopies<float>;
template class TileWeightCopies<double>;
template class TileWeights<float>;
template class TileWeights<double>;

}  // namespace convgrad::gemm

#include "algorithms/gemm/column_weights.hpp"

#include "core/parallel.hpp"

namespace convgrad::gemm {

template <class T>
void ColumnWeights<T>::pack(const Tensor<const T>& kernel, int threads, T* packed) const noexcept {
  const Index taps = geometry_.taps_per_channel();
  const Index chunks = divide_up(geometry_.in_channels, chunk_);
  const Index most_tiles = tiles(chunk_ * taps).count;
  parallel_for(threads, geometry_.groups * chunks * most_tiles, [&](Index index, int) {
    const Index tile = index % most_tiles;
    const Index channel = index / most_tiles % chunks * chunk_;
    const Index group = index / (most_tiles * chunks);
    const ColumnTiles split = tiles(smaller(chunk_, geometry_.in_channels - channel) * taps);
    if (tile >= split.count) return;  // the last chunk may have fewer
    const Index first = channel * taps + split.first_row(tile);
    const Index last = channel * taps + split.first_row(tile + 1);
    T* to = packed + offset(group * geometry_.in_channels) + first * geometry_.out_channels;
    pack_tile(kernel, group * geometry_.out_channels, first, last, to);
  });
}

// Weights of the rows first .. last - 1, each a channel and a tap.
template <class T>
void ColumnWeights<T>::pack_tile(const Tensor<const T>& kernel, Index out_channel, Index first, Index last,
                                 T* to) const noexcept {
  const Index* const size = geometry_.kernel;
  const auto offset = [&](Index row) {
    return row / geometry_.taps_per_channel() * kernel.inner + row / (size[2] * size[1]) % size[0] * kernel.axis[0] +
           row / size[2] % size[1] * kernel.axis[1] + row % size[2] * kernel.axis[2];
  };
  const T* from = kernel.data + out_channel * kernel.outer;
  const Index height = last - first;
  bool neighbors = true;
  for (Index row = first + 1; row < last; ++row) neighbors = neighbors && offset(row) == offset(row - 1) + 1;
  Index o = 0;
  if (neighbors && kernel.outer >= height + kernels_->lanes) {
    // Whole vectors, each overwriting what the one before it wrote too much: but not beyond the end of either side.
    const Index last_whole = geometry_.out_channels - divide_up(kernels_->lanes, height) - 1;
    kernels::PanelCopy copies[kernels::max_tile_rows];
    Index vectors = 0;
    for (Index row = 0; row < height; row += kernels_->lanes) copies[vectors++] = {offset(first) + row, row};
    constexpr Index at_once = 64;
    Index offsets[at_once];
    while (o < last_whole) {
      const Index some = smaller(at_once, last_whole - o);
      for (Index i = 0; i < some; ++i) offsets[i] = (o + i) * kernel.outer;
      kernels_->expand(from, offsets, some, copies, vectors, to + o * height, height);
      o += some;
    }
  }
  for (; o < geometry_.out_channels; ++o)
    for (Index row = first; row < last; ++row) to[o * height + row - first] = from[o * kernel.outer + offset(row)];
}

template class ColumnWeights<float>;
template class ColumnWeights<double>;

}  // namespace convgrad::gemm

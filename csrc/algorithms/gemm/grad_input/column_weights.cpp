#include "algorithms/gemm/grad_input/column_weights.hpp"

#include "core/parallel.hpp"

namespace convgrad::gemm {

namespace {

// Structural: the room of arrays, and so how many tiles and output channels are packed at a time.
constexpr Index tiles_at_once = 8;
constexpr Index channels_at_once = 64;

}  // namespace

template <class T>
void ColumnWeights<T>::pack(const Tensor<const T>& kernel, int threads, T* packed) const noexcept {
  const Index taps = geometry_.taps_per_channel();
  const Index chunks = divide_up(geometry_.in_channels, chunk_);
  const Index most_batches = divide_up(tiles(chunk_ * taps).count, tiles_at_once);
  parallel_for(threads, geometry_.groups * chunks * most_batches, [&](Index index, int) {
    const Index first = index % most_batches * tiles_at_once;
    const Index channel = index / most_batches % chunks * chunk_;
    const Index group = index / (most_batches * chunks);
    const ColumnTiles split = tiles(smaller(chunk_, geometry_.in_channels - channel) * taps);
    const Index last = smaller(split.count, first + tiles_at_once);
    if (first >= last) return;  // the last chunk may have fewer
    Index rows[tiles_at_once + 1];
    for (Index tile = first; tile <= last; ++tile) rows[tile - first] = channel * taps + split.first_row(tile);
    pack_tiles(kernel, group * geometry_.out_channels, rows, last - first,
               packed + offset(group * geometry_.in_channels) + rows[0] * geometry_.out_channels);
  });
}

// Several tiles at once read longer pieces of each output channel's weights, which are far apart.
template <class T>
void ColumnWeights<T>::pack_tiles(const Tensor<const T>& kernel, Index out_channel, const Index* rows, Index count,
                                  T* to) const noexcept {
  const T* from = kernel.data + out_channel * kernel.outer;
  const Index channels = geometry_.out_channels;
  const auto offset = [&](Index row) { return offset_in(kernel, row); };
  bool neighbors = true;
  for (Index row = rows[0] + 1; row < rows[count]; ++row) neighbors = neighbors && offset(row) == offset(row - 1) + 1;
  const bool apart = kernel.outer >= rows[count] - rows[0] + kernels_->lanes;
  Index o =
      packs_vectors_ && neighbors && apart ? pack_vectors(from + offset(rows[0]), kernel.outer, rows, count, to) : 0;
  for (; o < channels; ++o)
    for (Index i = 0; i < count; ++i) {
      T* tile = to + (rows[i] - rows[0]) * channels + o * (rows[i + 1] - rows[i]);
      for (Index row = rows[i]; row < rows[i + 1]; ++row) tile[row - rows[i]] = from[o * kernel.outer + offset(row)];
    }
}

// Where the weights of a row of P begin: it is a channel and a tap.
template <class T>
Index ColumnWeights<T>::offset_in(const Tensor<const T>& kernel, Index row) const noexcept {
  const Index* const size = geometry_.kernel;
  return row / geometry_.taps_per_channel() * kernel.inner + row / (size[2] * size[1]) % size[0] * kernel.axis[0] +
         row / size[2] % size[1] * kernel.axis[1] + row % size[2] * kernel.axis[2];
}

// Whole vectors, each overwriting what the one before it wrote too much: but not beyond the end of a tile, nor of the
// weights. Returns how many output channels it has packed.
template <class T>
Index ColumnWeights<T>::pack_vectors(const T* from, Index pitch, const Index* rows, Index count, T* to) const noexcept {
  const Index channels = geometry_.out_channels;
  const Index lanes = kernels_->lanes;
  kernels::BlockCopy copies[tiles_at_once * kernels::max_tile_rows];
  Index vectors = 0;
  Index last_whole = channels;
  for (Index i = 0; i < count; ++i) {
    const Index height = rows[i + 1] - rows[i];
    const Index before = rows[i] - rows[0];
    last_whole = smaller(last_whole, channels - divide_up(lanes, height) - 1);
    for (Index row = 0; row < height; row += lanes) copies[vectors++] = {before + row, before * channels + row, height};
  }
  Index offsets[channels_at_once];
  Index o = 0;
  while (o < last_whole) {
    const Index some = smaller(channels_at_once, last_whole - o);
    for (Index i = 0; i < some; ++i) offsets[i] = (o + i) * pitch;
    kernels_->expand_block(from, offsets, some, copies, vectors, to);
    for (Index v = 0; v < vectors; ++v) copies[v].position += some * copies[v].step;
    o += some;
  }
  return o;
}

template class ColumnWeights<float>;
template class ColumnWeights<double>;

}  // namespace convgrad::gemm

#include "algorithms/gemm/grad_kernel/dot_tiles.hpp"

#include "algorithms/common/blocks.hpp"
#include "algorithms/gemm/border/border_rows.hpp"
#include "algorithms/tuning.hpp"

namespace convgrad::gemm {

namespace {

// Output channels of a tile: the number that takes the fewest cycles with so many taps. A multiply-add takes one, and
// so does a load of G; one of the input more, since it crosses cache lines.
template <class T>
Index find_channels_of_tile(const kernels::KernelSet<T>& kernels, Index channels, Index taps) noexcept {
  if (channels <= kernels::max_dot_rows) return channels;
  const Index load = tuning_of(kernels).pixel_sums_input_load;
  Index best = 1;
  Index fewest = INT64_MAX;
  for (Index rows = 2; rows <= kernels::max_dot_rows; ++rows) {
    const Index tiles = divide_up(taps, kernels.dot_columns[rows - 1]);
    const Index columns = divide_up(taps, larger(1, tiles));
    const Index cycles = divide_up(channels, rows) * tiles * larger(rows * columns, rows + load * columns);
    if (cycles >= fewest) continue;
    fewest = cycles;
    best = rows;
  }
  return best;
}

}  // namespace

template <class T>
DotTiles<T>::DotTiles(const Geometry& geometry, const kernels::KernelSet<T>& kernels, Index taps) noexcept
    : kernels_(&kernels),
      out_channels_(geometry.out_channels),
      channels_(find_channels_of_tile(kernels, larger(1, geometry.out_channels), taps)),
      shares_rows_(tuning_of(kernels).pixel_sums_kernel_rows != 0 && geometry.out_channels == 1 &&
                   rows_share(geometry)) {}

template <class T>
Index DotTiles<T>::count(const GradKernelItem& item) const noexcept {
  Index count = 0;
  for_each(item, [&](const DotTile&) { ++count; });
  return count;
}

template <class T>
void DotTiles<T>::store(const GradKernelItem& item, const T* sums, const Tensor<T>& grad_kernel) const noexcept {
  const TapBlock& taps = item.taps;
  for_each(item, [&](const DotTile& tile) {
    const Index size[axes] = {taps.size[0], tile.of_kernel_rows ? 1 : taps.size[1], taps.size[2]};
    const Index row_step = tile.of_kernel_rows ? grad_kernel.axis[1] : grad_kernel.outer;
    const Index channel = item.group * out_channels_ + item.first_channel + tile.channel;
    for (Index j = 0; j < tile.taps; ++j) {
      Index tap = tile.tap + j;
      T* to = grad_kernel.data + channel * grad_kernel.outer + tile.kernel_row * grad_kernel.axis[1];
      for (int a = axes - 1; a >= 0; tap /= size[a--]) to += (taps.first[a] + tap % size[a]) * grad_kernel.axis[a];
      to += (taps.first_channel + tap) * grad_kernel.inner;
      for (Index i = 0; i < tile.rows; ++i) to[i * row_step] = sums[tile.position + i * tile.taps + j];
    }
  });
}

template class DotTiles<float>;
template class DotTiles<double>;

}  // namespace convgrad::gemm

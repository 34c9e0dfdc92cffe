// The sums of an item of grad_kernel with pixels as lanes, cut into tiles: some output channels by some taps or, of one
// channel, some rows of the kernel by some taps of one row.
#pragma once

#include "algorithms/gemm/grad_kernel/grad_kernel_tasks.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

struct DotTile {
  bool of_kernel_rows;
  Index channel;     // the first
  Index kernel_row;  // the first
  Index rows;        // channels, or rows of the kernel
  Index tap;  // the first, in the order (channel, depth, row, column): without the rows, where these are the tile's
  Index taps;
  Index column;    // the number of these taps
  Index columns;   // among so many tiles of the same channels or rows
  Index position;  // of its sums, [rows][taps], behind those of the tiles before it
};

template <class T>
class DotTiles {
 public:
  DotTiles() = default;
  // For items of up to so many taps.
  DotTiles(const Geometry& geometry, const kernels::KernelSet<T>& kernels, Index taps) noexcept;

  // Output channels of a tile, at most.
  [[nodiscard]] Index channels() const noexcept { return channels_; }
  // Whether rows of the kernel make an item's tiles.
  [[nodiscard]] bool of_kernel_rows(const GradKernelItem& item) const noexcept {
    return shares_rows_ && item.taps.size[1] > 1;
  }
  [[nodiscard]] Index count(const GradKernelItem& item) const noexcept;
  // Calls visit(tile) for each in turn. What is read in one go is so again: some of G's channels, or of the input's.
  template <class Visit>
  void for_each(const GradKernelItem& item, const Visit& visit) const noexcept;
  // Sums, tile by tile, to where they belong.
  void store(const GradKernelItem& item, const T* sums, const Tensor<T>& grad_kernel) const noexcept;

 private:
  const kernels::KernelSet<T>* kernels_ = nullptr;
  Index out_channels_ = 0;
  Index channels_ = 1;
  bool shares_rows_ = false;
};

template <class T>
template <class Visit>
void DotTiles<T>::for_each(const GradKernelItem& item, const Visit& visit) const noexcept {
  DotTile tile{};
  tile.of_kernel_rows = of_kernel_rows(item);
  const Index rows = tile.of_kernel_rows ? item.taps.size[1] : item.channels;
  const Index groups = divide_up(rows, tile.of_kernel_rows ? kernels::max_dot_kernel_rows : channels_);
  // One channel is served best by whole rows of taps (dot_tile.inc.hpp).
  const Index most = kernels_->dot_columns[divide_up(rows, groups) - 1];
  const Index taps = tile.of_kernel_rows ? item.taps.count() / rows : item.taps.count();
  const Index row_of_taps = item.taps.size[2];
  const bool whole_rows = item.channels == 1 && row_of_taps <= most && taps % row_of_taps == 0;
  const Index unit = whole_rows ? row_of_taps : 1;
  const Index columns = divide_up(taps / unit, most / unit);
  for (Index number = 0; number < groups * columns; ++number) {
    const Index group = tile.of_kernel_rows ? number % groups : number / columns;
    const Index column = tile.of_kernel_rows ? number / groups : number % columns;
    const Index first = rows * group / groups;
    (tile.of_kernel_rows ? tile.kernel_row : tile.channel) = first;
    tile.rows = rows * (group + 1) / groups - first;
    tile.column = column;
    tile.columns = columns;
    tile.tap = taps / unit * column / columns * unit;
    tile.taps = taps / unit * (column + 1) / columns * unit - tile.tap;
    visit(tile);
    tile.position += tile.rows * tile.taps;
  }
}

}  // namespace convgrad::gemm

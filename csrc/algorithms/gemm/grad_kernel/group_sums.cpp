#include "algorithms/gemm/grad_kernel/group_sums.hpp"

#include <algorithm>

#include "algorithms/common/pixel_box.hpp"
#include "algorithms/gemm/grad_kernel/sum_cuts.hpp"
#include "algorithms/gemm/panels/pack_pixels.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/write/unpack.hpp"

namespace convgrad::gemm {

template <class T>
GroupSums<T>::GroupSums(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : geometry_(geometry), kernels_(&kernels), tasks_(cut_group_sums(geometry, kernels)) {
  const Tuning& tuning = tuning_of(kernels);
  const Index useful = useful_threads(tuning, geometry, threads);
  tasks_.share(tuning, useful, 1);
  const Blocking& blocking = tasks_.blocking();
  const Index lanes = kernels.lanes;
  pitch_ = tasks_.channels_per_item() * blocking.most_taps() * lanes;
  areas_.workers = workers_for(tasks_.count(), useful);
  if (tasks_.parts() > 1) areas_.shared.reserve(&PartSums<T>::sums, tasks_.count() * pitch_);
  areas_.own.reserve(&Area::strip, blocking.strip_room() * lanes);
  areas_.own.reserve(&Area::dense, lane_strip_chunk * lanes);
  areas_.own.reserve(&Area::grads, blocking.most_pixels() * lanes);
  areas_.own.reserve(&Area::sums, tasks_.parts() > 1 ? 0 : pitch_);
  areas_.own.reserve(&Area::tap_offsets, blocking.most_taps());
}

template <class T>
void GroupSums<T>::describe(Text& text) const noexcept {
  text.line("way", "%s", "group_sums");
  tasks_.describe(text);
  text.line("copies", "V and G of %lld groups at a time into vectors", static_cast<long long>(kernels_->lanes));
}

template <class T>
Index GroupSums<T>::sum_elements(const GradKernelItem& item) const noexcept {
  return item.channels * item.taps.count() * kernels_->lanes;
}

template <class T>
typename GroupSums<T>::Block GroupSums<T>::block_of(const GradKernelItem& item, const Tensor<const T>& grad_output,
                                                    const Tensor<const T>& input) const noexcept {
  const Index first = item.group * kernels_->lanes;
  Block block{grad_output, input, groups_of_block(geometry_.groups, kernels_->lanes, item.group)};
  block.grad_output.data += (first * geometry_.out_channels + item.first_channel) * grad_output.inner;
  block.input.data += first * geometry_.in_channels * input.inner;
  return block;
}

template <class T>
void GroupSums<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& input, const Tensor<T>& grad_kernel,
                       void* workspace) const noexcept {
  const Index parts = tasks_.parts();
  const auto make = [&](Index task, Index, const Area& area, T* of_part) {
    const GradKernelItem item = tasks_.item(task / parts);
    T* sums = of_part == nullptr ? area.sums : of_part;
    accumulate(item, tasks_.part(task % parts), block_of(item, grad_output, input), area, sums);
    if (of_part == nullptr) store(item, sums, grad_kernel);
  };
  const auto finish = [&](const GradKernelItem& item, T* first, const Area&) {
    add_parts(first, parts, pitch_, sum_elements(item));
    store(item, first, grad_kernel);
  };
  run_parts<T>(tasks_, areas_, pitch_, workspace, make, finish);
}

template <class T>
void GroupSums<T>::accumulate(const GradKernelItem& item, const PixelPart& part, const Block& block, const Area& area,
                              T* sums) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const Index lanes = kernels_->lanes;
  const Index taps = item.taps.count();
  std::fill_n(sums, sum_elements(item), T{0});
  for (Index b = part.first_block; b < part.end_block; ++b) {
    const PixelBlock pixels = tasks_.blocking().pixel_block(b);
    const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
    const StripShape shape(geometry_, pixels.images, pixels.size, item.taps.channels, item.taps.size,
                           StripShape::Order::pixels_adjacent);
    timer.next(Phase::packing_input);
    shape.pack_lanes(*kernels_, geometry_, pixels, item.taps, block.input, geometry_.in_channels * block.input.inner,
                     block.groups, area.dense, area.strip);
    shape.fill_tap_offsets(item.taps, area.tap_offsets);
    for (Index tap = 0; tap < taps; ++tap) area.tap_offsets[tap] *= lanes;
    Tensor<const T> grads = at_block(block.grad_output, pixels);
    const Index next_channel = grads.inner;
    grads.inner *= geometry_.out_channels;  // from one group to the next
    for (Index channel = 0; channel < item.channels; ++channel, grads.data += next_channel) {
      timer.next(Phase::packing_input);
      pack_pixels(*kernels_, grads, box, block.groups, lanes, area.grads);
      timer.next(Phase::multiplying);
      add_pixels(pixels, shape, taps, area, sums + channel * taps * lanes);
    }
  }
}

// Piece by piece, each one chain: whole rows, unless they are longer.
template <class T>
void GroupSums<T>::add_pixels(const PixelBlock& pixels, const StripShape& shape, Index taps, const Area& area,
                              T* sums) const noexcept {
  constexpr Index piece = sum_order::group_sums::piece_pixels;
  const Index lanes = kernels_->lanes;
  const Index columns = pixels.size[2];
  const Index source_row = (shape.row_offset(0, 0, 1) - shape.row_offset(0, 0, 0)) * lanes;
  const Index rows_at_once = larger(1, piece / columns);
  const EvenTiles tiles(taps, kernels::max_lane_taps);
  const T* grads = area.grads;
  for (Index n = 0; n < pixels.images; ++n)
    for (Index i = 0; i < pixels.size[0]; ++i)
      for (Index j = 0, rows = 0; j < pixels.size[1]; j += rows, grads += rows * columns * lanes) {
        rows = smaller(rows_at_once, pixels.size[1] - j);
        const T* source = area.strip + shape.row_offset(n, i, j) * lanes;
        for (Index k = 0; k < columns; k += piece) {
          const kernels::LanePixels some{rows, smaller(piece, columns - k), columns * lanes, source_row};
          for (Index tile = 0; tile < tiles.count; ++tile)
            kernels_->lane_sums[tiles.rows(tile) - 1](grads + k * lanes, source + k * lanes, some,
                                                      area.tap_offsets + tiles.first(tile),
                                                      sums + tiles.first(tile) * lanes);
        }
      }
}

// Taps take the place of pixels, and input channels that of images: dK of a group is a box of the same kind.
template <class T>
void GroupSums<T>::store(const GradKernelItem& item, const T* sums, const Tensor<T>& grad_kernel) const noexcept {
  const PhaseTimer timer(Phase::storing);
  const Index first_group = item.group * kernels_->lanes;
  const Index groups = groups_of_block(geometry_.groups, kernels_->lanes, item.group);
  Tensor<T> to;
  to.outer = grad_kernel.inner;
  to.inner = geometry_.out_channels * grad_kernel.outer;
  to.data = grad_kernel.data + (first_group * geometry_.out_channels + item.first_channel) * grad_kernel.outer +
            item.taps.first_channel * grad_kernel.inner;
  for (int a = 0; a < axes; ++a) {
    to.axis[a] = grad_kernel.axis[a];
    to.data += item.taps.first[a] * grad_kernel.axis[a];
  }
  const PixelBox box{item.taps.channels, {item.taps.size[0], item.taps.size[1], item.taps.size[2]}};
  for (Index channel = 0; channel < item.channels; ++channel, to.data += grad_kernel.outer)
    unpack_pixels(*kernels_, sums + channel * box.count() * kernels_->lanes, kernels_->lanes, box, 0, box.count(),
                  groups, to);
}

template class GroupSums<float>;
template class GroupSums<double>;

}  // namespace convgrad::gemm

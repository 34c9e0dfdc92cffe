// The third part of ChannelSums: running. channel_sums.cpp decides and binds.
#include <algorithm>

#include "algorithms/common/machine.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/gemm/border/border_pixels.hpp"
#include "algorithms/gemm/grad_kernel/channel_sums.hpp"
#include "algorithms/gemm/panels/pack_pixels.hpp"
#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/write/unpack.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

namespace {

PixelBox box_of(const PixelBlock& pixels) noexcept {
  return {pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
}

// When results are stored, taps take the place of pixels, and input channels that of images: dK's block is a box of the
// same kind.
PixelBox tap_box(const GradKernelItem& item) noexcept {
  return {item.taps.channels, {item.taps.size[0], item.taps.size[1], item.taps.size[2]}};
}

// Where they go.
template <class T>
Tensor<T> results_of(const GradKernelItem& item, const Tensor<T>& grad_kernel, Index group_channels) noexcept {
  Tensor<T> to;
  to.outer = grad_kernel.inner;
  to.inner = grad_kernel.outer;
  to.data = grad_kernel.data + (item.group * group_channels + item.first_channel) * grad_kernel.outer +
            item.taps.first_channel * grad_kernel.inner;
  for (int a = 0; a < axes; ++a) {
    to.axis[a] = grad_kernel.axis[a];
    to.data += item.taps.first[a] * grad_kernel.axis[a];
  }
  return to;
}

}  // namespace

// One part of an item's sums.
template <class T>
struct ChannelSums<T>::Task {
  const Binding& run;
  const Area& area;
  GradKernelItem item;
  PanelSplit panels;
  bool by_tap;
  Index fewest_uses_of_copy;
  Tensor<const T> grad;   // from the item's first channel on
  Tensor<const T> input;  // from the group's first channel on
  T* sums;
  bool stores;  // they are the results
};

// Pixels that are taken together, and where the input under them is read.
template <class T>
struct ChannelSums<T>::Block {
  PixelBlock pixels;
  PixelBlock following;  // the next ones
  bool first, last;      // of the part; the last has none that follow
  const T* source = nullptr;
  bool lacks_border = false;  // the source is the input itself, and these pixels meet the border
};

// What is packed after the panel that is being multiplied, and where that is stored.
template <class T>
struct ChannelSums<T>::Prefetches {
  Prefetch<T> panel;
  Prefetch<T> strip;
  Prefetch<T> results;
};

template <class T>
void ChannelSums<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& input, const Tensor<T>& grad_kernel,
                         void* workspace) const noexcept {
  const Binding run = bind(grad_output, input, grad_kernel);
  const Index parts = tasks_.parts();
  run_parts(
      tasks_, areas_, part_elements_, workspace,
      [&](Index task, Index, const Area& area, T* part_sums) {
        accumulate(task_of(run, area, tasks_.item(task / parts), part_sums), tasks_.part(task % parts));
      },
      [&](const GradKernelItem& item, T* sums, const Area& area) {
        const Task task = task_of(run, area, item, sums);
        add_parts(sums, parts, part_elements_, task.panels.padded_channels() * item.taps.count());
        store(task);
      });
}

// With no `part_sums` the sums are the worker's own, and the results.
template <class T>
typename ChannelSums<T>::Task ChannelSums<T>::task_of(const Binding& run, const Area& area, const GradKernelItem& item,
                                                      T* part_sums) const noexcept {
  const bool fewer = item.taps.channels < tasks_.blocking().most_taps_box().channels;
  Task task{run,
            area,
            item,
            PanelSplit(*kernels_, item.channels),
            by_tap(item.taps.channels),
            run.fewest_uses_of_copy[fewer ? 1 : 0],
            run.grad_output,
            run.input,
            part_sums != nullptr ? part_sums : area.sums,
            part_sums == nullptr};
  task.grad.data += (item.group * geometry_.out_channels + item.first_channel) * run.grad_output.inner;
  task.input.data += item.group * geometry_.in_channels * run.input.inner;
  return task;
}

template <class T>
void ChannelSums<T>::accumulate(const Task& task, const PixelPart& part) const noexcept {
  PhaseTimer timer(Phase::multiplying);
  if (part.first_block == part.end_block) {
    std::fill_n(task.sums, task.panels.padded_channels() * task.item.taps.count(), T{0});
    if (task.stores) store(task);
    return;
  }
  Index end = part.first_block;  // of the blocks that are taken together
  Block block;
  block.following = tasks_.joined_block(part.first_block, part.end_block, end);
  for (block.last = false, block.first = true; !block.last; block.first = false) {
    timer.next(Phase::packing_input);
    block.pixels = block.following;
    block.last = end == part.end_block;
    if (!block.last) block.following = tasks_.joined_block(end, part.end_block, end);
    read_input(task, task.by_tap && leaves_out_all(block.pixels), block);
    Prefetches next;
    if (prefetches_input_ && !block.last)
      next.strip =
          prefetch_of_input(geometry_, task.run.input, task.item.group, block.following, task.item.taps.first_channel,
                            task.item.taps.channels, tiles_of_panel(task) * task.panels.count());
    for (Index panel = 0; panel < task.panels.count(); ++panel) {
      timer.next(Phase::packing_input);
      pack_panel(task, block.pixels, panel);
      timer.next(Phase::multiplying);
      add_panel(task, panel, block, next);
      if (block.last && task.stores) store_panel(task, panel);
    }
  }
}

// Sets the block's source: the strip, or the input itself where it lies as close. Where no element on the border is
// read, that serves in a block that meets it, too.
template <class T>
void ChannelSums<T>::read_input(const Task& task, bool leaves_out_border, Block& block) const noexcept {
  const TapBlock& taps = task.item.taps;
  const PixelBlock& pixels = block.pixels;
  StripShape shape(geometry_, pixels.images, pixels.size, taps.channels, taps.size, task.run.order);
  const bool on_border = shape.meets_border(geometry_, pixels, taps);
  const bool in_place = reads_in_place_ && shape.lies_close(task.run.input, taps) &&
                        (!on_border || leaves_out_border) && !copy_pays(task, pixels, shape);
  if (in_place)
    shape.lie_in(geometry_, pixels, taps, task.input);
  else
    shape.pack(*kernels_, geometry_, pixels, taps, task.input, task.area.strip);
  shape.fill_pixel_offsets(pixels, task.area.pixel_offsets);
  fill_tap_offsets(task, shape);
  block.source = in_place ? task.input.data : task.area.strip;
  block.lacks_border = in_place && on_border;
}

template <class T>
bool ChannelSums<T>::copy_pays(const Task& task, const PixelBlock& pixels, const StripShape& shape) const noexcept {
  if (task.fewest_uses_of_copy == INT64_MAX) return false;
  const Index uses = pixels.count() * task.item.taps.count() * task.item.channels / larger(1, shape.elements());
  return uses >= task.fewest_uses_of_copy;
}

// Rows of sums are an item's channels, tap by tap, or its taps, channel by channel.
template <class T>
void ChannelSums<T>::fill_tap_offsets(const Task& task, const StripShape& shape) const noexcept {
  const TapBlock& taps = task.item.taps;
  const Area& area = task.area;
  if (!task.by_tap) return shape.fill_tap_offsets(taps, area.tap_offsets);
  shape.fill_tap_offsets(taps, area.offsets_by_channel);
  const Index kernel_taps = taps.count() / taps.channels;
  for (Index tap = 0; tap < kernel_taps; ++tap)
    for (Index c = 0; c < taps.channels; ++c)
      area.tap_offsets[tap * taps.channels + c] = area.offsets_by_channel[c * kernel_taps + tap];
}

template <class T>
void ChannelSums<T>::pack_panel(const Task& task, const PixelBlock& pixels, Index panel) const noexcept {
  Tensor<const T> from = at_block(task.grad, pixels);
  from.data += task.panels.first_lane(panel) * from.inner;
  pack_pixels(*kernels_, from, box_of(pixels), task.panels.used_lanes(panel), task.panels.width(panel),
              task.area.panel);
}

// Adds a block's products to a panel of sums.
template <class T>
void ChannelSums<T>::add_panel(const Task& task, Index panel, Block& block, Prefetches& next) const noexcept {
  alignas(cache_line_bytes) static constexpr T zeros[kernels::max_tile_vectors * kernels::sum_lanes<T>] =
      {};  // as wide as any panel
  const Index taps = task.item.taps.count();
  const Index width = task.panels.width(panel);
  next.panel = prefetch_of_grad(task, panel, block);
  if (block.last && task.stores && prefetches_results_) next.results = prefetch_of_results(task, panel);
  const Accumulators<T> sums{block.first ? zeros : nullptr, 0, panel_sums(task, panel), width};
  // With an infinity or nan in G, zeros on the border count.
  if (task.by_tap && kernels_->all_finite(task.area.panel, block.pixels.count() * width))
    return add_by_tap(task, task.panels.vectors(panel), block, sums, next);
  if (block.lacks_border) read_input(task, false, block);
  run_tiles<T>(*kernels_, task.panels.vectors(panel), block.source, {task.area.tap_offsets, nullptr, taps},
               {task.area.pixel_offsets, block.pixels.count()}, task.area.panel, sums, next.panel, next.strip,
               next.results);
}

// All channels of a tap meet the border at the same pixels.
template <class T>
void ChannelSums<T>::add_by_tap(const Task& task, Index vectors, const Block& block, const Accumulators<T>& sums,
                                Prefetches& next) const noexcept {
  const TapBlock& taps = task.item.taps;
  const Area& area = task.area;
  const Index width = vectors * kernels_->lanes;
  Accumulators<T> here = sums;
  Index row = 0;
  for (Index i = 0; i < taps.size[0]; ++i)
    for (Index j = 0; j < taps.size[1]; ++j)
      for (Index k = 0; k < taps.size[2]; ++k, row += taps.channels) {
        const Index tap[] = {taps.first[0] + i, taps.first[1] + j, taps.first[2] + k};
        const BoxWalk walk = find_border_pixels(geometry_, block.pixels, tap, area.pixel_offsets);
        here.result = sums.result + row * width;
        run_tiles<T>(*kernels_, vectors, block.source, {area.tap_offsets + row, nullptr, taps.channels}, walk.reduction,
                     area.panel + walk.first * width, here, next.panel, next.strip, next.results);
      }
}

// Of G's next panel: the block's, or the first of the block that follows.
template <class T>
Prefetch<T> ChannelSums<T>::prefetch_of_grad(const Task& task, Index panel, const Block& block) const noexcept {
  if (!task.run.prefetches_grad) return {};
  const bool last = panel + 1 == task.panels.count();
  const PixelBlock& pixels = last ? block.following : block.pixels;
  if ((last && block.last) || pixels.images > 1) return {};
  const Index next = last ? 0 : panel + 1;
  const T* first = at_block(task.grad, pixels).data + task.panels.first_lane(next) * task.grad.inner;
  return {{first, task.grad.inner, task.panels.used_lanes(next), pixels.count()}, tiles_of_panel(task)};
}

template <class T>
Prefetch<T> ChannelSums<T>::prefetch_of_results(const Task& task, Index panel) const noexcept {
  Tensor<T> to = results_of(task.item, task.run.grad_kernel, geometry_.out_channels);
  to.data += task.panels.first_lane(panel) * to.inner;
  return prefetch_of_pixels(to, tap_box(task.item), 0, task.item.taps.count(), task.panels.used_lanes(panel),
                            tiles_of_panel(task));
}

template <class T>
Index ChannelSums<T>::tiles_of_panel(const Task& task) const noexcept {
  return divide_up(task.item.taps.count(), kernels_->tile_rows);
}

template <class T>
T* ChannelSums<T>::panel_sums(const Task& task, Index panel) const noexcept {
  return task.sums + task.panels.first_lane(panel) * task.item.taps.count();
}

template <class T>
void ChannelSums<T>::store(const Task& task) const noexcept {
  for (Index panel = 0; panel < task.panels.count(); ++panel) store_panel(task, panel);
}

template <class T>
void ChannelSums<T>::store_panel(const Task& task, Index panel) const noexcept {
  const PhaseTimer timer(Phase::storing);
  const PixelBox box = tap_box(task.item);
  const Index width = task.panels.width(panel);
  Tensor<T> to = results_of(task.item, task.run.grad_kernel, geometry_.out_channels);
  to.data += task.panels.first_lane(panel) * to.inner;
  const T* sums = panel_sums(task, panel);
  if (task.by_tap) {
    const Index channels = task.item.taps.channels;
    const Index kernel_taps = box.count() / channels;
    for (Index c = 0; c < channels; ++c)
      kernels_->copy_rows(sums + c * width, channels * width, kernel_taps, width,
                          task.area.ordered + c * kernel_taps * width, width);
    sums = task.area.ordered;
  }
  unpack_pixels(*kernels_, sums, width, box, 0, box.count(), task.panels.used_lanes(panel), to);
}

template void ChannelSums<float>::run(const Tensor<const float>&, const Tensor<const float>&, const Tensor<float>&,
                                      void*) const noexcept;
template void ChannelSums<double>::run(const Tensor<const double>&, const Tensor<const double>&, const Tensor<double>&,
                                       void*) const noexcept;

}  // namespace convgrad::gemm

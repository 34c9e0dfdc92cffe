// The third part of PixelSums: running. pixel_sums.cpp decides and binds.
#include <algorithm>

#include "algorithms/common/pixel_box.hpp"
#include "algorithms/gemm/grad_kernel/pixel_pieces.hpp"
#include "algorithms/gemm/grad_kernel/pixel_sums.hpp"
#include "algorithms/read/transpose_pixels.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

template <class T>
struct PixelSums<T>::Piece {
  GradKernelItem item;
  PixelBlock pixels;
};

// One part of an item's sums.
template <class T>
struct PixelSums<T>::Task {
  const Binding& run;
  const Area& area;
  GradKernelItem item;
  PixelPart part;
  Piece following;        // what this worker, or another soon, begins with after it, where that is prefetched
  Tensor<const T> input;  // from the group's first channel on
  Index channels_left;    // of the input, from there on
  Index tiles;            // of a piece, where prefetches share them
};

// What the tiles of a piece read, and meanwhile prefetch.
template <class T>
struct PixelSums<T>::Sources {
  StripShape shape;
  const T* strip;
  Tensor<const T> rows;  // of G
  Prefetch<T> next_input;
  Prefetch<T> next_grad;         // or, from where it lies in rows,
  const T* next_rows = nullptr;  // by the tiles themselves
};

template <class T>
void PixelSums<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& input, const Tensor<T>& grad_kernel,
                       void* workspace) const noexcept {
  const Binding run = bind(grad_output, input);
  const auto values = [](const GradKernelItem& item) { return item.channels * item.taps.count(); };
  run_parts(
      tasks_, areas_, part_elements_, workspace,
      [&](Index index, Index next, const Area& area, T* part_sums) {
        const Task task = task_of(run, area, index, next);
        accumulate(task);
        const PhaseTimer timer(Phase::adding_sums);
        T* sums = part_sums != nullptr ? part_sums : area.lanes;
        add_lanes(*kernels_, area.lanes, values(task.item), sums);
        if (part_sums == nullptr) tiles_.store(task.item, sums, grad_kernel);
      },
      [&](const GradKernelItem& item, T* sums, const Area&) {
        add_parts(sums, tasks_.parts(), part_elements_, values(item));
        tiles_.store(item, sums, grad_kernel);
      });
}

template <class T>
typename PixelSums<T>::Task PixelSums<T>::task_of(const Binding& run, const Area& area, Index index,
                                                  Index next) const noexcept {
  const Index parts = tasks_.parts();
  Task task{run, area, tasks_.item(index / parts), tasks_.part(index % parts), {}, run.input, 0, 0};
  task.input.data += task.item.group * geometry_.in_channels * run.input.inner;
  task.channels_left = (geometry_.groups - task.item.group) * geometry_.in_channels;
  if (!prefetches_grad_ && !prefetches_input_) return task;
  task.following = {tasks_.item(next / parts), tasks_.blocking().pixel_block(tasks_.part(next % parts).first_block)};
  task.tiles = tiles_.count(task.item);
  return task;
}

// Each piece waits until it is known which one comes next.
template <class T>
void PixelSums<T>::accumulate(const Task& task) const noexcept {
  PhaseTimer timer(Phase::multiplying);
  std::fill_n(task.area.lanes, task.item.channels * task.item.taps.count() * kernels::sum_lanes<T>, T{0});
  PixelBlock piece;
  for (Index b = task.part.first_block; b < task.part.end_block; ++b) {
    const PixelBlock block = tasks_.blocking().pixel_block(b);
    for_each_piece(block, pixels_of_piece(task, block), [&](const PixelBlock& next) {
      if (piece.count() > 0) add_piece(task, piece, {task.item, next}, timer);
      piece = next;
    });
  }
  if (piece.count() > 0) add_piece(task, piece, task.following, timer);
}

// At most so many: whatever of the block has to be copied must fit.
template <class T>
Index PixelSums<T>::pixels_of_piece(const Task& task, const PixelBlock& block) const noexcept {
  Index most = piece_pixels_;
  if (strip_pixels_ < most) {
    StripShape shape = shape_of(task, block);
    const T* ignored = nullptr;
    if (!reads_input_in_place(task, block, shape, ignored)) most = strip_pixels_;
  }
  if (copied_pixels_ < most && !reads_grad_in_place(task, block)) most = copied_pixels_;
  return most;
}

template <class T>
void PixelSums<T>::add_piece(const Task& task, const PixelBlock& pixels, const Piece& next,
                             PhaseTimer& timer) const noexcept {
  timer.next(Phase::packing_input);
  const Binding& run = task.run;
  Sources from{shape_of(task, pixels), task.area.strip, {}, {}, {}};
  if (!reads_input_in_place(task, pixels, from.shape, from.strip))
    from.shape.pack(*kernels_, geometry_, pixels, task.item.taps, task.input, task.area.strip);
  const bool grad_in_place = reads_grad_in_place(task, pixels);
  from.rows = grad_in_place ? at_block(grad_of(run, task.item), pixels) : copy_grad(task, pixels);
  timer.next(Phase::multiplying);
  const bool by_kernel_rows = tiles_.of_kernel_rows(task.item);
  if (prefetches_input_)
    from.next_input = prefetch_of_input(geometry_, run.input, next.item.group, next.pixels,
                                        next.item.taps.first_channel, next.item.taps.channels, task.tiles);
  if (prefetches_grad_) {
    const Tensor<const T> next_grad = at_block(grad_of(run, next.item), next.pixels);
    const PixelBox box{next.pixels.images, {next.pixels.size[0], next.pixels.size[1], next.pixels.size[2]}};
    if (by_kernel_rows)
      from.next_grad = prefetch_of_pixels(next_grad, box, 0, next.pixels.count(), 1, task.tiles);
    else if (grad_in_place)
      from.next_rows = next_grad.data;
  }
  if (by_kernel_rows)
    add_kernel_rows(task, pixels, from);
  else
    add_channels(task, pixels, from);
}

template <class T>
void PixelSums<T>::add_channels(const Task& task, const PixelBlock& pixels, const Sources& from) const noexcept {
  const Area& area = task.area;
  const Tensor<const T>& rows = from.rows;
  from.shape.fill_tap_offsets(task.item.taps, area.tap_offsets);
  Index count = 0;
  for (Index n = 0; n < pixels.images; ++n)
    for (Index i = 0; i < pixels.size[0]; ++i)
      for (Index j = 0; j < pixels.size[1]; ++j, ++count) {
        area.left_rows[count] = n * rows.outer + i * rows.axis[0] + j * rows.axis[1];
        area.right_rows[count] = from.shape.row_offset(n, i, j);
      }
  Prefetch<T> next_input = from.next_input;
  const T* const next_rows = from.next_rows;
  tiles_.for_each(task.item, [&](const DotTile& tile) {
    next_input.step();
    Index channel_offset[kernels::max_dot_rows];
    for (Index i = 0; i < tile.rows; ++i) channel_offset[i] = (tile.channel + i) * rows.inner;
    // The next channels are read after these, and after the last ones the first of another piece. Two tiles of the same
    // channels prefetch half of them each: all at once would wait for memory. Of more, loads leave no room for that.
    const bool halves = tile.columns == 2;
    const bool prefetches = next_rows != nullptr && (halves || tile.column == 0);
    Index ahead = tile.rows * rows.inner;
    if (prefetches && tile.channel + tile.rows == task.item.channels)
      ahead = next_rows - rows.data - tile.channel * rows.inner;
    if (halves) ahead += pixels.size[2] / 2 * tile.column;
    const Index slowness = !prefetches ? 0 : halves ? 2 : 1;
    kernels_->dot_tile[tile.rows - 1][tile.taps - 1]({rows.data, channel_offset, area.left_rows, ahead, slowness},
                                                     {from.strip, area.tap_offsets + tile.tap, area.right_rows}, count,
                                                     pixels.size[2],
                                                     area.lanes + tile.position * kernels::sum_lanes<T>);
  });
}

template <class T>
void PixelSums<T>::add_kernel_rows(const Task& task, const PixelBlock& pixels, const Sources& from) const noexcept {
  const Area& area = task.area;
  const Tensor<const T>& rows = from.rows;
  TapBlock taps = task.item.taps;
  taps.size[1] = 1;
  from.shape.fill_tap_offsets(taps, area.tap_offsets);
  Index planes = 0;
  for (Index n = 0; n < pixels.images; ++n)
    for (Index i = 0; i < pixels.size[0]; ++i, ++planes) {
      area.left_rows[planes] = n * rows.outer + i * rows.axis[0];
      area.right_rows[planes] = from.shape.row_offset(n, i, 0);
    }
  const Index strip_row = from.shape.row_offset(0, 0, 1) - from.shape.row_offset(0, 0, 0);
  kernels::DotRows address{area.left_rows, area.right_rows, planes,  pixels.size[1],
                           rows.axis[1],   strip_row,       nullptr, pixels.size[2]};
  Prefetch<T> next_input = from.next_input;
  Prefetch<T> next_grad = from.next_grad;
  tiles_.for_each(task.item, [&](const DotTile& tile) {
    next_input.step();
    next_grad.step();
    address.column = area.tap_offsets + tile.tap;
    kernels_->dot_rows[tile.rows - 1][tile.taps - 1](rows.data + tile.channel * rows.inner,
                                                     from.strip + tile.kernel_row * address.b_step, address,
                                                     area.lanes + tile.position * kernels::sum_lanes<T>);
  });
}

template <class T>
StripShape PixelSums<T>::shape_of(const Task& task, const PixelBlock& pixels) const noexcept {
  const TapBlock& taps = task.item.taps;
  return {geometry_, pixels.images, pixels.size, taps.channels, taps.size, StripShape::Order::pixels_adjacent};
}

// Then `strip` points into the input. Kernels load one vector more, to shift out of.
template <class T>
bool PixelSums<T>::reads_input_in_place(const Task& task, const PixelBlock& pixels, StripShape& shape,
                                        const T*& strip) const noexcept {
  return input_in_place_ && shape.in_place(geometry_, pixels, task.item.taps, task.input, task.channels_left,
                                           2 * kernels::sum_lanes<T>, strip);
}

// Whether G's rows can be read where they lie, as whole vectors: from the first element that is read behind the last
// row to the last that there is.
template <class T>
bool PixelSums<T>::reads_grad_in_place(const Task& task, const PixelBlock& pixels) const noexcept {
  if (!task.run.grad_in_rows) return false;
  const Tensor<const T>& grad = task.run.grad_output;
  const GradKernelItem& item = task.item;
  const Index channels_after =
      (geometry_.groups - item.group) * geometry_.out_channels - item.first_channel - item.channels;
  Index behind = round_up(pixels.size[2], kernels::sum_lanes<T>) - pixels.size[2];
  behind -= (geometry_.batch - pixels.first_image - pixels.images) * grad.outer + channels_after * grad.inner;
  for (int a = 0; a < axes; ++a) behind -= (geometry_.output[a] - pixels.first[a] - pixels.size[a]) * grad.axis[a];
  return behind <= 0;
}

template <class T>
Tensor<const T> PixelSums<T>::grad_of(const Binding& run, const GradKernelItem& item) const noexcept {
  Tensor<const T> grad = run.grad_output;
  grad.data += (item.group * geometry_.out_channels + item.first_channel) * grad.inner;
  return grad;
}

// The rows of an item's channels of G, copied and padded to whole vectors. Pixels of an NHWC array are transposed,
// unless a few channels of each are not worth it.
template <class T>
Tensor<const T> PixelSums<T>::copy_grad(const Task& task, const PixelBlock& block) const noexcept {
  const Tensor<const T> from = at_block(grad_of(task.run, task.item), block);
  const Index channels = task.item.channels;
  Tensor<const T> rows;
  rows.data = task.area.rows;
  rows.axis[2] = 1;
  rows.axis[1] = round_up(block.size[2], kernels::sum_lanes<T>);
  rows.axis[0] = block.size[1] * rows.axis[1];
  rows.outer = block.size[0] * rows.axis[0];
  rows.inner = block.images * rows.outer;
  const bool transposes = channels >= task.run.fewest_transposed;
  for (Index n = 0; n < block.images; ++n)
    for (Index i = 0; i < block.size[0]; ++i) {
      const T* plane = from.data + n * from.outer + i * from.axis[0];
      T* to = task.area.rows + n * rows.outer + i * rows.axis[0];
      if (!transposes) {
        for (Index channel = 0; channel < channels; ++channel)
          kernels_->copy_strided(plane + channel * from.inner, from.axis[1], from.axis[2], block.size[1], block.size[2],
                                 to + channel * rows.inner, rows.axis[1]);
        continue;
      }
      for (Index j = 0; j < block.size[1]; ++j)
        transpose_pixels(*kernels_, plane + j * from.axis[1], from.axis[2], block.size[2], channels,
                         j + 1 < block.size[1] ? plane + (j + 1) * from.axis[1] : nullptr, to + j * rows.axis[1],
                         rows.inner);
    }
  return rows;
}

template void PixelSums<float>::run(const Tensor<const float>&, const Tensor<const float>&, const Tensor<float>&,
                                    void*) const noexcept;
template void PixelSums<double>::run(const Tensor<const double>&, const Tensor<const double>&, const Tensor<double>&,
                                     void*) const noexcept;

}  // namespace convgrad::gemm

#include "algorithms/gemm/grad_kernel/pixel_sums.hpp"

#include <algorithm>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/sum_order.hpp"
#include "algorithms/read/strip.hpp"
#include "algorithms/read/transpose_pixels.hpp"
#include "core/parallel.hpp"
#include "core/phases.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

namespace order = sum_order::pixel_sums;

// The lanes' sums of some values, added up in a fixed tree: of several values at once. `sums` may be `lanes`.
template <class T>
void add_lanes(const kernels::KernelSet<T>& kernels, const T* lanes, Index values, T* sums) noexcept {
  constexpr Index count = kernels::sum_lanes<T>;
  T turned[count * count] = {};
  for (Index done = 0; done < values; done += count) {
    const Index some = smaller(count, values - done);
    kernels.transpose_padded(lanes + done * count, count, some, count, turned, count);
    for (Index half = count / 2; half > 0; half /= 2)
      for (Index i = 0; i < half; ++i)
        for (Index value = 0; value < count; ++value) turned[i * count + value] += turned[(i + half) * count + value];
    std::copy_n(turned, some, sums + done);
  }
}

// Calls visit(piece) for pieces of a block of at most so many pixels, in their order: some images, planes or rows, or
// of a row that is longer itself, a multiple of sum_lanes as `most` then has to be.
template <class Visit>
void for_each_piece(const PixelBlock& block, Index most, const Visit& visit) noexcept {
  const Index size[] = {block.images, block.size[0], block.size[1], block.size[2]};
  int cut = 0;  // the axis that pieces are of; of outer ones they have one position
  Index inner = block.count() / size[0];
  while (inner > most) inner /= size[++cut];
  const Index step = most / inner;
  const Index along_cut = divide_up(size[cut], step);
  const Index pieces = block.count() / (size[cut] * inner) * along_cut;
  for (Index number = 0; number < pieces; ++number) {
    Index first[] = {0, 0, 0, 0};
    Index count[] = {size[0], size[1], size[2], size[3]};
    first[cut] = number % along_cut * step;
    count[cut] = smaller(step, size[cut] - first[cut]);
    Index outer = number / along_cut;
    for (int axis = cut - 1; axis >= 0; outer /= size[axis--]) {
      first[axis] = outer % size[axis];
      count[axis] = 1;
    }
    PixelBlock piece = block;
    piece.first_image += first[0];
    piece.images = count[0];
    for (int a = 0; a < axes; ++a) {
      piece.first[a] += first[a + 1];
      piece.size[a] = count[a + 1];
    }
    visit(piece);
  }
}

// So many bytes, but whole vectors.
template <class T>
Index whole_vectors(Index bytes) noexcept {
  return round_up(larger(1, bytes / Index{sizeof(T)}), kernels::sum_lanes<T>);
}

}  // namespace

template <class T>
struct PixelSums<T>::Piece {
  GradKernelItem item;
  PixelBlock pixels;
};

template <class T>
struct PixelSums<T>::Worker {
  T* strip;
  T* rows;
  T* lanes;  // [tile by tile: output channel, tap][sum_lanes]
  Index* left_rows;
  Index* right_rows;
  Index* tap_offsets;
};

template <class T>
PixelSums<T>::PixelSums(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : geometry_(geometry), kernels_(&kernels) {
  const Tuning& tuning = tuning_of(kernels);
  constexpr Index size = sizeof(T);
  constexpr Index lanes = kernels::sum_lanes<T>;
  const Index channels = larger(1, geometry.out_channels);
  input_in_place_ = tuning.pixel_sums_input_in_place != 0;
  grad_in_place_ = tuning.pixel_sums_grad_in_place != 0;
  fewest_transposed_ = tuning.pixel_sums_transposed_channels;
  prefetches_input_ = input_bytes<T>(geometry) > tuning.pixel_sums_prefetch_input;
  prefetches_grad_ = output_bytes<T>(geometry) > tuning.pixel_sums_prefetch_grad;
  ItemCost cost;
  cost.column_unit = lanes;
  cost.strip_element = tuning.pixel_sums_strip_cost;
  cost.grad_output = tuning.pixel_sums_grad_cost;
  // A 1x1 kernel's blocks are copied in pieces, if at all, so no strip limits their channels. In an NHWC array these
  // are neighbors: some cache lines of each pixel then.
  BlockingLimits limits{order::block_pixels, order::item_bytes / size / lanes / channels, order::strip_bytes / size,
                        true};
  if (geometry.taps_per_channel() == 1) {
    limits.taps = smaller(limits.taps, order::channel_bytes_1x1 / size);
    limits.strip_elements = INT32_MAX;
  }
  tasks_ = GradKernelTasks(geometry, limits, channels, cost);

  const Index items = tasks_.items();
  const Index values = saturating_product(items, channels * tasks_.blocking().most_taps());
  // Each part adds up the lanes of all its values.
  const double fewest = static_cast<double>(channels * tasks_.blocking().most_taps() * lanes) * order::part_vectors;
  const double by_work = 1 + geometry.multiplications() / std::max(order::part_multiplications, fewest);
  Index parts = by_work < order::parts_wanted ? static_cast<Index>(by_work) : order::parts_wanted;
  parts = smaller(parts, divide_up(order::parts_wanted, larger(1, items)));
  parts = smaller(parts, smaller(tasks_.blocking().pixel_blocks(), order::all_parts_bytes / size / larger(1, values)));
  tasks_.set_parts(parts);

  const Index useful = useful_threads(tuning, geometry, threads);
  tiles_ = DotTiles<T>(geometry, kernels, tasks_.blocking().most_taps());
  tasks_.share(tuning, useful, tiles_.channels());
  threads_ = static_cast<int>(larger(1, smaller(useful, tasks_.count())));
  const Blocking& blocking = tasks_.blocking();
  const Index item_channels = tasks_.channels_per_item();

  WorkspaceLayout shared;
  if (tasks_.parts() > 1) sums_ = shared.reserve<T>(tasks_.count() * item_channels * blocking.most_taps());
  worker_begin_ = shared.bytes();
  WorkspaceLayout worker;
  const Index rows = blocking.most_rows();
  const bool read_once = item_channels <= kernels::max_dot_rows;
  most_at_once_ = read_once ? blocking.most_pixels() : whole_vectors<T>(tuning.pixel_sums_piece);
  most_together_ = most_at_once_;
  Index strip = blocking.strip_room();
  if (geometry.taps_per_channel() == 1) {
    most_together_ =
        smaller(most_together_, round_up(divide_up(tuning.pixel_sums_strip_piece / size, blocking.most_taps()), lanes));
    strip = smaller(strip, StripShape::room(most_together_, blocking.most_taps()));
  }
  strip_ = worker.reserve<T>(strip + 2 * lanes);
  // In rows that are padded to whole vectors: as many, or of a row that is longer, a multiple of a vector.
  const Index width = geometry.output[2];
  const Index vectors = larger(1, tuning.pixel_sums_grad_piece / size / item_channels / lanes);
  most_copied_ = larger(vectors * smaller(width, lanes), 1);
  rows_ = worker.reserve<T>(item_channels *
                            larger(vectors * lanes, most_copied_ / larger(1, width) * round_up(width, lanes)));
  lanes_ = worker.reserve<T>(item_channels * blocking.most_taps() * lanes);
  left_rows_ = worker.reserve<Index>(rows);
  right_rows_ = worker.reserve<Index>(rows);
  tap_offsets_ = worker.reserve<Index>(blocking.most_taps());
  worker_bytes_ = worker.bytes();
}

template <class T>
void PixelSums<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& input, const Tensor<T>& grad_kernel,
                       void* workspace) const noexcept {
  if (geometry_.out_channels == 0 || geometry_.in_channels == 0) return;
  T* sums = at_offset<T>(workspace, sums_);
  const Index parts = tasks_.parts();
  const Index most = tasks_.channels_per_item() * tasks_.blocking().most_taps();

  parallel_for(threads_, tasks_.count(), [&](Index index, int number) {
    void* area = at_offset<char>(workspace, worker_begin_ + static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<T>(area, strip_),          at_offset<T>(area, rows_),
                        at_offset<T>(area, lanes_),          at_offset<Index>(area, left_rows_),
                        at_offset<Index>(area, right_rows_), at_offset<Index>(area, tap_offsets_)};
    const GradKernelItem item = tasks_.item(index / parts);
    // What this worker, or another soon, does after it.
    const Index next = smaller(index + threads_, tasks_.count() - 1);
    const Piece following{tasks_.item(next / parts),
                          tasks_.blocking().pixel_block(tasks_.part(next % parts).first_block)};
    accumulate(item, tasks_.part(index % parts), following, grad_output, input, worker);
    const PhaseTimer timer(Phase::adding_sums);
    const Index values = item.channels * item.taps.count();
    T* to = parts == 1 ? worker.lanes : sums + index * most;
    add_lanes(*kernels_, worker.lanes, values, to);
    if (parts == 1) tiles_.store(item, to, grad_kernel);
  });
  if (parts == 1) return;
  const PhaseTimer timer(Phase::adding_sums);
  parallel_for(threads_, tasks_.items(), [&](Index index, int) {
    const GradKernelItem item = tasks_.item(index);
    T* first = sums + index * parts * most;
    // In a fixed tree.
    for (Index distance = 1; distance < parts; distance *= 2)
      for (Index i = 0; i + distance < parts; i += 2 * distance) {
        T* sum = first + i * most;
        const T* other = sum + distance * most;
        for (Index e = 0; e < item.channels * item.taps.count(); ++e) sum[e] += other[e];
      }
    tiles_.store(item, first, grad_kernel);
  });
}

template <class T>
void PixelSums<T>::accumulate(const GradKernelItem& item, const PixelPart& part, const Piece& following,
                              const Tensor<const T>& grad_output, const Tensor<const T>& input,
                              const Worker& worker) const noexcept {
  PhaseTimer timer(Phase::multiplying);
  constexpr Index lanes = kernels::sum_lanes<T>;
  const TapBlock& taps = item.taps;
  Tensor<const T> group_input = input;
  group_input.data += item.group * geometry_.in_channels * input.inner;
  const Tensor<const T> item_grad = grad_of(item, grad_output);
  for (Index e = 0; e < item.channels * taps.count() * lanes; ++e) worker.lanes[e] = T{0};

  const Index channels_left = (geometry_.groups - item.group) * geometry_.in_channels;
  const auto strip_shape = [&](const PixelBlock& pixels) {
    return StripShape(geometry_, pixels.images, pixels.size, taps.channels, taps.size,
                      StripShape::Order::pixels_adjacent);
  };
  const Index tiles = tiles_.count(item);
  const auto accumulate_piece = [&](const PixelBlock& pixels, const Piece& next) {
    timer.next(Phase::packing_input);
    StripShape shape = strip_shape(pixels);
    const T* strip = worker.strip;
    // Kernels load one vector more, to shift out of.
    if (!input_in_place_ || !shape.in_place(geometry_, pixels, taps, group_input, channels_left, 2 * lanes, strip))
      shape.pack(*kernels_, geometry_, pixels, taps, group_input, worker.strip);
    const bool in_place = grad_in_place(pixels, grad_output, item);
    const Tensor<const T> rows = rows_of(pixels, item_grad, item.channels, in_place, worker);
    timer.next(Phase::multiplying);
    Prefetch<T> next_input, next_grad;
    if (prefetches_input_)
      next_input = prefetch_of_input(geometry_, input, next.item.group, next.pixels, next.item.taps.first_channel,
                                     next.item.taps.channels, tiles);
    const Tensor<const T> next_grads = at_block(grad_of(next.item, grad_output), next.pixels);
    if (tiles_.of_kernel_rows(item)) {
      if (prefetches_grad_) {
        const PixelBox box{next.pixels.images, {next.pixels.size[0], next.pixels.size[1], next.pixels.size[2]}};
        next_grad = prefetch_of_pixels(next_grads, box, 0, next.pixels.count(), 1, tiles);
      }
      add_kernel_rows(item, pixels, rows, shape, strip, next_input, next_grad, worker);
    } else {
      add_channels(item, pixels, rows, in_place ? next_grads.data : nullptr, shape, strip, next_input, worker);
    }
  };
  PixelBlock piece;
  for (Index b = part.first_block; b < part.end_block; ++b) {
    const PixelBlock block = tasks_.blocking().pixel_block(b);
    const T* ignored = nullptr;
    Index together = most_at_once_;
    if (!input_in_place_ ||
        !strip_shape(block).in_place(geometry_, block, taps, group_input, channels_left, 2 * lanes, ignored))
      together = smaller(together, most_together_);
    if (!grad_in_place(block, grad_output, item)) together = smaller(together, most_copied_);
    for_each_piece(block, together, [&](const PixelBlock& next) {
      if (piece.count() > 0) accumulate_piece(piece, {item, next});
      piece = next;
    });
  }
  if (piece.count() > 0) accumulate_piece(piece, following);
}

// `next` is G's part of the next piece, or null: nothing is asked for then.
template <class T>
void PixelSums<T>::add_channels(const GradKernelItem& item, const PixelBlock& pixels, const Tensor<const T>& rows,
                                const T* next, const StripShape& shape, const T* strip, Prefetch<T> next_input,
                                const Worker& worker) const noexcept {
  shape.fill_tap_offsets(item.taps, worker.tap_offsets);
  Index count = 0;
  for (Index n = 0; n < pixels.images; ++n)
    for (Index i = 0; i < pixels.size[0]; ++i)
      for (Index j = 0; j < pixels.size[1]; ++j, ++count) {
        worker.left_rows[count] = n * rows.outer + i * rows.axis[0] + j * rows.axis[1];
        worker.right_rows[count] = shape.row_offset(n, i, j);
      }
  tiles_.for_each(item, [&](const DotTile& tile) {
    next_input.step();
    Index channel_offset[kernels::max_dot_rows];
    for (Index i = 0; i < tile.rows; ++i) channel_offset[i] = (tile.channel + i) * rows.inner;
    // The next channels are read after these, and after the last ones the first of another piece. Two tiles of the same
    // channels ask for half of them each: all at once would wait for memory. Of more, loads leave no room for that.
    const bool halves = tile.columns == 2;
    const bool asks = next != nullptr && prefetches_grad_ && (halves || tile.column == 0);
    Index ahead = tile.rows * rows.inner;
    if (asks && tile.channel + tile.rows == item.channels) ahead = next - rows.data - tile.channel * rows.inner;
    if (halves) ahead += pixels.size[2] / 2 * tile.column;
    const Index slowness = !asks ? 0 : halves ? 2 : 1;
    kernels_->dot_tile[tile.rows - 1][tile.taps - 1]({rows.data, channel_offset, worker.left_rows, ahead, slowness},
                                                     {strip, worker.tap_offsets + tile.tap, worker.right_rows}, count,
                                                     pixels.size[2],
                                                     worker.lanes + tile.position * kernels::sum_lanes<T>);
  });
}

template <class T>
void PixelSums<T>::add_kernel_rows(const GradKernelItem& item, const PixelBlock& pixels, const Tensor<const T>& rows,
                                   const StripShape& shape, const T* strip, Prefetch<T> next_input,
                                   Prefetch<T> next_grad, const Worker& worker) const noexcept {
  TapBlock taps = item.taps;
  taps.size[1] = 1;
  shape.fill_tap_offsets(taps, worker.tap_offsets);
  Index planes = 0;
  for (Index n = 0; n < pixels.images; ++n)
    for (Index i = 0; i < pixels.size[0]; ++i, ++planes) {
      worker.left_rows[planes] = n * rows.outer + i * rows.axis[0];
      worker.right_rows[planes] = shape.row_offset(n, i, 0);
    }
  kernels::DotRows address{worker.left_rows, worker.right_rows, planes,
                           pixels.size[1],   rows.axis[1],      shape.row_offset(0, 0, 1) - shape.row_offset(0, 0, 0),
                           nullptr,          pixels.size[2]};
  tiles_.for_each(item, [&](const DotTile& tile) {
    next_input.step();
    next_grad.step();
    address.column = worker.tap_offsets + tile.tap;
    kernels_->dot_rows[tile.rows - 1][tile.taps - 1](rows.data + tile.channel * rows.inner,
                                                     strip + tile.kernel_row * address.b_step, address,
                                                     worker.lanes + tile.position * kernels::sum_lanes<T>);
  });
}

template <class T>
Tensor<const T> PixelSums<T>::grad_of(const GradKernelItem& item, const Tensor<const T>& grad_output) const noexcept {
  Tensor<const T> grad = grad_output;
  grad.data += (item.group * geometry_.out_channels + item.first_channel) * grad_output.inner;
  return grad;
}

// Whether G's rows can be read where they lie, as whole vectors.
template <class T>
bool PixelSums<T>::grad_in_place(const PixelBlock& pixels, const Tensor<const T>& grad_output,
                                 const GradKernelItem& item) const noexcept {
  if (!grad_in_place_ || grad_output.axis[2] != 1 || grad_output.inner < 0 || grad_output.outer < 0) return false;
  const Index channels_after =
      (geometry_.groups - item.group) * geometry_.out_channels - item.first_channel - item.channels;
  // From the first element that is read behind the last row to the last that there is.
  Index behind = round_up(pixels.size[2], kernels::sum_lanes<T>) - pixels.size[2];
  behind -=
      (geometry_.batch - pixels.first_image - pixels.images) * grad_output.outer + channels_after * grad_output.inner;
  for (int a = 0; a < axes; ++a) {
    if (grad_output.axis[a] < 0) return false;
    behind -= (geometry_.output[a] - pixels.first[a] - pixels.size[a]) * grad_output.axis[a];
  }
  return behind <= 0;
}

// The rows of an item's channels of G: in place, or copied and padded to whole vectors.
template <class T>
Tensor<const T> PixelSums<T>::rows_of(const PixelBlock& block, const Tensor<const T>& item_grad, Index channels,
                                      bool in_place, const Worker& worker) const noexcept {
  const Tensor<const T> from = at_block(item_grad, block);
  if (in_place) return from;
  Tensor<const T> rows;
  rows.data = worker.rows;
  rows.axis[2] = 1;
  rows.axis[1] = round_up(block.size[2], kernels::sum_lanes<T>);
  rows.axis[0] = block.size[1] * rows.axis[1];
  rows.outer = block.size[0] * rows.axis[0];
  rows.inner = block.images * rows.outer;
  // Pixels of an NHWC array, unless a few channels of each are not worth it.
  const bool neighbors = from.inner == 1 && channels >= fewest_transposed_;
  for (Index n = 0; n < block.images; ++n)
    for (Index i = 0; i < block.size[0]; ++i) {
      const T* plane = from.data + n * from.outer + i * from.axis[0];
      T* to = worker.rows + n * rows.outer + i * rows.axis[0];
      for (Index channel = 0; channel < (neighbors ? 0 : channels); ++channel)
        kernels_->copy_strided(plane + channel * from.inner, from.axis[1], from.axis[2], block.size[1], block.size[2],
                               to + channel * rows.inner, rows.axis[1]);
      for (Index j = 0; j < (neighbors ? block.size[1] : 0); ++j)
        transpose_pixels(*kernels_, plane + j * from.axis[1], from.axis[2], block.size[2], channels,
                         j + 1 < block.size[1] ? plane + (j + 1) * from.axis[1] : nullptr, to + j * rows.axis[1],
                         rows.inner);
    }
  return rows;
}

template class PixelSums<float>;
template class PixelSums<double>;

}  // namespace convgrad::gemm

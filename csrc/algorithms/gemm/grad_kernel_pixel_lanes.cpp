#include "algorithms/gemm/grad_kernel_pixel_lanes.hpp"

#include "algorithms/gemm/strip.hpp"
#include "core/parallel.hpp"
#include "core/phases.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

// All of these shape the order of the sum, so they must not depend on the instruction set.
constexpr Index strip_bytes = Index{384} << 10;
constexpr Index lane_bytes = Index{512} << 10;
constexpr Index row_bytes = Index{192} << 10;
constexpr Index sum_bytes = Index{256} << 10;
constexpr Index parts_wanted = 64;  // of all items together
constexpr double multiplications_per_part = 2.5e5;
constexpr Index channel_bytes = 512;
constexpr Index pixels_per_block = 4096;

// The lanes' sums, added up in a fixed tree.
template <class T>
T add_lanes(T* lanes) noexcept {
  for (Index half = kernels::row_lanes<T> / 2; half > 0; half /= 2)
    for (Index i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}

// Calls visit(piece) for pieces of a block of at most so many pixels, in their order: some images, planes or rows, or
// of a row that is longer itself, a multiple of row_lanes as `most` then has to be.
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

}  // namespace

template <class T>
struct GradKernelPixelLanes<T>::Worker {
  T* strip;
  T* rows;
  T* lanes;  // [tile by tile: output channel, tap][row_lanes]
  Index* left_rows;
  Index* right_rows;
  Index* tap_offsets;
};

template <class T>
GradKernelPixelLanes<T>::GradKernelPixelLanes(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                                              int threads) noexcept
    : geometry_(geometry), kernels_(&kernels) {
  constexpr Index size = sizeof(T);
  constexpr Index lanes = kernels::row_lanes<T>;
  const Index channels = larger(1, geometry.out_channels);
  // A row of one pixel still takes a whole vector.
  const Index columns = smaller(geometry.output[2], lanes);
  const Index pixels = larger(1, smaller(pixels_per_block, row_bytes / size / channels / lanes * columns));
  ItemCost cost;
  cost.column_unit = lanes;
  cost.strip_element = 16;
  cost.grad_output = 4;
  // A 1x1 kernel's blocks are copied in pieces, if at all, so no strip limits their channels. In an NHWC array these
  // are neighbors: some cache lines of each pixel then.
  BlockingLimits limits{pixels, lane_bytes / size / lanes / channels, strip_bytes / size, true};
  if (geometry.taps_per_channel() == 1) {
    limits.taps = smaller(limits.taps, channel_bytes / size);
    limits.strip_elements = INT32_MAX;
  }
  tasks_ = GradKernelTasks(geometry, limits, channels, cost);

  const Index items = tasks_.items();
  const Index values = saturating_product(items, channels * tasks_.blocking().most_taps());
  const double by_work = 1 + geometry.multiplications() / multiplications_per_part;
  Index parts = by_work < parts_wanted ? static_cast<Index>(by_work) : parts_wanted;
  parts = smaller(parts, divide_up(parts_wanted, larger(1, items)));
  parts = smaller(parts, smaller(tasks_.blocking().pixel_blocks(), sum_bytes / size / larger(1, values)));
  tasks_.set_parts(parts);

  const Index useful = useful_threads(geometry, threads);
  tasks_.share(useful, channels);
  threads_ = static_cast<int>(larger(1, smaller(useful, tasks_.count())));
  const Blocking& blocking = tasks_.blocking();

  WorkspaceLayout shared;
  if (tasks_.parts() > 1) sums_ = shared.reserve<T>(tasks_.count() * channels * blocking.most_taps());
  worker_begin_ = shared.bytes();
  WorkspaceLayout worker;
  const Index rows = blocking.most_rows();
  most_together_ = blocking.most_pixels();
  Index strip = blocking.strip_room();
  if (geometry.taps_per_channel() == 1) {
    most_together_ = smaller(most_together_, round_up(divide_up(strip_bytes / size, blocking.most_taps()), lanes));
    strip = smaller(strip, StripShape::room(most_together_, blocking.most_taps()));
  }
  strip_ = worker.reserve<T>(strip + 2 * lanes);
  rows_ = worker.reserve<T>(channels * rows * round_up(blocking.most_columns(), lanes));
  lanes_ = worker.reserve<T>(channels * blocking.most_taps() * lanes);
  left_rows_ = worker.reserve<Index>(rows);
  right_rows_ = worker.reserve<Index>(rows);
  tap_offsets_ = worker.reserve<Index>(blocking.most_taps());
  worker_bytes_ = worker.bytes();
}

template <class T>
void GradKernelPixelLanes<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& input,
                                  const Tensor<T>& grad_kernel, void* workspace) const noexcept {
  const Index channels = geometry_.out_channels;
  if (channels == 0 || geometry_.in_channels == 0) return;
  T* sums = at_offset<T>(workspace, sums_);
  const Index parts = tasks_.parts();
  const Index most = channels * tasks_.blocking().most_taps();
  // One value of dK from its sums over the parts, added up in a fixed tree: `values` apart.
  const auto add_parts = [parts](T* first, Index distance_of_parts) {
    for (Index distance = 1; distance < parts; distance *= 2)
      for (Index i = 0; i + distance < parts; i += 2 * distance)
        first[i * distance_of_parts] += first[(i + distance) * distance_of_parts];
    return first[0];
  };
  const auto element = [&](const TapBlock& taps, Index group, Index channel, Index tap) -> T& {
    Index at[axes];
    for (int a = axes - 1; a >= 0; --a) {
      at[a] = taps.first[a] + tap % taps.size[a];
      tap /= taps.size[a];
    }
    return grad_kernel
        .data[(group * channels + channel) * grad_kernel.outer + (taps.first_channel + tap) * grad_kernel.inner +
              at[0] * grad_kernel.axis[0] + at[1] * grad_kernel.axis[1] + at[2] * grad_kernel.axis[2]];
  };

  parallel_for(threads_, tasks_.count(), [&](Index index, int number) {
    void* area = at_offset<char>(workspace, worker_begin_ + static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<T>(area, strip_),          at_offset<T>(area, rows_),
                        at_offset<T>(area, lanes_),          at_offset<Index>(area, left_rows_),
                        at_offset<Index>(area, right_rows_), at_offset<Index>(area, tap_offsets_)};
    const GradKernelItem item = tasks_.item(index / parts);
    accumulate(item, tasks_.part(index % parts), grad_output, input, worker);
    const Index taps = item.taps.count();
    const PhaseTimer timer(Phase::adding_sums);
    for_each_tile(item.taps, [&](Index first_channel, Index rows, Index first_tap, Index columns, Index position) {
      for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < columns; ++j) {
          const T sum = add_lanes(worker.lanes + (position + i * columns + j) * kernels::row_lanes<T>);
          if (parts == 1)
            element(item.taps, item.group, first_channel + i, first_tap + j) = sum;
          else
            sums[index * most + (first_channel + i) * taps + first_tap + j] = sum;
        }
    });
  });
  if (parts == 1) return;
  const PhaseTimer timer(Phase::adding_sums);
  parallel_for(threads_, tasks_.items(), [&](Index index, int) {
    const GradKernelItem item = tasks_.item(index);
    const Index taps = item.taps.count();
    for (Index channel = 0; channel < channels; ++channel)
      for (Index tap = 0; tap < taps; ++tap)
        element(item.taps, item.group, channel, tap) =
            add_parts(sums + index * parts * most + channel * taps + tap, most);
  });
}

// The accumulators of an item, tile by tile: visit(first channel, channels, first tap, taps, place of the first in the
// lanes).
template <class T>
template <class Visit>
void GradKernelPixelLanes<T>::for_each_tile(const TapBlock& block, const Visit& visit) const noexcept {
  const Index taps = block.count();
  const Index row_of_taps = block.size[2];
  const Index groups = divide_up(geometry_.out_channels, kernels::max_dot_rows);
  Index position = 0;
  for (Index group = 0; group < groups; ++group) {
    const Index first = geometry_.out_channels * group / groups;
    const Index rows = geometry_.out_channels * (group + 1) / groups - first;
    // One channel alone is served best by whole rows of taps (dot_tile.inc.hpp): then that is how tiles are cut.
    const Index most = kernels_->dot_columns[rows - 1];
    const bool whole_rows = rows == 1 && row_of_taps <= most && taps % row_of_taps == 0;
    const Index unit = whole_rows ? row_of_taps : 1;
    const Index tiles = divide_up(taps / unit, most / unit);
    for (Index tile = 0; tile < tiles; ++tile) {
      const Index first_tap = taps / unit * tile / tiles * unit;
      const Index columns = taps / unit * (tile + 1) / tiles * unit - first_tap;
      visit(first, rows, first_tap, columns, position);
      position += rows * columns;
    }
  }
}

template <class T>
void GradKernelPixelLanes<T>::accumulate(const GradKernelItem& item, const PixelPart& part,
                                         const Tensor<const T>& grad_output, const Tensor<const T>& input,
                                         const Worker& worker) const noexcept {
  PhaseTimer timer(Phase::multiplying);
  constexpr Index lanes = kernels::row_lanes<T>;
  const TapBlock& taps = item.taps;
  Tensor<const T> group_input = input;
  group_input.data += item.group * geometry_.in_channels * input.inner;
  Tensor<const T> group_grad = grad_output;
  group_grad.data += item.group * geometry_.out_channels * grad_output.inner;
  for (Index e = 0; e < geometry_.out_channels * taps.count() * lanes; ++e) worker.lanes[e] = T{0};

  const Index channels_left = (geometry_.groups - item.group) * geometry_.in_channels;
  const auto strip_shape = [&](const PixelBlock& pixels) {
    return StripShape(geometry_, pixels.images, pixels.size, taps.channels, taps.size,
                      StripShape::Order::pixels_adjacent);
  };
  const auto accumulate_piece = [&](const PixelBlock& pixels) {
    timer.next(Phase::packing_input);
    StripShape shape = strip_shape(pixels);
    const T* strip = worker.strip;
    // Kernels load one vector more, to shift out of.
    if (!shape.in_place(geometry_, pixels, taps, group_input, channels_left, 2 * lanes, strip))
      shape.pack(*kernels_, geometry_, pixels, taps, group_input, worker.strip);
    shape.fill_tap_offsets(taps, worker.tap_offsets);
    pack_rows(pixels, group_grad, worker.rows);
    const Index width = round_up(pixels.size[2], lanes);
    Index rows = 0;
    for (Index n = 0; n < pixels.images; ++n)
      for (Index i = 0; i < pixels.size[0]; ++i)
        for (Index j = 0; j < pixels.size[1]; ++j, ++rows) {
          worker.left_rows[rows] = rows * width;
          worker.right_rows[rows] = shape.row_offset(n, i, j);
        }
    timer.next(Phase::multiplying);
    for_each_tile(taps, [&](Index first_channel, Index height, Index first_tap, Index columns, Index position) {
      Index channel_offset[kernels::max_dot_rows];
      for (Index i = 0; i < height; ++i) channel_offset[i] = (first_channel + i) * rows * width;
      kernels_->dot_tile[height - 1][columns - 1]({worker.rows, channel_offset, worker.left_rows},
                                                  {strip, worker.tap_offsets + first_tap, worker.right_rows}, rows,
                                                  pixels.size[2], worker.lanes + position * lanes);
    });
  };
  for (Index b = part.first_block; b < part.end_block; ++b) {
    const PixelBlock block = tasks_.blocking().pixel_block(b);
    const T* ignored = nullptr;
    const bool in_place =
        strip_shape(block).in_place(geometry_, block, taps, group_input, channels_left, 2 * lanes, ignored);
    for_each_piece(block, in_place ? block.count() : most_together_, accumulate_piece);
  }
}

// G's rows, each padded with zeros to whole vectors.
template <class T>
void GradKernelPixelLanes<T>::pack_rows(const PixelBlock& block, const Tensor<const T>& grad_output,
                                        T* rows) const noexcept {
  const Index width = round_up(block.size[2], kernels::row_lanes<T>);
  const T* from = grad_output.data + block.first_image * grad_output.outer;
  for (int a = 0; a < axes; ++a) from += block.first[a] * grad_output.axis[a];
  for (Index channel = 0; channel < geometry_.out_channels; ++channel)
    for (Index n = 0; n < block.images; ++n)
      for (Index i = 0; i < block.size[0]; ++i) {
        const T* plane = from + channel * grad_output.inner + n * grad_output.outer + i * grad_output.axis[0];
        kernels_->copy_strided(plane, grad_output.axis[1], grad_output.axis[2], block.size[1], block.size[2], rows,
                               width);
        for (Index j = 0; j < block.size[1]; ++j, rows += width)
          for (Index k = block.size[2]; k < width; ++k) rows[k] = T{0};
      }
}

template class GradKernelPixelLanes<float>;
template class GradKernelPixelLanes<double>;

}  // namespace convgrad::gemm

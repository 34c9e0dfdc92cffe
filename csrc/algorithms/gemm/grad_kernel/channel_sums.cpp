#include "algorithms/gemm/grad_kernel/channel_sums.hpp"

#include <algorithm>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/machine.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/border/border_pixels.hpp"
#include "algorithms/gemm/panels/pack_pixels.hpp"
#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/gemm/sum_order.hpp"
#include "algorithms/gemm/write/unpack.hpp"
#include "algorithms/read/strip.hpp"
#include "core/parallel.hpp"
#include "core/phases.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

namespace order = sum_order::channel_sums;

// The most lines of so many rows, `pitch` elements apart, that compete for one place.
template <class T>
Index lines_of_a_place(Index pitch, Index rows) noexcept {
  constexpr Index places = first_level_way_bytes / cache_line_bytes;
  Index lines[places] = {};
  Index last = -1;
  Index most = 0;
  for (Index row = 0; row < rows; ++row) {
    const Index line = row * (pitch < 0 ? -pitch : pitch) * Index{sizeof(T)} / cache_line_bytes;
    if (line != last) most = larger(most, ++lines[line % places]);
    last = line;
  }
  return most;
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

// Whether a panel of one vector has high tiles (find_group_kind), as long as taps are not put in another order.
template <class T>
bool taps_in_groups(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  bool any = false;
  for (Index kind = 0; kind < kernels::grouped_tile_kinds; ++kind)
    any = any || (geometry.kernel[2] % kernels::rows_of_group[kind] == 0 &&
                  kernels.grouped_tile_rows[kind] > kernels.narrow_tile_rows);
  return any && (geometry.dilation[2] == 1 || geometry.dilation[2] == geometry.stride[2]);
}

}  // namespace

template <class T>
struct ChannelSums<T>::Worker {
  T* strip;
  T* panel;
  T* accumulators;
  Index* pixel_offsets;
  Index* tap_offsets;
  Index* offsets_by_channel;  // of the taps, before they go tap by tap
  T* ordered;                 // the sums of a panel, channel by channel
};

// What holds the input under a block.
template <class T>
struct ChannelSums<T>::Source {
  const T* data;
  bool lacks_border;
};

// What is packed after the panel that is being multiplied, and where that is stored.
template <class T>
struct ChannelSums<T>::Next {
  Prefetch<T> panel;
  Prefetch<T> strip;
  Prefetch<T> results;
};

template <class T>
ChannelSums<T>::ChannelSums(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : geometry_(geometry), kernels_(&kernels) {
  const Tuning& tuning = tuning_of(kernels);
  constexpr Index size = sizeof(T);
  constexpr Index widest_panel = order::widest_panel_bytes / size;
  // As many output channels as share a strip: more where there are fewer taps to keep sums for.
  const Index taps = larger(1, geometry.in_channels * geometry.taps_per_channel());
  const Index fitting = order::item_bytes / size / taps / widest_panel * widest_panel;
  const Index most = smaller(order::most_channels_of_item, larger(order::fewest_channels_of_item, fitting));
  const Index blocks_of_channels = divide_up(geometry.out_channels, most);
  const Index channels = larger(1, divide_up(geometry.out_channels, larger(1, blocks_of_channels)));
  const Index padded = round_up(channels, widest_panel);
  ItemCost cost;
  cost.channel_unit = kernels.lanes;
  cost.strip_element = tuning.channel_sums_strip_cost;
  cost.grad_output = tuning.channel_sums_grad_cost;
  // Of whole rows, unless these are long.
  const Index row = geometry.output[2] <= order::longest_row ? geometry.output[2] : 1;
  tasks_ = GradKernelTasks(
      geometry, {larger(order::block_pixels, row), order::item_bytes / size / padded, order::strip_bytes / size, false},
      channels, cost);

  const Index items = tasks_.items();
  const Index sums = padded * tasks_.blocking().most_taps();
  const double wanted_by_work = 1 + geometry.multiplications() / order::part_multiplications;
  const Index by_work =
      wanted_by_work < order::parts_wanted ? static_cast<Index>(wanted_by_work) : order::parts_wanted + 1;
  const Index by_memory = order::all_parts_bytes / size / larger(1, saturating_product(sums, items));
  const Index parts = smaller(smaller(by_work, by_memory), smaller(divide_up(order::parts_wanted, larger(1, items)),
                                                                   tasks_.blocking().pixel_blocks()));
  tasks_.set_parts(parts);

  reads_in_place_ = tuning.channel_sums_in_place != 0;
  prefetches_grad_ = output_bytes<T>(geometry) > tuning.channel_sums_prefetch_grad;
  prefetches_results_ =
      static_cast<double>(geometry.groups * geometry.out_channels) * static_cast<double>(taps * size) >
      tuning.channel_sums_prefetch_results;
  const bool high_tiles = channels <= kernels.lanes && taps_in_groups(geometry, kernels);
  const double share = share_of_border_products(geometry);
  double least = tuning.channel_sums_border;
  if (high_tiles) least = std::max(least, tuning.channel_sums_border_high_tiles);
  if (geometry.stride[2] > 1) least = std::max(least, tuning.channel_sums_border_strided);
  leaves_out_border_ = share > least;
  fewest_by_tap_ = share < tuning.channel_sums_small_border ? tuning.channel_sums_small_border_channels
                                                            : tuning.channel_sums_border_channels;
  const Index useful = useful_threads(tuning, geometry, threads);
  tasks_.share(tuning, useful, widest_panel);
  tasks_.join_blocks(tuning.channel_sums_joined_pixels, tuning.channel_sums_joined_strip / size);
  threads_ = static_cast<int>(larger(1, smaller(useful, tasks_.count())));
  const Blocking& blocking = tasks_.blocking();
  prefetches_input_ = input_bytes<T>(geometry) > tuning.channel_sums_prefetch_input &&
                      blocking.strip_elements() * size <= tuning.channel_sums_prefetch_strip;
  accumulator_elements_ = round_up(tasks_.channels_per_item(), widest_panel) * blocking.most_taps();

  const Index widest = larger(widest_panel, PanelSplit::widest(kernels));
  WorkspaceLayout shared;
  if (tasks_.parts() > 1) partial_ = shared.reserve<T>(tasks_.count() * accumulator_elements_);
  worker_begin_ = shared.bytes();
  WorkspaceLayout worker;
  strip_ = worker.reserve<T>(tasks_.strip_room_in_any_order());
  panel_ = worker.reserve<T>(tasks_.most_pixels() * widest);
  if (tasks_.parts() == 1) accumulators_ = worker.reserve<T>(accumulator_elements_);
  pixel_offsets_ = worker.reserve<Index>(tasks_.most_pixels());
  tap_offsets_ = worker.reserve<Index>(blocking.most_taps());
  offsets_by_channel_ = worker.reserve<Index>(leaves_out_border_ ? blocking.most_taps() : 0);
  ordered_ = worker.reserve<T>(leaves_out_border_ ? blocking.most_taps() * widest : 0);
  worker_bytes_ = worker.bytes();
}

template <class T>
typename ChannelSums<T>::Worker ChannelSums<T>::worker(void* workspace, int number) const noexcept {
  void* area = at_offset<char>(workspace, worker_begin_ + static_cast<std::size_t>(number) * worker_bytes_);
  return {at_offset<T>(area, strip_),           at_offset<T>(area, panel_),
          at_offset<T>(area, accumulators_),    at_offset<Index>(area, pixel_offsets_),
          at_offset<Index>(area, tap_offsets_), at_offset<Index>(area, offsets_by_channel_),
          at_offset<T>(area, ordered_)};
}

template <class T>
void ChannelSums<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& input, const Tensor<T>& grad_kernel,
                         void* workspace) const noexcept {
  T* partial = at_offset<T>(workspace, partial_);
  const Index parts = tasks_.parts();
  parallel_for(threads_, tasks_.count(), [&](Index index, int number) {
    const Worker own = worker(workspace, number);
    const GradKernelItem item = tasks_.item(index / parts);
    T* accumulators = parts > 1 ? partial + index * accumulator_elements_ : own.accumulators;
    accumulate(item, tasks_.part(index % parts), grad_output, input, own, accumulators,
               parts == 1 ? &grad_kernel : nullptr);
  });
  if (parts == 1) return;

  const PhaseTimer timer(Phase::adding_sums);
  parallel_for(threads_, tasks_.items(), [&](Index index, int number) {
    const GradKernelItem item = tasks_.item(index);
    const Index elements = PanelSplit(*kernels_, item.channels).padded_channels() * item.taps.count();
    T* first = partial + index * parts * accumulator_elements_;
    for (Index distance = 1; distance < parts; distance *= 2)
      for (Index i = 0; i + distance < parts; i += 2 * distance) {
        T* sum = first + i * accumulator_elements_;
        const T* other = sum + distance * accumulator_elements_;
        for (Index e = 0; e < elements; ++e) sum[e] += other[e];
      }
    store(item, first, grad_kernel, worker(workspace, number));
  });
}

template <class T>
bool ChannelSums<T>::by_tap(const GradKernelItem& item) const noexcept {
  return leaves_out_border_ && item.taps.channels >= fewest_by_tap_;
}

template <class T>
bool ChannelSums<T>::strip_pays(const GradKernelItem& item, const PixelBlock& pixels, const StripShape& shape,
                                const Tensor<const T>& input) const noexcept {
  if (!by_tap(item) && geometry_.taps_per_channel() > 1) return false;  // a tile has few channels
  const Index uses = pixels.count() * item.taps.count() * item.channels / larger(1, shape.elements());
  const Tuning& tuning = tuning_of(*kernels_);
  if (uses < tuning.channel_sums_many_conflict_uses) return false;
  const Index lines = lines_of_a_place<T>(input.inner, EvenTiles(item.taps.channels, kernels_->tile_rows).rows(0));
  return uses >= (lines >= tuning.channel_sums_many_conflicting_lines ? tuning.channel_sums_many_conflict_uses
                                                                      : tuning.channel_sums_conflict_uses) &&
         lines > tuning.channel_sums_conflicting_lines;
}

template <class T>
StripShape::Order ChannelSums<T>::strip_order(const Tensor<const T>& input) const noexcept {
  const Tuning& tuning = tuning_of(*kernels_);
  const bool turns = geometry_.in_channels >= tuning.channel_sums_transposed_channels &&
                     geometry_.out_channels * geometry_.taps_per_channel() >= tuning.channel_sums_transposed_uses;
  return turns ? StripShape::Order::channels_outer : StripShape::natural_order(input);
}

template <class T>
void ChannelSums<T>::accumulate(const GradKernelItem& item, const PixelPart& part, const Tensor<const T>& grad_output,
                                const Tensor<const T>& input, const Worker& worker, T* accumulators,
                                const Tensor<T>* grad_kernel) const noexcept {
  PhaseTimer timer(Phase::multiplying);
  alignas(64) static constexpr T zeros[kernels::max_tile_vectors * kernels::sum_lanes<T>] = {};  // as wide as any panel
  const Index taps = item.taps.count();
  const PanelSplit panels(*kernels_, item.channels);
  if (part.first_block == part.end_block) {
    for (Index e = 0; e < panels.padded_channels() * taps; ++e) accumulators[e] = T{0};
    if (grad_kernel != nullptr) store(item, accumulators, *grad_kernel, worker);
  }
  Tensor<const T> group_input = input;
  group_input.data += item.group * geometry_.in_channels * input.inner;
  Tensor<const T> item_grad = grad_output;
  item_grad.data += (item.group * geometry_.out_channels + item.first_channel) * grad_output.inner;

  for (Index b = part.first_block, after = b; b < part.end_block; b = after) {
    timer.next(Phase::packing_input);
    const PixelBlock pixels = tasks_.joined_block(b, part.end_block, after);
    const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
    // Where no element on the border is read, the input itself serves as well.
    const auto read_input = [&](bool may_lie_in) {
      StripShape shape(geometry_, pixels.images, pixels.size, item.taps.channels, item.taps.size, strip_order(input));
      const bool on_border = shape.meets_border(geometry_, pixels, item.taps);
      const bool in_place = reads_in_place_ && shape.lies_close(input, item.taps) && (!on_border || may_lie_in) &&
                            !strip_pays(item, pixels, shape, input);
      if (in_place)
        shape.lie_in(geometry_, pixels, item.taps, group_input);
      else
        shape.pack(*kernels_, geometry_, pixels, item.taps, group_input, worker.strip);
      shape.fill_pixel_offsets(pixels, worker.pixel_offsets);
      fill_tap_offsets(item, shape, worker);
      return Source{in_place ? group_input.data : worker.strip, in_place && on_border};
    };
    Source source = read_input(by_tap(item) && leaves_out_all(pixels));

    const Tensor<const T> block_grad = at_block(item_grad, pixels);
    const bool done = after == part.end_block;
    const Index steps = divide_up(taps, kernels_->tile_rows);
    Index ignored = 0;
    const PixelBlock following = done ? pixels : tasks_.joined_block(after, part.end_block, ignored);
    Next next;
    if (prefetches_input_ && !done)
      next.strip = prefetch_of_input(geometry_, input, item.group, following, item.taps.first_channel,
                                     item.taps.channels, steps * panels.count());
    for (Index panel = 0; panel < panels.count(); ++panel) {
      const Index first_lane = panels.first_lane(panel);
      const Index width = panels.width(panel);
      timer.next(Phase::packing_input);
      Tensor<const T> from = block_grad;
      from.data += first_lane * grad_output.inner;
      pack_pixels(*kernels_, from, box, panels.used_lanes(panel), width, worker.panel);
      timer.next(Phase::multiplying);
      // Next come the channels of another panel, or those of the first under another block.
      const bool last = panel + 1 == panels.count();
      next.panel = {};
      const PixelBlock& under = last ? following : pixels;
      if (prefetches_grad_ && !(last && done) && grad_output.axis[2] == 1 && under.images == 1) {
        const Index lanes = last ? 0 : panel + 1;
        const T* first = at_block(item_grad, under).data + panels.first_lane(lanes) * grad_output.inner;
        next.panel = {{first, grad_output.inner, panels.used_lanes(lanes), under.count()}, steps};
      }
      T* sums = accumulators + first_lane * taps;
      const bool complete = done && grad_kernel != nullptr;
      if (complete && prefetches_results_) {
        Tensor<T> to = results_of(item, *grad_kernel, geometry_.out_channels);
        to.data += first_lane * to.inner;
        next.results = prefetch_of_pixels(to, tap_box(item), 0, taps, panels.used_lanes(panel), steps);
      }
      const Accumulators<T> rows{b == part.first_block ? zeros : nullptr, 0, sums, width};
      // With an infinity or nan in G, zeros on the border count.
      if (by_tap(item) && kernels_->all_finite(worker.panel, pixels.count() * width)) {
        multiply_by_tap(item, pixels, panels.vectors(panel), source.data, worker, rows, next);
      } else {
        if (source.lacks_border) source = read_input(false);
        run_tiles<T>(*kernels_, panels.vectors(panel), source.data, {worker.tap_offsets, nullptr, taps},
                     {worker.pixel_offsets, pixels.count()}, worker.panel, rows, next.panel, next.strip, next.results);
      }
      if (complete) store_panel(item, panel, sums, *grad_kernel, worker);
    }
  }
}

template <class T>
void ChannelSums<T>::fill_tap_offsets(const GradKernelItem& item, const StripShape& shape,
                                      const Worker& worker) const noexcept {
  if (!by_tap(item)) return shape.fill_tap_offsets(item.taps, worker.tap_offsets);
  shape.fill_tap_offsets(item.taps, worker.offsets_by_channel);
  const Index channels = item.taps.channels;
  const Index kernel_taps = item.taps.count() / channels;
  for (Index tap = 0; tap < kernel_taps; ++tap)
    for (Index c = 0; c < channels; ++c)
      worker.tap_offsets[tap * channels + c] = worker.offsets_by_channel[c * kernel_taps + tap];
}

// All channels of a tap meet the border at the same pixels.
template <class T>
void ChannelSums<T>::multiply_by_tap(const GradKernelItem& item, const PixelBlock& pixels, Index vectors,
                                     const T* strip, const Worker& worker, const Accumulators<T>& sums,
                                     Next& next) const noexcept {
  const Index width = vectors * kernels_->lanes;
  Accumulators<T> here = sums;
  const Index channels = item.taps.channels;
  Index row = 0;
  for (Index i = 0; i < item.taps.size[0]; ++i)
    for (Index j = 0; j < item.taps.size[1]; ++j)
      for (Index k = 0; k < item.taps.size[2]; ++k, row += channels) {
        const Index tap[] = {item.taps.first[0] + i, item.taps.first[1] + j, item.taps.first[2] + k};
        const BoxWalk walk = find_border_pixels(geometry_, pixels, tap, worker.pixel_offsets);
        here.result = sums.result + row * width;
        run_tiles<T>(*kernels_, vectors, strip, {worker.tap_offsets + row, nullptr, channels}, walk.reduction,
                     worker.panel + walk.first * width, here, next.panel, next.strip, next.results);
      }
}

template <class T>
void ChannelSums<T>::store(const GradKernelItem& item, const T* accumulators, const Tensor<T>& grad_kernel,
                           const Worker& worker) const noexcept {
  const PanelSplit panels(*kernels_, item.channels);
  for (Index panel = 0; panel < panels.count(); ++panel)
    store_panel(item, panel, accumulators + panels.first_lane(panel) * item.taps.count(), grad_kernel, worker);
}

template <class T>
void ChannelSums<T>::store_panel(const GradKernelItem& item, Index panel, const T* sums, const Tensor<T>& grad_kernel,
                                 const Worker& worker) const noexcept {
  const PhaseTimer timer(Phase::storing);
  const PixelBox box = tap_box(item);
  const PanelSplit panels(*kernels_, item.channels);
  Tensor<T> to = results_of(item, grad_kernel, geometry_.out_channels);
  to.data += panels.first_lane(panel) * to.inner;
  const Index width = panels.width(panel);
  if (by_tap(item)) {
    const Index channels = item.taps.channels;
    const Index kernel_taps = box.count() / channels;
    for (Index c = 0; c < channels; ++c)
      kernels_->copy_rows(sums + c * width, channels * width, kernel_taps, width,
                          worker.ordered + c * kernel_taps * width, width);
    sums = worker.ordered;
  }
  unpack_pixels(*kernels_, sums, width, box, 0, box.count(), panels.used_lanes(panel), to);
}

template class ChannelSums<float>;
template class ChannelSums<double>;

}  // namespace convgrad::gemm

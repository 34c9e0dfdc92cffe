#include "algorithms/gemm/grad_kernel/channel_sums.hpp"

#include <algorithm>

#include "algorithms/common/machine.hpp"
#include "algorithms/gemm/border/border_pixels.hpp"
#include "algorithms/gemm/grad_kernel/sum_cuts.hpp"
#include "algorithms/gemm/panels/panel_split.hpp"

namespace convgrad::gemm {

namespace {

// The most cache lines of so many elements, `pitch` apart, that fall into one set of the first-level cache.
template <class T>
Index conflicting_lines(Index pitch, Index elements) noexcept {
  constexpr Index sets = first_level_way_bytes / cache_line_bytes;
  Index lines[sets] = {};
  Index last = -1;
  Index most = 0;
  for (Index element = 0; element < elements; ++element) {
    const Index line = element * (pitch < 0 ? -pitch : pitch) * Index{sizeof(T)} / cache_line_bytes;
    if (line != last) most = larger(most, ++lines[line % sets]);
    last = line;
  }
  return most;
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

// --- Decide: from the shape, the type, the threads and the machine.

template <class T>
ChannelSums<T>::ChannelSums(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : geometry_(geometry), kernels_(&kernels), tasks_(cut_channel_sums(geometry, kernels)) {
  const Tuning& tuning = tuning_of(kernels);
  decide_border(tuning);
  const Index useful = useful_threads(tuning, geometry, threads);
  tasks_.share(tuning, useful, widest_panel<T>);
  tasks_.join_blocks(tuning.channel_sums_joined_pixels, tuning.channel_sums_joined_strip / Index{sizeof(T)});
  areas_.workers = workers_for(tasks_.count(), useful);
  decide_reading(tuning);
  reserve_areas();
}

// Without the border the input is read in place there, too. But a tile then has a tap's channels, and not one channel's
// taps.
template <class T>
void ChannelSums<T>::decide_border(const Tuning& tuning) noexcept {
  const double share = share_of_border_products(geometry_);
  double least = tuning.channel_sums_border;
  if (tasks_.channels_per_item() <= kernels_->lanes && taps_in_groups(geometry_, *kernels_))
    least = std::max(least, tuning.channel_sums_border_high_tiles);
  if (geometry_.stride[2] > 1) least = std::max(least, tuning.channel_sums_border_strided);
  leaves_out_border_ = share > least;
  fewest_by_tap_ = share < tuning.channel_sums_small_border ? tuning.channel_sums_small_border_channels
                                                            : tuning.channel_sums_border_channels;
}

template <class T>
void ChannelSums<T>::decide_reading(const Tuning& tuning) noexcept {
  const Index taps = geometry_.taps_per_channel();
  const Index strip_bytes = tasks_.blocking().strip_elements() * Index{sizeof(T)};
  const double result_bytes = static_cast<double>(geometry_.groups * geometry_.out_channels) *
                              static_cast<double>(larger(1, geometry_.in_channels * taps) * Index{sizeof(T)});
  reads_in_place_ = tuning.channel_sums_in_place != 0;
  transposes_ = geometry_.in_channels >= tuning.channel_sums_transposed_channels &&
                geometry_.out_channels * taps >= tuning.channel_sums_transposed_uses;
  prefetches_grad_ = output_bytes<T>(geometry_) > tuning.channel_sums_prefetch_grad;
  prefetches_input_ = input_bytes<T>(geometry_) > tuning.channel_sums_prefetch_input &&
                      strip_bytes <= tuning.channel_sums_prefetch_strip;
  prefetches_results_ = result_bytes > tuning.channel_sums_prefetch_results;
  // An element of a strip is used once for each channel and, at most, each tap.
  const Index most_uses = tasks_.channels_per_item() * taps;
  copies_conflicting_ = (leaves_out_border_ || taps == 1) &&
                        most_uses >= smaller(tuning.channel_sums_conflict_uses, tuning.channel_sums_many_conflict_uses);
}

template <class T>
void ChannelSums<T>::reserve_areas() noexcept {
  const Index taps = tasks_.blocking().most_taps();
  const Index widest = larger(widest_panel<T>, PanelSplit::widest(*kernels_));
  const Index parts = tasks_.parts();
  part_elements_ = round_up(tasks_.channels_per_item(), widest_panel<T>) * taps;
  if (parts > 1) areas_.shared.reserve(&PartSums<T>::sums, tasks_.count() * part_elements_);
  areas_.own.reserve(&Area::strip, tasks_.strip_room_in_any_order());
  areas_.own.reserve(&Area::panel, tasks_.most_pixels() * widest);
  areas_.own.reserve(&Area::sums, parts > 1 ? 0 : part_elements_);
  areas_.own.reserve(&Area::pixel_offsets, tasks_.most_pixels());
  areas_.own.reserve(&Area::tap_offsets, taps);
  areas_.own.reserve(&Area::offsets_by_channel, leaves_out_border_ ? taps : 0);
  areas_.own.reserve(&Area::ordered, leaves_out_border_ ? taps * widest : 0);
}

template <class T>
void ChannelSums<T>::describe(Text& text) const noexcept {
  text.line("way", "%s", "channel_sums");
  tasks_.describe(text);
  const bool by_taps = by_tap(tasks_.blocking().most_taps_box().channels);
  text.line("copies", "G into panels of channels; V into a strip%s%s",
            transposes_ ? ", transposed where its channels are neighbors" : "",
            reads_in_place_ ? ", unless it lies so" : "");
  if (by_taps) text.line("border", "%s", "left out, tap by tap");
  if (prefetches_grad_ || prefetches_input_ || prefetches_results_)
    text.line("prefetch", "of the next block or panel:%s%s%s", prefetches_grad_ ? " G" : "",
              prefetches_input_ ? " V" : "", prefetches_results_ ? " dK" : "");
}

// --- Bind: to a run's operands.

template <class T>
typename ChannelSums<T>::Binding ChannelSums<T>::bind(const Tensor<const T>& grad_output, const Tensor<const T>& input,
                                                      const Tensor<T>& grad_kernel) const noexcept {
  Binding run{grad_output, input, grad_kernel, StripShape::natural_order(input), false, {INT64_MAX, INT64_MAX}};
  if (transposes_) run.order = StripShape::Order::channels_outer;
  run.prefetches_grad = prefetches_grad_ && grad_output.axis[2] == 1;
  if (!copies_conflicting_ || input.axis[2] != 1) return run;
  const Blocking& blocking = tasks_.blocking();
  const Index most = blocking.most_taps_box().channels;
  const Index last = blocking.tap_block(blocking.tap_blocks() - 1).channels;
  run.fewest_uses_of_copy[0] = fewest_uses_of_copy(most, input);
  if (last != most) run.fewest_uses_of_copy[1] = fewest_uses_of_copy(last, input);
  return run;
}

// Where channels lie 4 KiB apart or nearly so, as those of 64x64 and 224x224 pixels do, one pixel of a tile's channels
// falls into one set of the first-level cache, which has room for so many lines. The fewer of them compete, the more
// often a copy must be used.
template <class T>
Index ChannelSums<T>::fewest_uses_of_copy(Index channels, const Tensor<const T>& input) const noexcept {
  if (!by_tap(channels) && geometry_.taps_per_channel() > 1) return INT64_MAX;  // a tile has few channels
  const Tuning& tuning = tuning_of(*kernels_);
  const Index lines = conflicting_lines<T>(input.inner, EvenTiles(channels, kernels_->tile_rows).rows(0));
  if (lines <= tuning.channel_sums_conflicting_lines) return INT64_MAX;
  return lines < tuning.channel_sums_many_conflicting_lines ? tuning.channel_sums_conflict_uses
                                                            : tuning.channel_sums_many_conflict_uses;
}

template ChannelSums<float>::ChannelSums(const Geometry&, const kernels::KernelSet<float>&, int) noexcept;
template ChannelSums<double>::ChannelSums(const Geometry&, const kernels::KernelSet<double>&, int) noexcept;
template void ChannelSums<float>::describe(Text&) const noexcept;
template void ChannelSums<double>::describe(Text&) const noexcept;
template ChannelSums<float>::Binding ChannelSums<float>::bind(const Tensor<const float>&, const Tensor<const float>&,
                                                              const Tensor<float>&) const noexcept;
template ChannelSums<double>::Binding ChannelSums<double>::bind(const Tensor<const double>&,
                                                                const Tensor<const double>&,
                                                                const Tensor<double>&) const noexcept;

}  // namespace convgrad::gemm

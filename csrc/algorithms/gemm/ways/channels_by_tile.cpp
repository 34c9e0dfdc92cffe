// What ChannelsByTile decides by shape, machine and threads. channels_by_tile_run.cpp does it.
#include "algorithms/gemm/ways/channels_by_tile.hpp"

#include "algorithms/common/machine.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/write/patches.hpp"

namespace convgrad::gemm {

template <class T, class Sink>
ChannelsByTile<T, Sink>::ChannelsByTile(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads,
                                        const Sink& sink) noexcept
    : geometry_(geometry), kernels_(&kernels), sink_(sink), panels_(kernels, geometry.out_channels) {
  const Tuning& tuning = tuning_of(kernels);
  constexpr Index size = sizeof(T);
  TaskLimits limits{};
  limits.blocking = channel_block_limits(tuning, geometry, size);
  limits.fewest_pixels = kernels.tile_rows;
  limits.channel_step = limits.fewest_channels = panels_.full_width();
  limits.results = channel_sums_bytes(tuning, limits.blocking) / size;
  TaskCost cost;
  cost.channel_unit = kernels.lanes;
  cost.strip_element = tuning.by_tile_cost_of_strip_element;
  cost.weight = tuning.by_tile_cost_of_weight;
  const Index useful = useful_threads(tuning, geometry, threads);
  tasks_ = CorrelationTasks(tuning, geometry, limits, cost, useful);
  areas_.workers = static_cast<int>(workers_for(tasks_.count(), useful));

  decide_runs(tuning);
  decide_reading(tuning);
  prefetches_results_ = output_bytes<T>(geometry) > tuning.by_tile_far_results_bytes;
  reserve_areas();
}

template <class T, class Sink>
void ChannelsByTile<T, Sink>::decide_runs(const Tuning& tuning) noexcept {
  const Blocking& blocking = tasks_.blocking();
  const Index taps = geometry_.taps_per_channel();  // none at all, in an empty residue
  const Index kernel_taps = larger(1, taps);
  const Index most = larger(1, tuning.by_tile_run_taps);
  taps_per_run_ = taps <= most ? most / kernel_taps * taps : most;
  const bool whole_channels = kernel_taps <= most && blocking.most_taps() % kernel_taps == 0;
  // With few blocks, packing all weights beforehand would be as much work, and write them to memory and back.
  packs_by_run_ = whole_channels && blocking.pixel_blocks() <= tuning.by_tile_own_weights_most_blocks;
  if (packs_by_run_ && tuning.by_tile_own_weights_run_taps > 0)
    taps_per_run_ =
        even_piece(blocking.most_taps() / kernel_taps, larger(1, tuning.by_tile_own_weights_run_taps / kernel_taps)) *
        taps;
  taps_per_colliding_run_ =
      even_piece(blocking.most_taps(), smaller(taps_per_run_, larger(1, tuning.by_tile_most_colliding_rows)));
  if (whole_channels && tuning.by_tile_leaves_out_border != 0) parts_ = BorderParts(geometry_, tuning);
  lanes_lie_in_rows_ = packs_by_run_ && kernel_taps == 1 && parts_.count() == 1 && Sink::lanes_are_channels;
  packs_on_the_way_ = lanes_lie_in_rows_ && tuning.by_tile_packs_on_the_way != 0;
  packing_prefetch_rows_ = tuning.by_tile_packing_prefetch_rows;
  prefetches_weights_ = static_cast<double>(packed_elements() * Index{sizeof(T)}) > tuning.by_tile_far_weights_bytes;
}

template <class T, class Sink>
void ChannelsByTile<T, Sink>::decide_reading(const Tuning& tuning) noexcept {
  reading_ = {may_read_in_place(tuning, geometry_), transposes_strips(*kernels_, tasks_.blocking(), panels_)};
  // Between blocks of taps there is always something nearer to be read.
  if (tuning.by_tile_prefetches_input == 0 || tasks_.blocking().tap_blocks() > 1) return;
  constexpr Index size = sizeof(T);
  const auto share =
      static_cast<Index>(tuning.by_tile_prefetched_input_share * static_cast<double>(second_level_bytes()));
  prefetched_strip_elements_ = larger(tuning.by_tile_prefetched_input_bytes, share) / size;
  if (input_bytes<T>(geometry_) > tuning.by_tile_in_place_far_input_bytes)
    prefetched_in_place_elements_ = tuning.by_tile_prefetched_in_place_bytes / size;
}

template <class T, class Sink>
void ChannelsByTile<T, Sink>::reserve_areas() noexcept {
  const Blocking& blocking = tasks_.blocking();
  areas_.shared.reserve(&ChannelShared<T>::packed, packs_by_run_ ? 0 : packed_elements());
  areas_.shared.reserve(&ChannelShared<T>::bias, geometry_.groups * panels_.padded_channels());
  areas_.own.reserve(&Area::strip, blocking.strip_room_in_any_order());
  const Index kept = blocking.tap_blocks() > 1 ? tasks_.channels_per_task() : panels_.full_width();
  areas_.own.reserve(&Area::sums, blocking.most_pixels() * kept);
  areas_.own.reserve(&Area::pixel_offsets, blocking.most_pixels());
  areas_.own.reserve(&Area::order, parts_.count() > 1 ? 2 * blocking.most_pixels() : 0);
  areas_.own.reserve(&Area::tap_offsets, blocking.most_taps());
  areas_.own.reserve(&Area::run_weights, packs_by_run_ ? taps_per_run_ * panels_.full_width() : 0);
  const bool by_rows = packs_by_run_ && geometry_.taps_per_channel() == 1;
  areas_.own.reserve(&Area::weight_offsets, by_rows ? taps_per_run_ : 0);
}

template <class T, class Sink>
void ChannelsByTile<T, Sink>::describe(Text& text) const noexcept {
  text.line("way", "%s", "channels_by_tile");
  tasks_.describe(text);
  describe_reading(text, reading_);
  if (packs_by_run_)
    text.line("weights", "packed by each task, %lld taps of a panel at a time%s", static_cast<long long>(taps_per_run_),
              packs_on_the_way_ ? ", by the first tile where lanes are neighbors" : "");
  else
    text.line("weights", "%s", "packed once, for all tasks");
  if (parts_.count() > 1)
    text.line("border", "%.2f of all products left out, unless a weight is infinite or nan", parts_.left_out());
  sink_.describe(text);
  const bool input = prefetched_strip_elements_ >= 0 && !packs_by_run_;
  const bool weights = packs_by_run_ && prefetches_weights_;
  if (input || weights || prefetches_results_)
    text.line("prefetch", "%s%s%s", input ? "the next block's input; " : "",
              weights ? "weights that are packed next; " : "", prefetches_results_ ? "where results go" : "no results");
}

template class ChannelsByTile<float>;
template class ChannelsByTile<double>;
template class ChannelsByTile<float, PatchSink<float>>;
template class ChannelsByTile<double, PatchSink<double>>;

}  // namespace convgrad::gemm

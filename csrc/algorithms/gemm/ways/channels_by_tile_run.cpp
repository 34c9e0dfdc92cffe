// ChannelsByTile at work: what a run binds, and then one function for each loop.
#include "algorithms/common/machine.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/panels/packing_tile.hpp"
#include "algorithms/gemm/tasks/run_correlation.hpp"
#include "algorithms/gemm/ways/channels_by_tile.hpp"
#include "algorithms/gemm/write/bias.hpp"
#include "algorithms/gemm/write/patches.hpp"
#include "algorithms/read/prefetch_weights.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

template <class T, class Sink>
struct ChannelsByTile<T, Sink>::Binding {
  const CorrelationOperands<T>& operands;
  const T* packed;  // all panels, or null: each task packs what it needs
  const T* bias;    // padded
  BlockReader<T> reader;
  Index taps_per_run;
  bool packs_on_the_way;
};

template <class T, class Sink>
void ChannelsByTile<T, Sink>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  const ChannelShared<T> shared = areas_.shared_in(workspace);
  if (operands.packed == nullptr && !packs_by_run_) pack(operands.weights, shared.packed);
  pad_bias(geometry_, panels_.padded_channels(), operands.bias, shared.bias);
  const Binding binding = bind(operands, shared);
  run_correlation(tasks_, areas_, operands, workspace, [&](const CorrelationStep<T>& step, const Area& area) {
    run_task(binding, step.task, step.next, area);
  });
}

template <class T, class Sink>
auto ChannelsByTile<T, Sink>::bind(const CorrelationOperands<T>& operands,
                                   const ChannelShared<T>& shared) const noexcept -> Binding {
  const T* packed = operands.packed != nullptr ? operands.packed : packs_by_run_ ? nullptr : shared.packed;
  const Weights<T>& weights = operands.weights;
  // A 1x1 kernel's weights in grad_input are a panel's rows as they lie, only far apart; and so far that they may meet
  // in few lines of the caches, which hold a few of them until they are read.
  const bool rows_of_lanes = packed == nullptr && weights.lane == 1 && lanes_lie_in_rows_;
  const bool colliding = rows_of_lanes && weights.channel * Index{sizeof(T)} % first_level_way_bytes == 0;
  return {operands,
          packed,
          shared.bias,
          BlockReader<T>(geometry_, *kernels_, operands.input, reading_),
          colliding ? taps_per_colliding_run_ : taps_per_run_,
          rows_of_lanes && packs_on_the_way_};
}

// A task that is under way.
template <class T, class Sink>
struct ChannelsByTile<T, Sink>::TaskWork {
  const Binding& binding;
  const CorrelationTask& task;
  const CorrelationTask& next;
  const Area& area;
  typename Sink::Block results;
  Index pixels;
  Index first_panel;
  Index last_panel;           // not among them
  const BorderGroup* groups;  // of the pixels
  Index group_count;
};

// One of its blocks of taps.
template <class T, class Sink>
struct ChannelsByTile<T, Sink>::TapWork {
  TapBlock block;
  const T* source;  // which the offsets count from
  bool first;       // of the task's
  bool last;
  Prefetch<T> next;     // the next block's input, or weights that are packed next
  Prefetch<T> results;  // the memory that they go to
};

// A panel in such a block.
template <class T, class Sink>
struct ChannelsByTile<T, Sink>::PanelWork {
  Index number;
  PanelLanes lanes;
  const T* packed;        // its weights, or null: each run packs its own
  bool packs_on_the_way;  // so does the first tile of each run
  T* sums;
};

// A run of taps of a panel, for some pixels.
template <class T, class Sink>
struct ChannelsByTile<T, Sink>::TapRun {
  Index vectors;  // of the panel
  const T* weights;
  const T* unpacked;  // where they lie, if the first tile is to pack them on its way, or null
  Index first;        // within the block of taps
  Index count;
  const BorderGroup* groups;
  Index group_count;
  bool leaves_out;  // the taps that do not count for a group
};

template <class T, class Sink>
void ChannelsByTile<T, Sink>::run_task(const Binding& binding, const CorrelationTask& task, const CorrelationTask& next,
                                       const Area& area) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  BorderGroup groups[BorderParts::most_parts];
  groups[0] = {0, task.pixels.count(), 0};
  const Index group_count = parts_.count() > 1 ? parts_.arrange(task.pixels, area.order, groups) : 1;
  const TaskWork work{binding,
                      task,
                      next,
                      area,
                      typename Sink::Block(sink_, binding.operands.output, task.group, task.pixels),
                      task.pixels.count(),
                      task.first_channel / panels_.full_width(),
                      divide_up(task.first_channel + task.channels, panels_.full_width()),
                      groups,
                      group_count};
  const Index tap_blocks = tasks_.blocking().tap_blocks();
  for (Index t = 0; t < tap_blocks; ++t) {
    timer.next(Phase::packing_input);
    TapWork taps = read_taps(work, t);
    timer.next(Phase::multiplying);
    for (Index panel = work.first_panel; panel < work.last_panel; ++panel) run_panel(work, taps, panel);
  }
}

template <class T, class Sink>
auto ChannelsByTile<T, Sink>::read_taps(const TaskWork& work, Index tap_block) const noexcept -> TapWork {
  const Blocking& blocking = tasks_.blocking();
  const Area& area = work.area;
  const PixelBlock& pixels = work.task.pixels;
  TapWork taps{blocking.tap_block(tap_block), nullptr, tap_block == 0, tap_block + 1 == blocking.tap_blocks(), {}, {}};
  const BlockInput<T> input = work.binding.reader.read(work.task.group, pixels, taps.block, area.strip);
  taps.source = input.data;
  if (parts_.count() > 1) {
    Index* in_order = area.order + blocking.most_pixels();
    input.shape.fill_pixel_offsets(pixels, in_order);
    for (Index i = 0; i < work.pixels; ++i) area.pixel_offsets[i] = in_order[area.order[i]];
  } else {
    input.shape.fill_pixel_offsets(pixels, area.pixel_offsets);
  }
  input.shape.fill_tap_offsets(taps.block, area.tap_offsets);
  // Weights that are packed by the way are prefetched instead.
  const Index room = input.in_place ? prefetched_in_place_elements_ : prefetched_strip_elements_;
  if (work.binding.packed != nullptr && input.shape.elements() <= room) {
    const Index runs = divide_up(taps.block.count(), larger(1, work.binding.taps_per_run));
    const Index tiles = divide_up(work.pixels, kernels_->tile_rows);
    taps.next = prefetch_of_input(geometry_, work.binding.operands.input, work.next.group, work.next.pixels, 0,
                                  geometry_.in_channels, (work.last_panel - work.first_panel) * runs * tiles);
  }
  return taps;
}

// All runs but the last go over all pixels.
template <class T, class Sink>
void ChannelsByTile<T, Sink>::run_panel(const TaskWork& work, TapWork& taps, Index number) const noexcept {
  const Binding& binding = work.binding;
  const PanelLanes lanes = panels_.lanes(number);
  const Index all_taps = geometry_.in_channels * geometry_.taps_per_channel();
  const Index lane = work.task.group * panels_.padded_channels() + lanes.first;  // of all groups
  PanelWork panel{number, lanes, nullptr, false, work.area.sums};
  if (binding.packed != nullptr)
    panel.packed = binding.packed + lane * all_taps + taps.block.first_tap * lanes.width;
  else
    panel.packs_on_the_way =
        binding.packs_on_the_way && lanes.count == lanes.width && panels_.vectors(number) == kernels_->tile_vectors;
  // Between blocks of taps the sums of all panels are kept.
  if (!(taps.first && taps.last))
    panel.sums += (number - work.first_panel) * tasks_.blocking().most_pixels() * panels_.full_width();

  const T* start = taps.first ? binding.bias + lane : nullptr;
  const Index count = taps.block.count();
  const Index per_run = binding.taps_per_run;
  Index done = 0;
  for (; count - done > per_run; done += per_run) {
    const TapRun run = start_run(work, taps, panel, done, per_run);
    multiply(work, taps, run, {start, 0, panel.sums, lanes.width});
    start = nullptr;
  }
  TapRun last = start_run(work, taps, panel, done, count - done);
  run_chunks(work, taps, panel, last, start);
}

template <class T, class Sink>
auto ChannelsByTile<T, Sink>::start_run(const TaskWork& work, TapWork& taps, const PanelWork& panel, Index first,
                                        Index count) const noexcept -> TapRun {
  const T* weights =
      panel.packed != nullptr ? panel.packed + first * panel.lanes.width : pack_run(work, taps, panel, first, count);
  // With an infinite or nan weight, zeros on the border count.
  const bool leaves_out = parts_.count() > 1 && kernels_->all_finite(weights, count * panel.lanes.width);
  return {panels_.vectors(panel.number),
          weights,
          panel.packs_on_the_way ? weights_at(work, taps, panel.lanes.first, first).data : nullptr,
          first,
          count,
          work.groups,
          work.group_count,
          leaves_out};
}

// Where a tap of the task's group lies in the weights.
template <class T, class Sink>
Weights<T> ChannelsByTile<T, Sink>::weights_at(const TaskWork& work, const TapWork& taps, Index lane,
                                               Index tap) const noexcept {
  Weights<T> weights = work.binding.operands.weights;
  const Index channel = taps.block.first_channel + tap / larger(1, geometry_.taps_per_channel());
  weights.data += work.task.group * weights.group + lane * weights.lane + channel * weights.channel;
  return weights;
}

template <class T, class Sink>
const T* ChannelsByTile<T, Sink>::pack_run(const TaskWork& work, TapWork& taps, const PanelWork& panel, Index first,
                                           Index count) const noexcept {
  const PhaseTimer packing(Phase::packing_weights);
  const Index kernel_taps = larger(1, geometry_.taps_per_channel());
  const PanelLanes& lanes = panel.lanes;
  T* to = work.area.run_weights;
  if (panel.packs_on_the_way)
    for (Index r = 0; r < count; ++r) work.area.weight_offsets[r] = r * work.binding.operands.weights.channel;
  else
    sink_.pack(weights_at(work, taps, 0, first), lanes, count / kernel_taps, to);
  if (!prefetches_weights_) return to;
  // Next come this panel's other taps, or else those of the next.
  const Index tiles = divide_up(work.pixels, kernels_->tile_rows);
  const Index per_run = work.binding.taps_per_run;
  const Index left = taps.block.count() - first - count;
  if (left > 0)
    taps.next = prefetch_of_weights(weights_at(work, taps, lanes.first, first + count),
                                    smaller(left, per_run) / kernel_taps, geometry_.kernel, lanes.count, tiles);
  else if (panel.number + 1 < work.last_panel)
    taps.next = prefetch_of_weights(weights_at(work, taps, lanes.first + lanes.count, 0),
                                    smaller(taps.block.count(), per_run) / kernel_taps, geometry_.kernel,
                                    panels_.used_lanes(panel.number + 1), tiles);
  return to;
}

// The last run of a panel, chunk by chunk, each stored while it is still in the first-level cache. But where pixels are
// arranged by part, neighbors are complete only when all are.
template <class T, class Sink>
void ChannelsByTile<T, Sink>::run_chunks(const TaskWork& work, TapWork& taps, const PanelWork& panel, TapRun& run,
                                         const T* start) const noexcept {
  const PanelLanes& lanes = panel.lanes;
  const bool in_parts = parts_.count() > 1;
  const bool prefetches = prefetches_results_ && taps.last;
  if (prefetches) work.results.prefetch_panel(lanes, taps.results);
  for (Index first = 0, last = 0; first < work.pixels; first = last) {
    last = in_parts ? work.pixels : work.results.chunk_end(first);
    const BorderGroup group{first, last - first, 0};
    if (!in_parts) run.groups = &group;
    if (prefetches) work.results.prefetch_chunk(first, last, lanes, taps.results);
    multiply(work, taps, run, {start, 0, panel.sums, lanes.width});
    run.unpacked = nullptr;
    if (!taps.last) continue;
    // Here, and nowhere else, sums are complete and leave.
    const PhaseTimer storing(Phase::storing);
    work.results.store({panel.sums + first * lanes.width, first, last}, lanes);
  }
}

template <class T, class Sink>
void ChannelsByTile<T, Sink>::multiply(const TaskWork& work, TapWork& taps, const TapRun& run,
                                       const Accumulators<T>& sums) const noexcept {
  const Area& area = work.area;
  const Index* tap_offsets = area.tap_offsets + run.first;
  const Index width = run.vectors * kernels_->lanes;
  for (Index i = 0; i < run.group_count; ++i) {
    const BorderGroup& group = run.groups[i];
    BoxWalk walk{0, {tap_offsets, run.count}};
    if (run.leaves_out && group.part > 0)
      walk = parts_.walk(group.part, tap_offsets, run.count / larger(1, geometry_.taps_per_channel()));
    BlockRows pixels{area.pixel_offsets + group.first, nullptr, group.pixels};
    Accumulators<T> here = sums;
    if (parts_.count() > 1)
      pixels.place = area.order + group.first;
    else
      here.result += group.first * width;
    if (i == 0 && run.unpacked != nullptr) {
      const Index prefetched = packing_prefetch_rows_ * (run.count > 1 ? area.weight_offsets[1] : 0);
      run_packing_tile(*kernels_, taps.source, pixels, walk.reduction,
                       {run.unpacked, area.weight_offsets, area.run_weights, prefetched}, here, taps.next,
                       taps.results);
    }
    run_tiles<T>(*kernels_, run.vectors, taps.source, pixels, walk.reduction, run.weights + walk.first * width, here,
                 taps.next, taps.results);
  }
}

template class ChannelsByTile<float>;
template class ChannelsByTile<double>;
template class ChannelsByTile<float, PatchSink<float>>;
template class ChannelsByTile<double, PatchSink<double>>;

}  // namespace convgrad::gemm

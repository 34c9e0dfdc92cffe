#include "algorithms/gemm/ways/pixels_from_panels.hpp"

#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/panels/pixel_panels.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/tasks/run_correlation.hpp"
#include "algorithms/gemm/ways/from_panels/panel_blocks.hpp"
#include "algorithms/gemm/ways/from_panels/panel_fill.hpp"
#include "algorithms/read/strip.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

// What the operands' strides decide, once per run.
template <class T>
struct PixelsFromPanels<T>::Binding {
  const CorrelationOperands<T>& operands;
  const Tuning& tuning;
  WeightCopy weight_copy;
  Index start_stride;   // from what one output channel's sums start from to the next: without a bias, all from zero
  bool transposes;      // panels come straight out of the input, transposed
  bool fills_in_place;  // panels are filled on the way, of blocks that are read in place
};

// A task under way.
template <class T>
struct PixelsFromPanels<T>::Work {
  const Binding& bound;
  const CorrelationTask& task;
  const CorrelationTask& next;
  const Area& area;
  Tensor<const T> input;  // from the group's first channel on
  const T* weights;       // of the first output channel
  EvenTiles tiles;
  PanelDestinations<T> destinations;
  Index pixels;
  Index panels;
  PanelFill<T> fill;
};

// A run of taps of a block of them.
template <class T>
struct PixelsFromPanels<T>::TapRun {
  TapBlock taps;
  StripShape shape;
  bool first_block;
  bool last_block;
  const T* strip;  // or the place in the input that serves as one
  bool in_place;
  const T* weights;  // of the block's first tap
  Index done;        // taps of the block before this run
  Index length;

  [[nodiscard]] bool starts() const noexcept { return first_block && done == 0; }
  [[nodiscard]] Index left() const noexcept { return taps.count() - done - length; }
  [[nodiscard]] bool completes() const noexcept { return last_block && left() == 0; }
};

// What is prefetched while a run of taps is multiplied.
template <class T>
struct PixelsFromPanels<T>::Prefetches {
  Prefetch<T> reads;
  Prefetch<T> results;
  PrefetchList<2> lines;
};

template <class T>
PixelsFromPanels<T>::PixelsFromPanels(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                                      int threads) noexcept
    : geometry_(geometry), kernels_(&kernels), weight_copies_(kernels, geometry.taps_per_channel() == 1) {
  const Tuning& tuning = tuning_of(kernels);
  const Index useful = useful_threads(tuning, geometry, threads);
  tasks_ = CorrelationTasks(tuning, geometry, limits_of_panel_tasks(geometry, kernels),
                            cost_of_panel_tasks(geometry, kernels), useful);
  decided_ = PanelDecision(geometry, kernels, tasks_.blocking());
  areas_.workers = workers_for(tasks_.count(), useful);
  reserve_areas();
}

template <class T>
void PixelsFromPanels<T>::reserve_areas() noexcept {
  const Blocking& blocking = tasks_.blocking();
  const Index pixels = round_up(blocking.most_pixels(), decided_.width);
  const Index channels = tasks_.channels_per_task();
  AreaLayout<Area>& own = areas_.own;
  own.reserve(&Area::strip, blocking.strip_room() + 2 * decided_.width);
  own.reserve(&Area::panels, panel_elements(pixels, decided_.taps_per_run));
  own.reserve(&Area::start, channels * decided_.width);
  own.reserve(&Area::results, channels * pixels);
  own.reserve(&Area::tap_offsets, blocking.most_taps());
  own.reserve(&Area::weight_offsets, blocking.most_taps());
  own.reserve(&Area::row_offsets, larger(2, channels));
  own.include(&Area::tile_weights, weight_copies_.layout(decided_.taps_per_run));
  own.reserve(&Area::destinations, pixels / decided_.width);
  own.reserve(&Area::block_copies, decided_.pointwise ? most_copies(pixels) : 0);
  own.reserve(&Area::unfilled, pixels / decided_.width + 1);
  own.reserve(&Area::block_in_panels, 1);
}

template <class T>
typename PixelsFromPanels<T>::Binding PixelsFromPanels<T>::bind(const CorrelationOperands<T>& operands) const noexcept {
  const bool transposes = decided_.transposes_input && transposes_into_panels(geometry_, operands.input);
  return {operands,
          tuning_of(*kernels_),
          weight_copies_.bind(operands.weights),
          operands.bias.given() ? decided_.width : 0,
          transposes,
          decided_.fills_in_place && !transposes};
}

template <class T>
void PixelsFromPanels<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  const Binding bound = bind(operands);
  for (int worker = 0; worker < areas_.workers; ++worker) *areas_.own_in(workspace, worker).block_in_panels = -1;
  run_correlation(tasks_, areas_, operands, workspace, [&](const CorrelationStep<T>& step, const Area& area) {
    run_task(bound, step.task, tasks_.block_of(step.index), step.next, area);
    if (decided_.streams) kernels_->finish_streams();
  });
}

template <class T>
void PixelsFromPanels<T>::run_task(const Binding& bound, const CorrelationTask& task, Index block,
                                   const CorrelationTask& next, const Area& area) const noexcept {
  fill_start(task, bound.operands.bias, area.start);
  PhaseTimer timer(Phase::packing_input);
  const Weights<T>& weights = bound.operands.weights;
  const PixelBlock& pixels = task.pixels;
  Tensor<const T> input = bound.operands.input;
  input.data += task.group * geometry_.in_channels * input.inner;
  Tensor<T> to = at_block(bound.operands.output, pixels);
  to.data += (task.group * geometry_.out_channels + task.first_channel) * to.inner;
  const ResultBlock<T> results{to, {pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}}, task.channels};
  Work work{bound,
            task,
            next,
            area,
            input,
            weights.data + task.group * weights.group + task.first_channel * weights.lane,
            EvenTiles(task.channels, decided_.most_tile_rows),
            PanelDestinations<T>(*kernels_, results, decided_.streams, area.results, area.destinations),
            pixels.count(),
            divide_up(pixels.count(), decided_.width),
            {}};
  for (Index row = 0; row < larger(2, task.channels); ++row) area.row_offsets[row] = row * weights.lane;
  settle_panels(work, block);
  for (Index t = 0; t < tasks_.blocking().tap_blocks(); ++t) run_tap_block(work, t, timer);
  timer.next(Phase::storing);
  work.destinations.unpack();
}

// One row of lanes for every output channel, all of them its bias; or one row of zeros for all.
template <class T>
void PixelsFromPanels<T>::fill_start(const CorrelationTask& task, const Bias<T>& bias, T* start) const noexcept {
  const Index first = task.group * geometry_.out_channels + task.first_channel;
  for (Index channel = 0; channel < (!bias.given() ? 1 : task.channels); ++channel) {
    const T value = bias.of(first + channel);
    for (Index lane = 0; lane < decided_.width; ++lane) start[channel * decided_.width + lane] = value;
  }
}

// Panels of all taps serve the next range of channels of the same block. They are not stored if a few tiles read them,
// all of which may read the strip, and no other range does.
template <class T>
void PixelsFromPanels<T>::settle_panels(Work& work, Index block) const noexcept {
  PanelFill<T>& fill = work.fill;
  fill.unfilled = work.area.unfilled;
  fill.kept = decided_.keeps_panels && *work.area.block_in_panels == block;
  fill.stores = !decided_.fills_from_strip || work.tiles.count > decided_.most_tiles_on_strip ||
                work.task.channels < geometry_.out_channels;
  *work.area.block_in_panels = decided_.keeps_panels && (fill.stores || fill.kept) ? block : -1;
}

template <class T>
void PixelsFromPanels<T>::run_tap_block(Work& work, Index number, PhaseTimer& timer) const noexcept {
  timer.next(Phase::packing_input);
  const PixelBlock& pixels = work.task.pixels;
  const Blocking& blocking = tasks_.blocking();
  const TapBlock taps = blocking.tap_block(number);
  const Weights<T>& weights = work.bound.operands.weights;
  TapRun run{
      taps,
      StripShape(geometry_, pixels.images, pixels.size, taps.channels, taps.size, StripShape::Order::pixels_adjacent),
      number == 0,
      number + 1 == blocking.tap_blocks(),
      work.area.strip,
      false,
      work.weights + taps.first_channel * weights.channel,
      0,
      0};
  for (int a = 0; a < axes; ++a) run.weights += taps.first[a] * weights.axis[a];
  read_tap_block(work, run);
  run.shape.fill_tap_offsets(taps, work.area.tap_offsets);
  fill_weight_offsets(weights, taps, work.area.weight_offsets);
  do {
    run.length = smaller(decided_.taps_per_run, taps.count() - run.done);
    timer.next(Phase::packing_input);
    if (!work.fill.kept) fill_panels(work, run);
    timer.next(Phase::multiplying);
    multiply(work, run);
    run.done += run.length;
  } while (run.done < taps.count());
}

// Packs the strip, unless the block meets no border and lies so that the input serves as one.
template <class T>
void PixelsFromPanels<T>::read_tap_block(Work& work, TapRun& run) const noexcept {
  const PixelBlock& pixels = work.task.pixels;
  PanelFill<T>& fill = work.fill;
  const Index channels_left = (geometry_.groups - work.task.group) * geometry_.in_channels;
  run.in_place = decided_.reads_in_place &&
                 run.shape.in_place(geometry_, pixels, run.taps, work.input, channels_left, decided_.width, run.strip);
  fill.on_the_way = !fill.kept && (decided_.fills_from_strip || (run.in_place && work.bound.fills_in_place));
  if (!run.in_place && !fill.kept && !work.bound.transposes)
    run.shape.pack(*kernels_, geometry_, pixels, run.taps, work.input, work.area.strip);
}

template <class T>
void PixelsFromPanels<T>::fill_panels(const Work& work, const TapRun& run) const noexcept {
  const Area& area = work.area;
  if (work.bound.transposes) {
    transpose_into_panels(*kernels_, geometry_, work.task.pixels, work.input, run.taps.first_channel + run.done,
                          run.length, area.panels);
    return;
  }
  const bool by_tap = run.in_place && decided_.copies_tap_by_tap;
  expand_panels(*kernels_, run.shape, work.destinations.block().box, run.strip, by_tap, area.tap_offsets + run.done,
                {0, run.length, run.length}, area.block_copies, area.panels,
                work.fill.on_the_way ? area.unfilled : nullptr);
}

template <class T>
void PixelsFromPanels<T>::multiply(const Work& work, const TapRun& run) const noexcept {
  const Area& area = work.area;
  const typename TileWeights<T>::Source source{{run.weights, area.row_offsets, area.weight_offsets + run.done},
                                               run.length,
                                               work.bound.operands.weights.lane,
                                               geometry_.out_channels - work.task.first_channel};
  TileWeights<T> weights(weight_copies_, work.bound.weight_copy, work.tiles, source, area.tile_weights);
  Prefetches ahead;
  ahead.reads = prefetch_reads(work, run);
  ahead.results = prefetch_results(work, run);
  for (Index tile = 0; tile < work.tiles.count; ++tile) multiply_tile(work, run, tile, weights.tile(tile), ahead);
}

// The input of more channels of a 1x1 kernel's block, or else of what the worker does next: all of it, or its first
// panel where the others are prefetched one by one while they are filled.
template <class T>
Prefetch<T> PixelsFromPanels<T>::prefetch_reads(const Work& work, const TapRun& run) const noexcept {
  const bool first_panel = run.in_place && work.bound.fills_in_place;
  if (!(first_panel ? decided_.prefetches_first_panel : decided_.prefetches_input)) return {};
  const bool same_block = decided_.pointwise && run.left() > 0;
  if (!same_block && !run.completes()) return {};
  const CorrelationTask& task = same_block ? work.task : work.next;
  PixelBlock pixels = task.pixels;
  if (first_panel) {
    pixels.images = pixels.size[0] = pixels.size[1] = 1;
    pixels.size[2] = smaller(pixels.size[2], decided_.width);
  }
  const Index first_channel = same_block ? run.done + run.length : 0;
  const Index channels = smaller(same_block ? run.left() : geometry_.in_channels, decided_.taps_per_run);
  return prefetch_of_input(geometry_, work.bound.operands.input, task.group, pixels, first_channel, channels,
                           work.tiles.count * work.panels);
}

// Where complete sums go: pixels of an NHWC array, none of which are stored directly, or rows that the next tile
// stores.
template <class T>
Prefetch<T> PixelsFromPanels<T>::prefetch_results(const Work& work, const TapRun& run) const noexcept {
  if (!run.completes()) return {};
  const EvenTiles& tiles = work.tiles;
  const PanelDestinations<T>& destinations = work.destinations;
  const ResultBlock<T>& block = destinations.block();
  if (decided_.prefetches_results && destinations.adjacent() == 1)
    return prefetch_of_pixels(block.to, block.box, 0, work.pixels, block.channels, tiles.count * work.panels);
  if (decided_.prefetches_next_rows && destinations.adjacent() >= work.pixels && tiles.count > 1 &&
      destinations[0].streamed == nullptr)
    return {
        {block.to.data + tiles.rows(0) * block.to.inner, block.to.inner, block.channels - tiles.rows(0), work.pixels},
        (tiles.count - 1) * work.panels};
  return {};
}

// A tile over all panels: as many in a call as are alike and have few taps.
template <class T>
void PixelsFromPanels<T>::multiply_tile(const Work& work, const TapRun& run, Index tile,
                                        const typename TileWeights<T>::Tile& weights,
                                        Prefetches& ahead) const noexcept {
  const Index length = run.length;
  const Index panel_step = panel_offset(decided_.width, length);
  const Index at_once = panels_per_call(work.bound.tuning, length);
  const Index first = work.tiles.first(tile);
  const Index rows = work.tiles.rows(tile);
  const Index start_stride = work.bound.start_stride;
  const T* start = run.starts() ? work.area.start + first * start_stride : nullptr;
  const bool completes = run.completes();
  const bool may_fill = work.fill.by_tile(tile);
  const Index channel_step = work.destinations.block().to.inner;
  T* data = work.area.panels;
  for (Index panel = 0, some = 1; panel < work.panels; panel += some, data += some * panel_step) {
    const PanelDestination<T>& to = work.destinations[panel];
    T* sums = to.result + first * to.stride;
    const bool streams = completes && to.streamed != nullptr;
    some = smaller(to.alike, at_once);
    if (may_fill) some = work.fill.alike(panel, some);
    const kernels::PrefetchLines lines = ahead.lines.fill(some, ahead.reads, ahead.results);
    const kernels::PanelSweep<T> sweep{data,
                                       panel_step,
                                       start != nullptr ? start : sums,
                                       start != nullptr ? start_stride : to.stride,
                                       start != nullptr ? 0 : to.step,
                                       streams ? to.streamed + first * channel_step : sums,
                                       streams ? channel_step : to.stride,
                                       streams ? decided_.width : to.step,
                                       some,
                                       lines,
                                       streams};
    if (may_fill && work.fill.fills(panel))
      kernels_->fill_sweep[rows - 1](weights.data, weights.row_offsets, weights.tap_offsets, length,
                                     work.fill.source(panel, run.strip, work.area.tap_offsets + run.done, data), sweep);
    else if (to.vectors == kernels_->tile_vectors)
      kernels_->sweep_tile[rows - 1](weights.data, weights.row_offsets, weights.tap_offsets, length, sweep);
    else
      run_tile<T>(*kernels_, to.vectors, weights.data, weights.row_offsets, rows, {weights.tap_offsets, length}, data,
                  {start, start_stride, sums, to.stride});
  }
}

template class PixelsFromPanels<float>;
template class PixelsFromPanels<double>;

}  // namespace convgrad::gemm

#include "algorithms/gemm/grad_input/columns.hpp"

#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/panels/tiles.hpp"

namespace convgrad::gemm {

template <class T>
struct GradInputColumns<T>::Work {
  const Binding& bound;
  const ColumnTask& task;
  const PixelBlock& pixels;
  const Next& next;
  const Area& area;
  T* products;
  Index panels;       // narrow ones counted,
  Index full_panels;  // and without them
  SumSpan span[axes];
  bool in_panels;  // all that the block has of G
  Prefetch<T> reads;
};

template <class T>
struct GradInputColumns<T>::Chunk {
  ColumnTiles tiles;
  const T* weights;
  Prefetch<T> results;
};

template <class T>
struct GradInputColumns<T>::ChannelRun {
  Index first;
  Index length;
  T* panels;
  const T* in_place;  // where the first tile reads what it fills panels with, or null if all are filled
  Index panels_at_once;
};

template <class T>
struct GradInputColumns<T>::Tile {
  Index height;
  const T* weights;
  const Index* reduction;
  T* products;
  bool fills;
};

template <class T>
GradInputColumns<T>::GradInputColumns(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                                      int threads) noexcept
    : geometry_(geometry),
      kernels_(&kernels),
      tasks_(geometry, kernels, useful_threads(tuning_of(kernels), geometry, threads)),
      weights_(geometry, kernels, tasks_.chunk()) {
  product_.batch = geometry.batch;
  product_.groups = geometry.groups;
  product_.in_channels = geometry.out_channels;
  product_.out_channels = geometry.in_channels * geometry.taps_per_channel();
  for (int a = 0; a < axes; ++a) product_.input[a] = product_.output[a] = geometry.output[a];
  const Tuning& tuning = tuning_of(kernels);
  areas_.workers = workers_for(tasks_.count(), useful_threads(tuning, geometry, threads));
  decide(tuning);
  reserve_areas();
}

template <class T>
void GradInputColumns<T>::decide(const Tuning& tuning) noexcept {
  ColumnDecision& d = decided_;
  const Index pixels = tasks_.most_pixels();
  d.width = Index{kernels_->lanes} * kernels_->tile_vectors;
  d.run_channels = tasks_.run_channels();
  d.strip_channels = smaller(d.run_channels, larger(1, tuning.columns_strip_bytes / Index{sizeof(T)} / pixels));
  d.padded_pixels = round_up(pixels, d.width);
  d.sums = column_sum_limits<T>(tuning, tasks_.product_pitch());
  d.product_slack = round_up(sums_of_largest_block().slack(*kernels_), cache_line_bytes / Index{sizeof(T)});
  d.single_tile = tasks_.has_single_tile();
  d.transposes = tuning.columns_transposes_grad != 0;
  d.reads_in_place = tuning.columns_reads_in_place != 0;
  d.fills_panels = tuning.columns_fills_panels != 0;
  d.prefetches_results = input_bytes<T>(geometry_) > tuning.columns_prefetch_result_bytes;
  d.prefetches_grad = output_bytes<T>(geometry_) > tuning.columns_prefetch_grad_bytes;
}

template <class T>
ColumnSums<T> GradInputColumns<T>::sums_of_largest_block() const noexcept {
  return ColumnSums<T>(geometry_, decided_.sums, tasks_.images(), tasks_.size(), tasks_.chunk());
}

template <class T>
void GradInputColumns<T>::reserve_areas() noexcept {
  const ColumnDecision& d = decided_;
  const Index kept_runs = d.single_tile ? 1 : divide_up(geometry_.out_channels, d.run_channels);
  const Index rows = tasks_.chunk() * geometry_.taps_per_channel();
  areas_.shared.reserve(&Shared::packed, packed_elements());
  AreaLayout<Area>& own = areas_.own;
  own.reserve(&Area::strip, StripShape::room(tasks_.most_pixels(), d.strip_channels) + 2 * d.width);
  own.reserve(&Area::panels, kept_runs * panel_elements(d.padded_pixels, d.run_channels));
  own.reserve(&Area::products, rows * tasks_.product_pitch() + 2 * d.product_slack);
  own.include(&Area::sums, sums_of_largest_block().layout());
  own.reserve(&Area::zeros, d.width);
  own.reserve(&Area::unfilled, d.padded_pixels / d.width + 1);
  own.reserve(&Area::row_offsets, kernels_->tile_rows);
  own.reserve(&Area::channel_offsets, d.run_channels);
  own.reserve(&Area::reduction, kernels_->tile_rows * d.run_channels);
}

template <class T>
void GradInputColumns<T>::describe(Text& text) const noexcept {
  const ColumnDecision& d = decided_;
  text.line("way", "%s", "columns");
  tasks_.describe(text);
  text.line("run", "%lld output channels, strips of %lld", static_cast<long long>(d.run_channels),
            static_cast<long long>(d.strip_channels));
  text.line("reads", "G %sfrom copied strips",
            d.transposes && d.reads_in_place ? "in place, where pixels or channels are neighbors in it, or else "
            : d.reads_in_place               ? "in place, where pixels are neighbors in it, or else "
            : d.transposes                   ? "in place, where channels are neighbors in it, or else "
                                             : "");
  text.line("copies", "%s",
            !d.reads_in_place || !d.fills_panels ? "G into panels before they are multiplied"
            : d.single_tile ? "G into panels before they are multiplied; none where a single tile reads pixels in place"
                            : "G into panels; the first tile fills them where pixels are neighbors");
  text.line("weights", "packed, tile after tile");
  text.line("writes", "sums of a row and channel%s",
            d.sums.transposes ? ", or of all channels, transposed, where these are neighbors in dV" : "");
  text.line("prefetch", "%s, %s",
            !d.prefetches_grad ? "no G"
            : d.single_tile    ? "the next output channels of G"
                               : "the next block of G",
            d.prefetches_results ? "dV before sums are stored" : "no dV");
}

template <class T>
void GradInputColumns<T>::pack(const Tensor<const T>& kernel, T* packed) const noexcept {
  const PhaseTimer timer(Phase::packing_weights);
  weights_.pack(kernel, areas_.workers, packed);
}

template <class T>
void GradInputColumns<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& kernel, const T* packed,
                              const Tensor<T>& grad_input, void* workspace) const noexcept {
  if (packed == nullptr) {
    T* to = areas_.shared_in(workspace).packed;
    pack(kernel, to);
    packed = to;
  }
  const Binding bound{grad_output, packed, grad_input,
                      decided_.transposes && transposes_into_panels(product_, grad_output)};
  run_tasks(tasks_, areas_, workspace, [&](Index index, Index next, const Area& area) {
    run_task(bound, tasks_.task(index), tasks_.task(next), area);
  });
}

template <class T>
void GradInputColumns<T>::run_task(const Binding& bound, const ColumnTask& task, const ColumnTask& next,
                                   const Area& area) const noexcept {
  if (task.empty()) return;
  fill_tables(area);
  PixelBlock block;
  tasks_.for_each_block(task, [&](const PixelBlock& following) {
    if (block.count() > 0) run_block(bound, task, block, {task.group, following}, area);
    block = following;
  });
  run_block(bound, task, block, {next.group, tasks_.first_block(next)}, area);
}

template <class T>
void GradInputColumns<T>::fill_tables(const Area& area) const noexcept {
  for (Index i = 0; i < decided_.width; ++i) area.zeros[i] = T{0};
  const Index channels = decided_.run_channels;
  for (Index i = 0; i < kernels_->tile_rows; ++i) {
    area.row_offsets[i] = i;
    for (Index o = 0; o < channels; ++o) area.reduction[i * channels + o] = o * (i + 1);
  }
  sums_of_largest_block().fill_terms(area.sums);
}

template <class T>
void GradInputColumns<T>::run_block(const Binding& bound, const ColumnTask& task, const PixelBlock& pixels,
                                    const Next& next, const Area& area) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  Work work{bound,
            task,
            pixels,
            next,
            area,
            area.products + decided_.product_slack,
            divide_up(pixels.count(), decided_.width),
            full_panels(*kernels_, pixels.count()),
            {},
            false,
            {}};
  for (int a = 0; a < axes; ++a) work.span[a] = tasks_.span(a, task, pixels);
  if (decided_.prefetches_grad && !decided_.single_tile) prefetch_next_block(work);
  for (Index done = 0; done < task.channels; done += tasks_.chunk()) {
    run_chunk(work, done, timer);
    work.in_panels = true;
  }
}

// All of it while the tiles of all chunks pass over this one.
template <class T>
void GradInputColumns<T>::prefetch_next_block(Work& work) const noexcept {
  Index tiles = 0;
  for (Index done = 0; done < work.task.channels; done += tasks_.chunk())
    tiles += weights_.tiles(smaller(tasks_.chunk(), work.task.channels - done) * geometry_.taps_per_channel()).count;
  const Index runs = divide_up(geometry_.out_channels, decided_.run_channels);
  work.reads = prefetch_of_input(product_, work.bound.grad_output, work.next.group, work.next.pixels, 0,
                                 geometry_.out_channels, tiles * work.panels * runs);
}

// Of a single tile: the next run of the block's output channels, or the first one of the next block.
template <class T>
void GradInputColumns<T>::prefetch_next_run(Work& work, const ChannelRun& run) const noexcept {
  const Tensor<const T>& from = work.bound.grad_output;
  const Index end = run.first + run.length;
  const Index left = geometry_.out_channels - end;
  const Index wanted = smaller(decided_.run_channels, left > 0 ? left : geometry_.out_channels);
  work.reads = left > 0 ? prefetch_of_input(product_, from, work.task.group, work.pixels, end, wanted, work.panels)
                        : prefetch_of_input(product_, from, work.next.group, work.next.pixels, 0, wanted, work.panels);
}

// The products of some channels of the task, from `first_channel` on, and their sums.
template <class T>
void GradInputColumns<T>::run_chunk(Work& work, Index first_channel, PhaseTimer& timer) const noexcept {
  const PixelBlock& pixels = work.pixels;
  const Index channels = smaller(tasks_.chunk(), work.task.channels - first_channel);
  const Index channel = work.task.group * geometry_.in_channels + work.task.first_channel + first_channel;
  Tensor<T> to = work.bound.grad_input;
  to.data += pixels.first_image * to.outer + channel * to.inner;
  const ColumnSums<T> sums(geometry_, decided_.sums, pixels.images, pixels.size, channels);
  Chunk chunk{
      weights_.tiles(channels * geometry_.taps_per_channel()), work.bound.packed + weights_.offset(channel), {}};
  if (decided_.prefetches_results)
    chunk.results = sums.prefetch_of_results(work.span, to, chunk.tiles.count * work.panels);
  ChannelRun run{0, 0, work.area.panels, nullptr, 0};
  for (; run.first < geometry_.out_channels; run.first += run.length) {
    run.length = smaller(decided_.run_channels, geometry_.out_channels - run.first);
    run.panels_at_once = panels_per_call(tuning_of(*kernels_), run.length);
    if (!work.in_panels) {
      timer.next(Phase::packing_input);
      fill_panels(work, run);
    }
    if (decided_.prefetches_grad && decided_.single_tile) prefetch_next_run(work, run);
    timer.next(Phase::multiplying);
    multiply(work, chunk, run);
    if (!decided_.single_tile) run.panels += panel_elements(decided_.padded_pixels, run.length);
  }
  timer.next(Phase::adding_sums);
  sums.store(*kernels_, work.products, work.span, work.area.sums, to);
}

// Those of a run of channels. Of a block that G holds as its strip, the first tile fills them instead: it keeps what it
// reads in panels, unless it is the only one.
template <class T>
void GradInputColumns<T>::fill_panels(const Work& work, ChannelRun& run) const noexcept {
  const PixelBlock& pixels = work.pixels;
  const Area& area = work.area;
  Tensor<const T> from = work.bound.grad_output;
  from.data += work.task.group * product_.in_channels * from.inner;
  run.in_place = nullptr;
  if (work.bound.transposes) {
    transpose_into_panels(*kernels_, product_, pixels, from, run.first, run.length, run.panels);
    return;
  }
  const TapBlock channels{run.first, run.length, {0, 0, 0}, {1, 1, 1}, run.first};
  StripShape shape(product_, pixels.images, pixels.size, run.length, channels.size, StripShape::Order::pixels_adjacent);
  const Index channels_left = (geometry_.groups - work.task.group) * product_.in_channels;
  const T* strip = nullptr;
  if (!decided_.reads_in_place ||
      !shape.in_place(product_, pixels, channels, from, channels_left, decided_.width, strip)) {
    copy_panels(work, run, from);
    return;
  }
  shape.fill_tap_offsets(channels, area.channel_offsets);
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  expand_panels(*kernels_, shape, box, strip, false, area.channel_offsets, {0, run.length, run.length}, nullptr,
                run.panels, decided_.fills_panels ? area.unfilled : nullptr);
  if (decided_.fills_panels) run.in_place = strip;
}

// By way of a strip, as many channels at a time as the cache holds.
template <class T>
void GradInputColumns<T>::copy_panels(const Work& work, const ChannelRun& run,
                                      const Tensor<const T>& from) const noexcept {
  const PixelBlock& pixels = work.pixels;
  const Area& area = work.area;
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  for (Index done = 0, some = 0; done < run.length; done += some) {
    some = smaller(decided_.strip_channels, run.length - done);
    const TapBlock part{run.first + done, some, {0, 0, 0}, {1, 1, 1}, run.first + done};
    const StripShape shape(product_, pixels.images, pixels.size, some, part.size, StripShape::Order::pixels_adjacent);
    shape.pack(*kernels_, product_, pixels, part, from, area.strip);
    shape.fill_tap_offsets(part, area.channel_offsets);
    expand_panels(*kernels_, shape, box, static_cast<const T*>(area.strip), false, area.channel_offsets,
                  {done, some, run.length}, nullptr, run.panels);
  }
}

// The tiles of a chunk over a run of channels, for all pixels of the block: the weights of a tile stay in the
// first-level cache while the panels pass by.
template <class T>
void GradInputColumns<T>::multiply(Work& work, Chunk& chunk, const ChannelRun& run) const noexcept {
  const Index pitch = tasks_.product_pitch();
  const Index step = panel_offset(decided_.width, run.length);
  const Index swept = work.full_panels * decided_.width;
  const bool ends_narrow = swept < work.pixels.count();
  Index next = 0;
  for (Index i = 0; i < chunk.tiles.count; ++i) {
    const Index row = next;
    next = chunk.tiles.first_row(i + 1);
    const Index height = next - row;
    const Tile tile{height, chunk.weights + row * geometry_.out_channels + run.first * height,
                    work.area.reduction + (height - 1) * decided_.run_channels, work.products + row * pitch,
                    i == 0 && run.in_place != nullptr};
    sweep_panels(work, chunk, run, tile);
    if (!ends_narrow) continue;
    work.reads.step();
    chunk.results.step();
    run_tile<T>(*kernels_, 1, tile.weights, work.area.row_offsets, height, {tile.reduction, run.length},
                run.panels + work.full_panels * step,
                {run.first == 0 ? work.area.zeros : nullptr, 0, tile.products + swept, pitch});
  }
}

// One tile over all panels of the full width, several in a call. The sums of the first run start from zeros, those of
// others go on.
template <class T>
void GradInputColumns<T>::sweep_panels(Work& work, Chunk& chunk, const ChannelRun& run,
                                       const Tile& tile) const noexcept {
  const Area& area = work.area;
  const Index width = decided_.width;
  const Index pitch = tasks_.product_pitch();
  const Index step = panel_offset(width, run.length);
  const bool starts = run.first == 0;
  PrefetchList<2> lines;
  for (Index panel = 0, some = 0; panel < work.full_panels; panel += some) {
    some = smaller(run.panels_at_once, work.full_panels - panel);
    if (tile.fills) some = alike_panels(area.unfilled + panel, some);
    const kernels::PrefetchLines prefetch = lines.fill(some, work.reads, chunk.results);
    T* to = tile.products + panel * width;
    T* here = run.panels + panel * step;
    const kernels::PanelSweep<T> sweep{
        here, step, starts ? area.zeros : to, starts ? 0 : pitch, starts ? 0 : width, to, pitch, width, some, prefetch};
    if (tile.fills && area.unfilled[panel] != filled_already)
      kernels_->fill_sweep[tile.height - 1](
          tile.weights, area.row_offsets, tile.reduction, run.length,
          {run.in_place, area.channel_offsets, area.unfilled + panel, decided_.single_tile ? nullptr : here}, sweep);
    else
      kernels_->sweep_tile[tile.height - 1](tile.weights, area.row_offsets, tile.reduction, run.length, sweep);
  }
}

template class GradInputColumns<float>;
template class GradInputColumns<double>;

}  // namespace convgrad::gemm

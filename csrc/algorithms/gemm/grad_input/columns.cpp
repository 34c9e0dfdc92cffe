#include "algorithms/gemm/grad_input/columns.hpp"

#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

template <class T>
GradInputColumns<T>::GradInputColumns(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                                      int threads) noexcept
    : geometry_(geometry),
      kernels_(&kernels),
      width_(kernels.lanes * kernels.tile_vectors),
      tasks_(geometry, kernels, useful_threads(tuning_of(kernels), geometry, threads)),
      run_(tasks_.run_channels()),
      weights_(geometry, kernels, tasks_.chunk()) {
  product_.batch = geometry.batch;
  product_.groups = geometry.groups;
  product_.in_channels = geometry.out_channels;
  product_.out_channels = geometry.in_channels * geometry.taps_per_channel();
  for (int a = 0; a < axes; ++a) product_.input[a] = product_.output[a] = geometry.output[a];
  const Tuning& tuning = tuning_of(kernels);
  single_tile_ = tasks_.has_single_tile();
  prefetches_results_ = input_bytes<T>(geometry) > tuning.columns_prefetch_result_bytes;
  prefetches_input_ = output_bytes<T>(geometry) > tuning.columns_prefetch_grad_bytes;

  sum_limits_ = column_sum_limits<T>(tuning, tasks_.product_pitch());
  const ColumnSums<T> sums(geometry_, sum_limits_, tasks_.images(), tasks_.size(), tasks_.chunk());
  const Index pixels = tasks_.most_pixels();
  padded_pixels_ = round_up(pixels, width_);
  strip_channels_ = smaller(run_, larger(1, tuning.columns_strip_bytes / Index{sizeof(T)} / pixels));
  product_slack_ = round_up(sums.slack(kernels), cache_line_bytes / Index{sizeof(T)});
  areas_.workers = workers_for(tasks_.count(), useful_threads(tuning, geometry, threads));
  reserve_areas(sums);
}

template <class T>
void GradInputColumns<T>::reserve_areas(const ColumnSums<T>& sums) noexcept {
  const Index pixels = tasks_.most_pixels();
  const Index runs = single_tile_ ? 1 : divide_up(geometry_.out_channels, run_);
  areas_.shared.reserve(&Shared::packed, packed_elements());
  AreaLayout<Area>& own = areas_.own;
  own.reserve(&Area::strip, StripShape::room(pixels, strip_channels_) + 2 * width_);
  own.reserve(&Area::panels, runs * panel_elements(padded_pixels_, run_));
  own.reserve(&Area::products,
              tasks_.chunk() * geometry_.taps_per_channel() * tasks_.product_pitch() + 2 * product_slack_);
  own.include(&Area::sums, sums.layout());
  own.reserve(&Area::zeros, width_);
  own.reserve(&Area::unfilled, padded_pixels_ / width_ + 1);
  own.reserve(&Area::row_offsets, kernels_->tile_rows);
  own.reserve(&Area::channel_offsets, run_);
  own.reserve(&Area::reduction, kernels_->tile_rows * run_);
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
  run_tasks(tasks_, areas_, workspace, [&](Index index, Index next, const Area& area) {
    run_task(tasks_.task(index), tasks_.task(next), grad_output, packed, grad_input, area);
  });
}

template <class T>
void GradInputColumns<T>::run_task(const ColumnTask& task, const ColumnTask& next, const Tensor<const T>& grad_output,
                                   const T* packed, const Tensor<T>& grad_input, const Area& area) const noexcept {
  if (task.empty()) return;
  for (Index i = 0; i < width_; ++i) area.zeros[i] = T{0};
  for (Index i = 0; i < kernels_->tile_rows; ++i) {
    area.row_offsets[i] = i;
    for (Index o = 0; o < run_; ++o) area.reduction[i * run_ + o] = o * (i + 1);
  }

  ColumnSums<T>(geometry_, sum_limits_, tasks_.images(), tasks_.size(), tasks_.chunk()).fill_terms(area.sums);
  PixelBlock block;
  tasks_.for_each_block(task, [&](const PixelBlock& following) {
    if (block.count() > 0) run_block(task, block, {task.group, following}, grad_output, packed, grad_input, area);
    block = following;
  });
  run_block(task, block, {next.group, tasks_.first_block(next)}, grad_output, packed, grad_input, area);
}

template <class T>
void GradInputColumns<T>::run_block(const ColumnTask& task, const PixelBlock& pixels, const Next& next,
                                    const Tensor<const T>& grad_output, const T* packed, const Tensor<T>& grad_input,
                                    const Area& area) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const Index panels = divide_up(pixels.count(), width_);
  Index steps = 0;  // of all chunks
  for (Index done = 0; done < task.channels; done += tasks_.chunk())
    steps += weights_.tiles(smaller(tasks_.chunk(), task.channels - done) * geometry_.taps_per_channel()).count;
  steps *= panels * divide_up(geometry_.out_channels, run_);
  Prefetch<T> reads;
  if (prefetches_input_ && !single_tile_)
    reads = prefetch_of_input(product_, grad_output, next.group, next.pixels, 0, geometry_.out_channels, steps);

  SumSpan span[axes];
  for (int a = 0; a < axes; ++a) span[a] = tasks_.span(a, task, pixels);
  const Index taps = geometry_.taps_per_channel();
  bool in_panels = false;  // all that the block has of G
  for (Index done = 0; done < task.channels; done += tasks_.chunk()) {
    const Index channels = smaller(tasks_.chunk(), task.channels - done);
    const Index channel = task.group * geometry_.in_channels + task.first_channel + done;
    Tensor<T> to = grad_input;
    to.data += pixels.first_image * to.outer + channel * to.inner;
    const ColumnSums<T> sums(geometry_, sum_limits_, pixels.images, pixels.size, channels);
    const ColumnTiles tiles = weights_.tiles(channels * taps);
    Prefetch<T> stores;
    if (prefetches_results_) stores = sums.prefetch_of_results(span, to, tiles.count * panels);
    const T* weights = packed + weights_.offset(channel);
    T* run_panels = area.panels;
    for (Index run = 0; run < geometry_.out_channels; run += run_) {
      const Index length = smaller(run_, geometry_.out_channels - run);
      const T* in_place = nullptr;
      if (!in_panels) {
        timer.next(Phase::packing_input);
        in_place = fill_panels(task.group, pixels, grad_output, run, length, area, run_panels);
      }
      if (prefetches_input_ && single_tile_) {
        const Index left = geometry_.out_channels - run - length;
        const Index wanted = smaller(run_, left > 0 ? left : geometry_.out_channels);
        reads = left > 0 ? prefetch_of_input(product_, grad_output, task.group, pixels, run + length, wanted, panels)
                         : prefetch_of_input(product_, grad_output, next.group, next.pixels, 0, wanted, panels);
      }
      timer.next(Phase::multiplying);
      multiply(in_place, weights, tiles, pixels.count(), run, length, run_panels, reads, stores, area);
      if (!single_tile_) run_panels += panel_elements(padded_pixels_, length);
    }
    in_panels = true;
    timer.next(Phase::adding_sums);
    sums.store(*kernels_, area.products + product_slack_, span, area.sums, to);
  }
}

// Those of a run of channels, but for the ones that `area.unfilled` leaves for the first tile to read in place: it
// keeps them in panels, unless it is the only one. Returns where that is, or null if all are filled.
template <class T>
const T* GradInputColumns<T>::fill_panels(Index group, const PixelBlock& pixels, const Tensor<const T>& grad_output,
                                          Index run, Index length, const Area& area, T* panels) const noexcept {
  Tensor<const T> from = grad_output;
  from.data += group * product_.in_channels * from.inner;
  if (transposes_into_panels(product_, from)) {
    transpose_into_panels(*kernels_, product_, pixels, from, run, length, panels);
    return nullptr;
  }
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  const TapBlock channels{run, length, {0, 0, 0}, {1, 1, 1}, run};
  StripShape shape(product_, pixels.images, pixels.size, length, channels.size, StripShape::Order::pixels_adjacent);
  const T* in_place = nullptr;
  const Index channels_left = (geometry_.groups - group) * product_.in_channels;
  if (shape.in_place(product_, pixels, channels, from, channels_left, width_, in_place)) {
    shape.fill_tap_offsets(channels, area.channel_offsets);
    expand_panels(*kernels_, shape, box, in_place, false, area.channel_offsets, {0, length, length}, nullptr, panels,
                  area.unfilled);
    return in_place;
  }
  for (Index done = 0, some = 0; done < length; done += some) {
    some = smaller(strip_channels_, length - done);
    const TapBlock part{run + done, some, {0, 0, 0}, {1, 1, 1}, run + done};
    shape = StripShape(product_, pixels.images, pixels.size, some, part.size, StripShape::Order::pixels_adjacent);
    shape.pack(*kernels_, product_, pixels, part, from, area.strip);
    shape.fill_tap_offsets(part, area.channel_offsets);
    expand_panels(*kernels_, shape, box, static_cast<const T*>(area.strip), false, area.channel_offsets,
                  {done, some, length}, nullptr, panels);
  }
  return nullptr;
}

// The tiles of a chunk over a run of channels, for all pixels of the block: the weights of a tile stay in
// the first-level cache while the panels pass by.
template <class T>
void GradInputColumns<T>::multiply(const T* in_place, const T* weights, const ColumnTiles& tiles, Index pixels,
                                   Index run, Index length, T* panels, Prefetch<T>& reads, Prefetch<T>& stores,
                                   const Area& area) const noexcept {
  const Index pitch = tasks_.product_pitch();
  const Index full = full_panels(*kernels_, pixels);
  const Index step = panel_offset(width_, length);
  const Index at_once = panels_per_call(tuning_of(*kernels_), length);
  PrefetchList<2> lines;
  Index next = 0;
  for (Index tile = 0; tile < tiles.count; ++tile) {
    const Index row = next;
    next = tiles.first_row(tile + 1);
    const Index height = next - row;
    const T* tile_weights = weights + row * geometry_.out_channels + run * height;
    const Index* offsets = area.reduction + (height - 1) * run_;
    T* products = area.products + product_slack_ + row * pitch;
    const bool may_fill = in_place != nullptr && tile == 0;
    for (Index panel = 0, some = 0; panel < full; panel += some) {
      some = smaller(at_once, full - panel);
      if (may_fill) some = alike_panels(area.unfilled + panel, some);
      const kernels::PrefetchLines asked = lines.fill(some, reads, stores);
      T* to = products + panel * width_;
      T* here = panels + panel * step;
      const kernels::PanelSweep<T> sweep{
          here, step, run == 0 ? area.zeros : to, run == 0 ? 0 : pitch, run == 0 ? 0 : width_, to, pitch, width_,
          some, asked};
      if (may_fill && area.unfilled[panel] != filled_already)
        kernels_->fill_sweep[height - 1](
            tile_weights, area.row_offsets, offsets, length,
            {in_place, area.channel_offsets, area.unfilled + panel, single_tile_ ? nullptr : here}, sweep);
      else
        kernels_->sweep_tile[height - 1](tile_weights, area.row_offsets, offsets, length, sweep);
    }
    if (full * width_ >= pixels) continue;
    reads.step();
    stores.step();
    run_tile<T>(*kernels_, 1, tile_weights, area.row_offsets, height, {offsets, length}, panels + full * step,
                {run == 0 ? area.zeros : nullptr, 0, products + full * width_, pitch});
  }
}

template class GradInputColumns<float>;
template class GradInputColumns<double>;

}  // namespace convgrad::gemm

#include "algorithms/gemm/ways/channels_by_pixel.hpp"

#include "algorithms/common/machine.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/panels/channel_panels.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/tasks/run_correlation.hpp"
#include "algorithms/gemm/write/bias.hpp"
#include "algorithms/gemm/write/channel_sink.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

namespace {

BlockingLimits block_limits(const Tuning& tuning, const Geometry& geometry, Index size) noexcept {
  const Index usual = tuning.by_pixel_block_pixels;
  const Index fewest = geometry.taps_per_channel() == 1 ? tuning.by_pixel_one_tap_fewest_pixels : usual;
  BlockingLimits limits{usual, most_taps_of_block, tuning.by_pixel_strip_bytes / size, false};
  while (limits.pixels > larger(1, fewest) && Blocking(geometry, limits).tap_blocks() > 1) limits.pixels /= 2;
  return limits;
}

}  // namespace

template <class T>
bool ChannelsByPixel<T>::applies(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  constexpr Index size = sizeof(T);
  const Index lanes = kernels.lanes;
  const Index channels = geometry.out_channels;
  const Index taps = geometry.in_channels * geometry.taps_per_channel();
  const bool one_tap = geometry.taps_per_channel() == 1;
  if (saturating_product(round_up(channels, lanes), taps) > tuning.by_pixel_weight_bytes / size) return false;
  // A vector takes as long with few channels in it, and a panel of one more than half of one of two.
  const Index vectors = divide_up(channels, lanes);
  const double odd = vectors % 2 == 1 ? tuning.by_pixel_cost_of_odd_vector * static_cast<double>(lanes) : 0;
  const double time = static_cast<double>(vectors * lanes) + odd;
  const bool wastes = time > tuning.by_pixel_most_time_of_channel * static_cast<double>(channels);
  const bool few = channels < lanes;
  if (few && (!one_tap || geometry.in_channels < tuning.by_pixel_one_tap_fewest_in_channels)) return false;
  if (!few && !one_tap && wastes) return false;
  return Blocking(geometry, block_limits(tuning, geometry, size)).tap_blocks() == 1;
}

template <class T>
ChannelsByPixel<T>::ChannelsByPixel(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                                    int threads) noexcept
    : geometry_(geometry),
      kernels_(&kernels),
      panels_(PanelSplit::of_vectors(kernels, kernels.tile_vectors, geometry.out_channels)),
      tile_rows_(geometry.out_channels <= kernels.lanes ? kernels.narrow_tile_rows : kernels.tile_rows) {
  const Tuning& tuning = tuning_of(kernels);
  constexpr Index size = sizeof(T);
  TaskLimits limits{};
  limits.blocking = block_limits(tuning, geometry, size);
  limits.fewest_pixels = tile_rows_;
  limits.channel_step = limits.fewest_channels = larger(1, geometry.out_channels);
  TaskCost cost;
  cost.channel_unit = kernels.lanes;
  cost.strip_element = tuning.by_pixel_cost_of_strip_element;
  const Index useful = useful_threads(tuning, geometry, threads);
  tasks_ = CorrelationTasks(tuning, geometry, limits, cost, useful);
  reading_ = {may_read_in_place(tuning, geometry), false};
  prefetches_input_ = input_bytes<T>(geometry) > tuning.by_pixel_far_input_bytes;
  prefetches_results_ = geometry.out_channels * size <= tuning.by_pixel_prefetched_pixel_bytes;

  const Blocking& blocking = tasks_.blocking();
  areas_.workers = static_cast<int>(workers_for(tasks_.count(), useful));
  areas_.shared.reserve(&ChannelShared<T>::packed, packed_channel_elements(geometry, panels_));
  areas_.shared.reserve(&ChannelShared<T>::bias, geometry.groups * panels_.padded_channels());
  areas_.own.reserve(&Area::strip, blocking.strip_room_in_any_order());
  areas_.own.reserve(&Area::pixel_offsets, blocking.most_pixels());
  areas_.own.reserve(&Area::tap_offsets, blocking.most_taps());
}

template <class T>
void ChannelsByPixel<T>::describe(Text& text) const noexcept {
  text.line("way", "%s", "channels_by_pixel");
  tasks_.describe(text);
  describe_reading(text, reading_);
  text.line("weights", "%s", "packed once, for all tasks");
  text.line("writes", "%s", "all channels of a tile's pixels, each from its first to its last");
  if (prefetches_input_ || prefetches_results_)
    text.line("prefetch", "%s%s", prefetches_input_ ? "the next block's input; " : "",
              prefetches_results_ ? "where results go" : "no results");
}

template <class T>
struct ChannelsByPixel<T>::Binding {
  const CorrelationOperands<T>& operands;
  ChannelShared<T> shared;
  BlockReader<T> reader;
};

template <class T>
void ChannelsByPixel<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  const Binding binding{operands, areas_.shared_in(workspace),
                        BlockReader<T>(geometry_, *kernels_, operands.input, reading_)};
  // So few weights are packed before other threads could start.
  pack_channel_panels(ChannelSink<T>(geometry_, *kernels_), geometry_, panels_, operands.weights, 1,
                      binding.shared.packed);
  pad_bias(geometry_, panels_.padded_channels(), operands.bias, binding.shared.bias);
  run_correlation(tasks_, areas_, operands, workspace, [&](const CorrelationStep<T>& step, const Area& area) {
    run_task(binding, step.task, step.next, area);
  });
}

// What all pixels of a task's block meet.
template <class T>
struct ChannelsByPixel<T>::GroupWork {
  const T* source;  // which the offsets count from
  const Index* pixel_offsets;
  kernels::Reduction taps;
  const T* weights;  // of the group
  const T* bias;
};

// The pixels of a tile.
template <class T>
struct ChannelsByPixel<T>::PixelTile {
  const Index* offset;
  Index count;
  T* results;  // of the first one
  Index step;  // to the next one's
};

template <class T>
void ChannelsByPixel<T>::run_task(const Binding& binding, const CorrelationTask& task, const CorrelationTask& next,
                                  const Area& area) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const CorrelationOperands<T>& operands = binding.operands;
  const PixelBlock& pixels = task.pixels;
  const TapBlock taps = tasks_.blocking().tap_block(0);
  const BlockInput<T> block = binding.reader.read(task.group, pixels, taps, area.strip);
  block.shape.fill_pixel_offsets(pixels, area.pixel_offsets);
  block.shape.fill_tap_offsets(taps, area.tap_offsets);

  timer.next(Phase::multiplying);
  const Index first_lane = task.group * panels_.padded_channels();
  const GroupWork work{block.data,
                       area.pixel_offsets,
                       {area.tap_offsets, taps.count()},
                       binding.shared.packed + first_lane * taps.count(),
                       binding.shared.bias + first_lane};
  Tensor<T> output = at_block(operands.output, pixels);
  output.data += task.group * geometry_.out_channels * output.inner;
  Prefetch<T> input;
  if (prefetches_input_)
    input = prefetch_of_input(geometry_, operands.input, next.group, next.pixels, 0, geometry_.in_channels,
                              pixels.count() / tile_rows_);
  multiply(work, pixels, output, input);
}

template <class T>
void ChannelsByPixel<T>::multiply(const GroupWork& work, const PixelBlock& pixels, const Tensor<T>& output,
                                  Prefetch<T> input) const noexcept {
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  const Index count = box.count();
  Prefetch<T> results;
  if (prefetches_results_)
    results =
        prefetch_of_pixels(output, box, smaller(count, tile_rows_), count, geometry_.out_channels, count / tile_rows_);
  const EvenPixels even = find_even_pixels(output, box);
  PixelCursor place(box);
  for (Index begin = 0; begin < count; begin += even.length) {
    T* first = output.data + place.offset(output);
    const EvenTiles tiles(even.length, tile_rows_);
    for (Index tile = 0; tile < tiles.count; ++tile) {
      input.step();
      results.step();
      run_pixels(work, {work.pixel_offsets + begin + tiles.first(tile), tiles.rows(tile),
                        first + tiles.first(tile) * even.step, even.step});
    }
    place.advance(even.length);
  }
}

template <class T>
void ChannelsByPixel<T>::run_pixels(const GroupWork& work, const PixelTile& pixels) const noexcept {
  const Index taps = work.taps.length;
  const Index width = panels_.full_width();
  const Index whole = geometry_.out_channels / width;  // panels
  if (whole > 0)
    kernels_->sweep_tile[pixels.count - 1](
        work.source, pixels.offset, work.taps.offset, taps,
        {work.weights, width * taps, work.bias, 0, width, pixels.results, pixels.step, width, whole, {}});
  const Index done = whole * width;
  const Index lanes = geometry_.out_channels - done;
  if (lanes == 0) return;
  // The last panel, and where its lanes are not all channels, around what lies behind them.
  const Index last_width = round_up(lanes, kernels_->lanes);
  alignas(cache_line_bytes) T apart[kernels::max_tile_rows * kernels::max_tile_vectors * kernels::sum_lanes<T>];
  T* const to = pixels.results + done;
  const bool filled = lanes == last_width;
  run_tile(*kernels_, last_width / kernels_->lanes, work.source, pixels.offset, pixels.count, work.taps,
           work.weights + done * taps, {work.bias + done, 0, filled ? to : apart, filled ? pixels.step : last_width});
  if (!filled) kernels_->copy_rows(apart, last_width, pixels.count, lanes, to, pixels.step);
}

template class ChannelsByPixel<float>;
template class ChannelsByPixel<double>;

}  // namespace convgrad::gemm

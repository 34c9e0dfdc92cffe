#include "algorithms/gemm/ways/channels_by_pixel.hpp"

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/write/bias.hpp"
#include "algorithms/read/transpose_pixels.hpp"
#include "core/parallel.hpp"
#include "core/phases.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

// Read again for every few pixels, from the second-level cache beside a strip.
constexpr Index weight_bytes = Index{128} << 10;
constexpr Index strip_bytes = Index{128} << 10;
constexpr Index pixels_per_block = 448;
constexpr double most_time_of_channel = 1.2;  // of that in a full panel
// A larger input comes from the last-level cache or beyond.
constexpr double most_near_input = 1 << 20;
// The channels of a tile's pixels are written a panel of each at a time. Few channels are then a few cache lines in
// disorder, which have to be asked for in order; many are as many streams as the tile has rows, and lines that are
// overwritten as a whole are not fetched at all, if nobody asks for them.
constexpr Index most_bytes_of_short_pixel = 512;

template <class T>
BlockingLimits block_limits(const Geometry& geometry) noexcept {
  // Nothing is copied twice under a kernel of one tap, so its blocks may be smaller.
  const Index fewest = geometry.taps_per_channel() == 1 ? pixels_per_block / 8 : pixels_per_block;
  BlockingLimits limits{pixels_per_block, most_taps_of_block, strip_bytes / Index{sizeof(T)}, false};
  while (limits.pixels > fewest && Blocking(geometry, limits).tap_blocks() > 1) limits.pixels /= 2;
  return limits;
}

}  // namespace

template <class T>
struct ChannelsByPixel<T>::Worker {
  T* strip;
  Index* pixel_offsets;
  Index* tap_offsets;
};

template <class T>
bool ChannelsByPixel<T>::applies(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  const Index lanes = kernels.lanes;
  const Index channels = geometry.out_channels;
  const Index taps = geometry.in_channels * geometry.taps_per_channel();
  const bool one_tap = geometry.taps_per_channel() == 1;
  if (saturating_product(round_up(channels, lanes), taps) > weight_bytes / Index{sizeof(T)}) return false;
  // A panel of one vector takes a third more, and a vector takes as long with few channels in it. With pixels as lanes
  // nothing is wasted so, but a 1x1 kernel's input and results are turned for few multiplications.
  const Index vectors = divide_up(channels, lanes);
  const double time = static_cast<double>(vectors * lanes) + (vectors % 2 == 1 ? 0.3 * static_cast<double>(lanes) : 0);
  const bool wastes = time > most_time_of_channel * static_cast<double>(channels);
  if (channels < lanes ? !one_tap || geometry.in_channels < fewest_adjacent_channels : !one_tap && wastes) return false;
  return Blocking(geometry, block_limits<T>(geometry)).tap_blocks() == 1;
}

template <class T>
ChannelsByPixel<T>::ChannelsByPixel(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                                    int threads) noexcept
    : geometry_(geometry),
      kernels_(&kernels),
      width_(kernels.lanes * kernels.tile_vectors),
      tile_rows_(geometry.out_channels <= kernels.lanes ? kernels.narrow_tile_rows : kernels.tile_rows) {
  TaskLimits limits{};
  limits.blocking = block_limits<T>(geometry);
  limits.fewest_pixels = tile_rows_;
  limits.channel_step = limits.fewest_channels = larger(1, geometry.out_channels);
  TaskCost cost;
  cost.channel_unit = kernels.lanes;
  cost.strip_element = 16;
  const Index useful = useful_threads(tuning_of(kernels), geometry, threads);
  tasks_ = CorrelationTasks(tuning_of(kernels), geometry, limits, cost, useful);
  threads_ = static_cast<int>(larger(1, smaller(useful, tasks_.count())));
  prefetches_input_ = input_bytes<T>(geometry) > most_near_input;
  prefetches_results_ = geometry.out_channels * Index{sizeof(T)} <= most_bytes_of_short_pixel;

  const Blocking& blocking = tasks_.blocking();
  WorkspaceLayout shared;
  packed_ = shared.reserve<T>(geometry.groups * padded_channels() * taps());
  bias_ = shared.reserve<T>(geometry.groups * padded_channels());
  worker_begin_ = shared.bytes();
  WorkspaceLayout worker;
  strip_ = worker.reserve<T>(blocking.strip_room_in_any_order());
  pixel_offsets_ = worker.reserve<Index>(blocking.most_pixels());
  tap_offsets_ = worker.reserve<Index>(blocking.most_taps());
  worker_bytes_ = worker.bytes();
}

template <class T>
void ChannelsByPixel<T>::pack(const Weights<T>& weights, T* packed) const noexcept {
  const PhaseTimer timer(Phase::packing_weights);
  for (Index group = 0; group < geometry_.groups; ++group)
    for (Index first = 0; first < geometry_.out_channels; first += width_) {
      const Index lanes = smaller(width_, geometry_.out_channels - first);
      const Index width = round_up(lanes, kernels_->lanes);
      Weights<T> from = weights;
      from.data += group * weights.group + first * weights.lane;
      pack_weights(*kernels_, from, geometry_.in_channels, geometry_.kernel, lanes, width, packed);
      packed += width * taps();
    }
}

template <class T>
void ChannelsByPixel<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  const Tensor<const T>& input = operands.input;
  const Weights<T>& weights = operands.weights;
  const Bias<T>& bias = operands.bias;
  const Tensor<T>& output = operands.output;
  T* packed = at_offset<T>(workspace, packed_);
  pack(weights, packed);
  T* padded_bias = at_offset<T>(workspace, bias_);
  pad_bias(geometry_, padded_channels(), bias, padded_bias);
  parallel_for(threads_, tasks_.count(), [&](Index index, int number) {
    void* area = at_offset<char>(workspace, worker_begin_ + static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<T>(area, strip_), at_offset<Index>(area, pixel_offsets_),
                        at_offset<Index>(area, tap_offsets_)};
    const CorrelationTask task = tasks_.task(index);
    // What this worker, or another soon, does after it.
    const CorrelationTask next = tasks_.task(smaller(index + threads_, tasks_.count() - 1));
    const Index first_channel = task.group * padded_channels();
    run_task(task, next, input, packed + first_channel * taps(), padded_bias + first_channel, output, worker);
  });
}

template <class T>
void ChannelsByPixel<T>::run_task(const CorrelationTask& task, const CorrelationTask& next,
                                  const Tensor<const T>& input, const T* weights, const T* bias,
                                  const Tensor<T>& output, const Worker& worker) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const PixelBlock pixels = task.pixels;
  const TapBlock taps = tasks_.blocking().tap_block(0);
  Tensor<const T> group_input = input;
  group_input.data += task.group * geometry_.in_channels * input.inner;
  StripShape shape(geometry_, pixels.images, pixels.size, taps.channels, taps.size, StripShape::natural_order(input));
  const bool in_place = geometry_.taps_per_channel() == 1 && shape.lies_close(input, taps) &&
                        !shape.meets_border(geometry_, pixels, taps);
  if (in_place)
    shape.lie_in(geometry_, pixels, taps, group_input);
  else
    shape.pack(*kernels_, geometry_, pixels, taps, group_input, worker.strip);
  const T* strip = in_place ? group_input.data : worker.strip;
  shape.fill_pixel_offsets(pixels, worker.pixel_offsets);
  shape.fill_tap_offsets(taps, worker.tap_offsets);

  timer.next(Phase::multiplying);
  Tensor<T> to = at_block(output, pixels);
  to.data += task.group * geometry_.out_channels * output.inner;
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  const EvenPixels even = find_even_pixels(to, box);
  Prefetch<T> ahead;
  if (prefetches_input_)
    ahead = prefetch_of_input(geometry_, input, next.group, next.pixels, 0, geometry_.in_channels,
                              box.count() / tile_rows_);
  Prefetch<T> results;
  const Index near = smaller(box.count(), tile_rows_);
  if (prefetches_results_)
    results = prefetch_of_pixels(to, box, near, box.count(), geometry_.out_channels, box.count() / tile_rows_);
  PixelCursor place(box);
  for (Index begin = 0; begin < box.count(); begin += even.length) {
    T* first = to.data + place.offset(to);
    const EvenTiles tiles(even.length, tile_rows_);
    for (Index tile = 0; tile < tiles.count; ++tile) {
      ahead.step();
      results.step();
      sweep(strip, worker.pixel_offsets + begin + tiles.first(tile), tiles.rows(tile), worker.tap_offsets, weights,
            bias, first + tiles.first(tile) * even.step, even.step);
    }
    place.advance(even.length);
  }
}

template <class T>
void ChannelsByPixel<T>::sweep(const T* strip, const Index* pixel_offsets, Index rows, const Index* tap_offsets,
                               const T* weights, const T* bias, T* pixels, Index step) const noexcept {
  const Index count = taps();
  const Index panels = geometry_.out_channels / width_;
  if (panels > 0)
    kernels_->sweep_tile[rows - 1](strip, pixel_offsets, tap_offsets, count,
                                   {weights, width_ * count, bias, 0, width_, pixels, step, width_, panels, {}});
  const Index done = panels * width_;
  const Index lanes = geometry_.out_channels - done;
  if (lanes == 0) return;
  const Index width = round_up(lanes, kernels_->lanes);
  alignas(64) T together[kernels::max_tile_rows * kernels::max_tile_vectors * kernels::sum_lanes<T>];
  const bool whole = lanes == width;
  run_tile(*kernels_, width / kernels_->lanes, strip, pixel_offsets, rows, {tap_offsets, count}, weights + done * count,
           {bias + done, 0, whole ? pixels + done : together, whole ? step : width});
  if (!whole) kernels_->copy_rows(together, width, rows, lanes, pixels + done, step);
}

template class ChannelsByPixel<float>;
template class ChannelsByPixel<double>;

}  // namespace convgrad::gemm

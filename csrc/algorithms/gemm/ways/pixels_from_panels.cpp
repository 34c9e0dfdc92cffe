#include "algorithms/gemm/ways/pixels_from_panels.hpp"

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/panels/pixel_panels.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/write/output_stream.hpp"
#include "algorithms/gemm/write/unpack.hpp"
#include "algorithms/read/weights.hpp"
#include "core/cpu.hpp"
#include "core/parallel.hpp"
#include "core/phases.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

// Strip and results share a second-level cache of one mebibyte with the weights that stream by. But results that are
// complete after one run of taps are not read again, and may be more, as long as a worker's memory stays below two
// mebibytes.
constexpr Index strip_bytes = Index{512} << 10;
constexpr Index result_bytes = Index{512} << 10;
constexpr Index result_bytes_of_one_run = Index{1} << 20;
constexpr Index panel_and_result_bytes = Index{1408} << 10;
// Blocks of few taps are larger, as long as their panels leave room in that cache: each row of results is written in
// longer pieces, which is what layers with few input channels wait for. Zen 4, with long vectors, gains from pieces of
// 28 KiB; what short ones need was measured on Zen 3, with half of that cache.
constexpr Index panel_bytes = Index{128} << 10;
constexpr Index panel_bytes_of_long_vectors = Index{256} << 10;
constexpr Index fewest_pixels_per_block = 448;  // or as many as have panels in seven eighths of that cache
constexpr Index most_pixels_per_block = 1792;
constexpr Index most_pixels_of_long_vectors = 7168;
// The weights of a tile of this many taps, and a panel, fit the first-level cache.
constexpr Index taps_per_run = 256;
// Of few pixels the second-level cache holds panels of more taps, and results are read and written again less often:
// as many as let the weights of a tile stay in the first-level cache while panels pass.
constexpr Index most_taps_per_run = 512;
constexpr Index tile_weight_bytes = Index{14} << 10;
// A tile of few taps is done before its predecessor's results have left the store queue, which the results of two high
// tiles fill: lower ones store as much, but not so much at a time. Measured on Zen 4 with long vectors, which it stores
// by halves: 1.09 with 9 taps, 1.02 with 32. Short vectors have lower tiles, and need the loads that high ones save.
constexpr Index most_taps_of_low_tiles = 96;
constexpr Index low_tile_rows = 8;
// A larger input comes from the last-level cache or beyond: what is read next is brought nearer. A 1x1 kernel copies
// its input in place, long rows that the hardware foresees; others copy short ones, as long as there is room for the
// next.
constexpr double most_cached_bytes = 8 << 20;
constexpr double most_near_bytes = 1 << 20;
constexpr Index most_ahead_bytes = Index{256} << 10;
// A 1x1 kernel's panels, of many taps, need no copying of their own: the first tile that multiplies one fills it, and
// asks for the lines of the next. But the first panel of an image finds no lines there, unless they were brought nearer
// before, so that small images are copied as quickly from end to end. Long vectors gain nothing on Zen 4.
constexpr Index fewest_taps_to_fill = 128;
constexpr Index fewest_pixels_to_fill = 448;
// Panels of a strip are filled so, too, where few of them meet the end of a row; and if only some tiles read them, all
// of them read the strip. Fewer taps do not pay for what a panel takes besides.
constexpr Index fewest_taps_on_strip = 16;
constexpr Index most_tiles_on_strip = 3;

bool in_one_run(const Geometry& geometry) noexcept {
  return geometry.in_channels * geometry.taps_per_channel() <= taps_per_run;
}

// That the panels of a run may take.
Index run_bytes(Index size) noexcept {
  const auto cache = static_cast<Index>(second_level_cache_bytes());
  return smaller(fewest_pixels_per_block * taps_per_run * size, cache / 8 * 7);
}

Index pixels_per_block(const Geometry& geometry, Index size, bool short_vectors) noexcept {
  const Index taps = larger(1, smaller(taps_per_run, geometry.in_channels * geometry.taps_per_channel()));
  const Index few = larger(1, run_bytes(size) / (taps_per_run * size));
  if (short_vectors) return larger(few, smaller(most_pixels_per_block, panel_bytes / taps / size));
  // A little more than a few gains less than what whole rows of pixels leave of the last panel.
  const Index many = smaller(most_pixels_of_long_vectors, panel_bytes_of_long_vectors / taps / size);
  return many < 2 * few ? few : many;
}

template <class T>
Index rows_per_tile(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  const bool few_taps = geometry.in_channels * geometry.taps_per_channel() <= most_taps_of_low_tiles;
  return few_taps && !short_vectors(kernels) ? smaller(low_tile_rows, kernels.tile_rows) : kernels.tile_rows;
}

// In runs of nearly equal length.
template <class T>
Index find_taps_per_run(const kernels::KernelSet<T>& kernels, Index taps, Index pixels) noexcept {
  constexpr Index size = sizeof(T);
  const Index by_weights = smaller(most_taps_per_run, tile_weight_bytes / (kernels.tile_rows * size));
  const Index most = larger(taps_per_run, smaller(by_weights, run_bytes(size) / (larger(1, pixels) * size)));
  return larger(1, divide_up(taps, larger(1, divide_up(taps, most))));
}

Index most_result_bytes(const Geometry& geometry, Index pixels, Index size) noexcept {
  if (!in_one_run(geometry)) return result_bytes;
  const Index panels = pixels * geometry.in_channels * geometry.taps_per_channel() * size;
  return larger(result_bytes, smaller(result_bytes_of_one_run, panel_and_result_bytes - panels));
}

}  // namespace

// Where the results of a panel go until their sums are complete: straight into Z where its pixels are neighbors there,
// and into a buffer otherwise.
template <class T>
struct PixelsFromPanels<T>::Destination {
  T* result;
  Index stride;   // from one output channel to the next
  Index vectors;  // of the panel
  bool direct;
  Index step;   // to where the next panel's go
  T* streamed;  // where complete sums go in Z, around the caches, or null: they stay at `result`
  Index alike;  // so many panels from this one on have as many vectors, and go `step` elements further each
};

template <class T>
struct PixelsFromPanels<T>::Worker {
  T* strip;
  T* panels;
  T* start;
  T* results;
  Index* tap_offsets;
  Index* weight_offsets;
  Index* row_offsets;
  Destination* destinations;
  kernels::BlockCopy* block_copies;
  Index* unfilled;         // where the pixels of a panel lie that is to be filled on the way
  Index* block_in_panels;  // with all its taps, or -1: other ranges of its channels need not fill them again
  void* area;
};

template <class T>
bool PixelsFromPanels<T>::fills_panels(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  return short_vectors(kernels) && geometry.taps_per_channel() == 1 && geometry.in_channels >= fewest_taps_to_fill &&
         geometry.output_pixels() >= fewest_pixels_to_fill;
}

template <class T>
PixelsFromPanels<T>::PixelsFromPanels(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                                      int threads) noexcept
    : geometry_(geometry), kernels_(&kernels), width_(kernels.lanes * kernels.tile_vectors) {
  constexpr Index size = sizeof(T);
  TaskLimits limits{};
  limits.blocking = {pixels_per_block(geometry, size, short_vectors(kernels)), most_taps_of_block, strip_bytes / size,
                     true};
  limits.fewest_pixels = width_;
  limits.channel_step = 1;
  limits.fewest_channels = divide_up(kernels.tile_rows, 2);
  limits.results = most_result_bytes(geometry, limits.blocking.pixels, size) / size;
  limits.always_kept = true;
  TaskCost cost;
  cost.pixel_unit = kernels.lanes;
  // A vector of a panel takes a copy for each row of pixels that it meets.
  const double rows = static_cast<double>(kernels.lanes) / static_cast<double>(larger(1, geometry.output[2]));
  cost.pixel_and_tap = rows < 0.4 ? 5 : 12 * rows;
  cost.strip_element = geometry.taps_per_channel() == 1 ? 0 : 16;
  cost.weight = 2;
  const Index useful = useful_threads(tuning_of(kernels), geometry, threads);
  tasks_ = CorrelationTasks(tuning_of(kernels), geometry, limits, cost, useful);
  threads_ = static_cast<int>(larger(1, smaller(useful, tasks_.count())));

  const Blocking& blocking = tasks_.blocking();
  const Index pixels = round_up(blocking.most_pixels(), width_);
  WorkspaceLayout worker;
  strip_ = worker.reserve<T>(blocking.strip_room() + 2 * width_);
  taps_per_run_ = find_taps_per_run(kernels, blocking.most_taps(), pixels);
  panels_ = worker.reserve<T>(panel_elements(pixels, taps_per_run_));
  start_ = worker.reserve<T>(tasks_.channels_per_task() * width_);
  results_ = worker.reserve<T>(tasks_.channels_per_task() * pixels);
  tap_offsets_ = worker.reserve<Index>(blocking.most_taps());
  weight_offsets_ = worker.reserve<Index>(blocking.most_taps());
  row_offsets_ = worker.reserve<Index>(larger(2, tasks_.channels_per_task()));
  weights_.reserve(worker, kernels, taps_per_run_);
  destinations_ = worker.reserve<Destination>(pixels / width_);
  block_copies_ = worker.reserve<kernels::BlockCopy>(geometry.taps_per_channel() == 1 ? most_copies(pixels) : 0);
  unfilled_ = worker.reserve<Index>(pixels / width_ + 1);
  block_in_panels_ = worker.reserve<Index>(1);
  worker_bytes_ = worker.bytes();

  const double bytes = input_bytes<T>(geometry);
  prefetches_input_ = geometry.taps_per_channel() == 1
                          ? bytes > most_cached_bytes
                          : bytes > most_near_bytes && blocking.strip_elements() * size <= most_ahead_bytes;
  fills_panels_ = fills_panels(geometry, kernels) && taps_per_run_ >= fewest_taps_to_fill;
  fills_from_strip_ = geometry.taps_per_channel() > 1 && taps_per_run_ >= fewest_taps_on_strip &&
                      (geometry.output[2] % width_ == 0 || geometry.output[2] >= 2 * width_);
  prefetches_first_panel_ = bytes > most_near_bytes;
  prefetches_results_ = output_bytes<T>(geometry) > most_cached_bytes;
  streams_ = width_ * size % cache_line_bytes == 0 && outgrows_caches<T>(tuning_of(kernels), geometry);
  const Index taps = geometry.in_channels * geometry.taps_per_channel();
  prefetches_next_rows_ =
      !short_vectors(kernels) && taps > most_taps_of_low_tiles && output_bytes<T>(geometry) > most_near_bytes;
}

template <class T>
void PixelsFromPanels<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  const Tensor<const T>& input = operands.input;
  const Weights<T>& weights = operands.weights;
  const Bias<T>& bias = operands.bias;
  const Tensor<T>& output = operands.output;
  for (int number = 0; number < threads_; ++number)
    *at_offset<Index>(workspace, static_cast<std::size_t>(number) * worker_bytes_ + block_in_panels_) = -1;
  parallel_for(threads_, tasks_.count(), [&](Index index, int number) {
    void* area = at_offset<char>(workspace, static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<T>(area, strip_),
                        at_offset<T>(area, panels_),
                        at_offset<T>(area, start_),
                        at_offset<T>(area, results_),
                        at_offset<Index>(area, tap_offsets_),
                        at_offset<Index>(area, weight_offsets_),
                        at_offset<Index>(area, row_offsets_),
                        at_offset<Destination>(area, destinations_),
                        at_offset<kernels::BlockCopy>(area, block_copies_),
                        at_offset<Index>(area, unfilled_),
                        at_offset<Index>(area, block_in_panels_),
                        area};
    const CorrelationTask task = tasks_.task(index);
    // What this worker, or another soon, does after it.
    const CorrelationTask next = tasks_.task(smaller(index + threads_, tasks_.count() - 1));
    fill_start(task, bias, worker.start);
    run_task(task, tasks_.block_of(index), next, input, weights, !bias.given() ? 0 : width_, output, worker);
    if (streams_) kernels_->finish_streams();
  });
}

// One row of lanes for every output channel, all of them its bias; or one row of zeros for all.
template <class T>
void PixelsFromPanels<T>::fill_start(const CorrelationTask& task, const Bias<T>& bias, T* start) const noexcept {
  const Index first = task.group * geometry_.out_channels + task.first_channel;
  for (Index channel = 0; channel < (!bias.given() ? 1 : task.channels); ++channel) {
    const T value = bias.of(first + channel);
    for (Index lane = 0; lane < width_; ++lane) start[channel * width_ + lane] = value;
  }
}

template <class T>
void PixelsFromPanels<T>::run_task(const CorrelationTask& task, Index block, const CorrelationTask& next,
                                   const Tensor<const T>& input, const Weights<T>& weights, Index start_stride,
                                   const Tensor<T>& output, const Worker& worker) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const Blocking& blocking = tasks_.blocking();
  const PixelBlock pixels = task.pixels;
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  const Index count = pixels.count();

  Tensor<const T> group_input = input;
  group_input.data += task.group * geometry_.in_channels * input.inner;
  Tensor<T> to = at_block(output, pixels);
  to.data += (task.group * geometry_.out_channels + task.first_channel) * output.inner;
  const T* task_weights = weights.data + task.group * weights.group + task.first_channel * weights.lane;
  for (Index row = 0; row < larger(2, task.channels); ++row) worker.row_offsets[row] = row * weights.lane;

  const Index adjacent = adjacent_pixels(box, to);
  find_destinations(box, adjacent, task.channels, to, worker);

  const EvenTiles tiles(task.channels, rows_per_tile(geometry_, *kernels_));
  const Index tap_blocks = blocking.tap_blocks();
  for (Index t = 0; t < tap_blocks; ++t) {
    timer.next(Phase::packing_input);
    const TapBlock taps = blocking.tap_block(t);
    StripShape shape(geometry_, pixels.images, pixels.size, taps.channels, taps.size,
                     StripShape::Order::pixels_adjacent);
    const T* strip = worker.strip;
    const Index channels_left = (geometry_.groups - task.group) * geometry_.in_channels;
    const bool in_place = shape.in_place(geometry_, pixels, taps, group_input, channels_left, width_, strip);
    const bool one_run = tap_blocks == 1 && taps.count() <= taps_per_run_;
    const bool has_panels = one_run && *worker.block_in_panels == block;
    const bool turns = transposes_into_panels(geometry_, input);
    const bool fills_in_place = in_place && !turns && fills_panels_;
    const bool fills = fills_in_place || fills_from_strip_;
    const bool keeps =
        !fills_from_strip_ || tiles.count > most_tiles_on_strip || task.channels < geometry_.out_channels;
    *worker.block_in_panels = one_run && (keeps || has_panels) ? block : -1;
    if (!in_place && !has_panels && !turns) shape.pack(*kernels_, geometry_, pixels, taps, group_input, worker.strip);
    shape.fill_tap_offsets(taps, worker.tap_offsets);
    fill_weight_offsets(weights, taps, worker.weight_offsets);
    const T* block_weights = task_weights + taps.first_channel * weights.channel;
    for (int a = 0; a < axes; ++a) block_weights += taps.first[a] * weights.axis[a];

    Index done = 0;
    do {
      const Index length = smaller(taps_per_run_, taps.count() - done);
      timer.next(Phase::packing_input);
      const bool by_tap = in_place && geometry_.taps_per_channel() == 1;
      if (!has_panels && turns)
        transpose_into_panels(*kernels_, geometry_, pixels, group_input, taps.first_channel + done, length,
                              worker.panels);
      else if (!has_panels)
        expand_panels(*kernels_, shape, box, strip, by_tap, worker.tap_offsets + done, {0, length, length},
                      worker.block_copies, worker.panels, fills ? worker.unfilled : nullptr);
      timer.next(Phase::multiplying);
      const Index* weight_offsets = worker.weight_offsets + done;
      TileWeights<T> tile_weights(*kernels_, tiles, geometry_.out_channels - task.first_channel, weights,
                                  {block_weights, worker.row_offsets, weight_offsets}, length,
                                  geometry_.taps_per_channel() == 1, weights_, worker.area);
      const Index panels = divide_up(count, width_);
      const Index at_once = panels_per_call(length);
      const bool fresh = t == 0 && done == 0;
      Prefetch<T> ahead;
      Prefetch<T> results;
      const bool complete = t + 1 == tap_blocks && done + length == taps.count();
      if (prefetches_results_ && adjacent == 1 && complete) {  // an NHWC array's, none of which are stored directly
        results = prefetch_of_pixels(to, box, 0, count, task.channels, tiles.count * panels);
      } else if (prefetches_next_rows_ && adjacent >= count && complete && tiles.count > 1 &&
                 worker.destinations[0].streamed == nullptr) {  // the next tile's
        results = {{to.data + tiles.rows(0) * to.inner, to.inner, task.channels - tiles.rows(0), count},
                   (tiles.count - 1) * panels};
      }
      if (fills_in_place ? prefetches_first_panel_ : prefetches_input_) {
        const Index left = taps.count() - done - length;
        const auto wanted = [&](PixelBlock of) {
          if (!fills_in_place) return of;
          of.images = of.size[0] = of.size[1] = 1;
          of.size[2] = smaller(of.size[2], width_);
          return of;
        };
        if (geometry_.taps_per_channel() == 1 && left > 0)
          ahead = prefetch_of_input(geometry_, input, task.group, wanted(pixels), done + length,
                                    smaller(left, taps_per_run_), tiles.count * panels);
        else if (left == 0 && t + 1 == tap_blocks)
          ahead = prefetch_of_input(geometry_, input, next.group, wanted(next.pixels), 0,
                                    smaller(geometry_.in_channels, taps_per_run_), tiles.count * panels);
      }
      PrefetchList<2> lines;
      for (Index tile = 0; tile < tiles.count; ++tile) {
        const Index first = tiles.first(tile);
        const Index rows = tiles.rows(tile);
        const typename TileWeights<T>::Tile here = tile_weights.tile(tile);
        const kernels::Reduction reduction{here.tap_offsets, length};
        const T* start = fresh ? worker.start + first * start_stride : nullptr;
        T* data = worker.panels;
        for (Index panel = 0, some = 1; panel < panels; panel += some, data += some * panel_offset(width_, length)) {
          const Destination& destination = worker.destinations[panel];
          T* sums = destination.result + first * destination.stride;
          const bool streams = complete && destination.streamed != nullptr;
          some = smaller(destination.alike, at_once);
          const bool may_fill = fills && !has_panels && (tile == 0 || !keeps);
          if (may_fill) some = alike_panels(worker.unfilled + panel, some);
          const kernels::PrefetchLines asked = lines.fill(some, ahead, results);
          const kernels::PanelSweep<T> sweep{data,
                                             panel_offset(width_, length),
                                             fresh ? start : sums,
                                             fresh ? start_stride : destination.stride,
                                             fresh ? 0 : destination.step,
                                             streams ? destination.streamed + first * to.inner : sums,
                                             streams ? to.inner : destination.stride,
                                             streams ? width_ : destination.step,
                                             some,
                                             asked,
                                             streams};
          if (may_fill && worker.unfilled[panel] != filled_already)
            kernels_->fill_sweep[rows - 1](
                here.data, here.row_offsets, here.tap_offsets, length,
                {strip, worker.tap_offsets + done, worker.unfilled + panel, keeps ? data : nullptr}, sweep);
          else if (destination.vectors == kernels_->tile_vectors)
            kernels_->sweep_tile[rows - 1](here.data, here.row_offsets, here.tap_offsets, length, sweep);
          else
            run_tile<T>(*kernels_, destination.vectors, here.data, here.row_offsets, rows, reduction, data,
                        {start, start_stride, sums, destination.stride});
        }
      }
      done += length;
    } while (done < taps.count());
  }
  timer.next(Phase::storing);
  for (Index begin = 0; begin < count; begin += width_) {
    const Destination& destination = worker.destinations[begin / width_];
    if (!destination.direct && destination.streamed == nullptr)
      unpack_channels(*kernels_, destination.result, destination.stride, box, begin, smaller(count, begin + width_),
                      task.channels, to);
  }
}

template <class T>
void PixelsFromPanels<T>::find_destinations(const PixelBox& box, Index adjacent, Index channels, const Tensor<T>& to,
                                            const Worker& worker) const noexcept {
  const Index count = box.count();
  PixelCursor place(box);
  Index into_stretch = 0;  // how far `begin` lies into a stretch of adjacent pixels
  for (Index begin = 0; begin < count; begin += width_) {
    const Index pixels_here = smaller(width_, count - begin);
    const Index width = panel_width(*kernels_, count - begin);
    const bool direct = pixels_here == width && into_stretch + width <= adjacent;
    T* const place_in_output = to.data + place.offset(to);
    const bool streams = direct && streams_ && width == width_ && into_line(place_in_output) == 0 &&
                         into_line(place_in_output + to.inner) == 0;
    const bool stays = direct && !streams;
    worker.destinations[begin / width_] = {stays ? place_in_output : worker.results + begin * channels,
                                           stays ? to.inner : width,
                                           width / kernels_->lanes,
                                           stays,
                                           stays ? width : width * channels,
                                           streams ? place_in_output : nullptr,
                                           1};
    place.advance(pixels_here);
    into_stretch += pixels_here;
    while (into_stretch >= adjacent) into_stretch -= adjacent;
  }
  for (Index panel = divide_up(count, width_) - 2; panel >= 0; --panel) {
    Destination& here = worker.destinations[panel];
    const Destination& next = worker.destinations[panel + 1];
    if (next.vectors == here.vectors && next.direct == here.direct && next.result == here.result + here.step &&
        next.streamed == (here.streamed == nullptr ? nullptr : here.streamed + width_))
      here.alike = next.alike + 1;
  }
}

template class PixelsFromPanels<float>;
template class PixelsFromPanels<double>;

}  // namespace convgrad::gemm

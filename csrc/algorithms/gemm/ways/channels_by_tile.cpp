#include "algorithms/gemm/ways/channels_by_tile.hpp"

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/ways/channel_blocks.hpp"
#include "algorithms/gemm/write/bias.hpp"
#include "algorithms/gemm/write/unpack.hpp"
#include "algorithms/read/prefetch_weights.hpp"
#include "algorithms/read/strip.hpp"
#include "algorithms/read/weights.hpp"
#include "core/cpu.hpp"
#include "core/parallel.hpp"
#include "core/phases.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

// A run of taps of one panel, 128 KiB of weights and what the tiles of a block read meanwhile, stays in the
// second-level cache. Runs that fit the first level are up to five per cent slower: tiles start and end more often.
constexpr Index taps_per_run = 1024;
// With no more pixel blocks than this, each task packs its weights for itself, a run at a time, and reads them while
// they are near. Packing all of them beforehand would be as much work, and write them to memory and back. With short
// vectors these runs do fit the first-level cache, 18 KiB beside what else a tile reads: weights that pass once or
// twice cost more on their way from further off than tiles that start more often.
constexpr Index few_blocks = 2;
constexpr Index taps_per_near_run = 288;
// The input of the next block is brought nearer, unless it would push out what this one reads: half of the second-level
// cache, or a little more where that is small.
constexpr Index least_room_ahead_bytes = Index{384} << 10;
// One that is read in place takes more room, and comes soon enough by itself where it is not larger than this in all.
constexpr Index most_ahead_in_place_bytes = Index{512} << 10;
constexpr double most_near_input = 4 << 20;
// Larger results are not in the second-level cache: what they go to is brought nearer.
constexpr double most_cached_results = 1.5 * (1 << 20);
// Weights that this part of a second-level cache holds are near.
constexpr double most_cached_weights = 400 << 10;
// Rows that lie a multiple of this apart meet in few lines of the caches: as many as stay there until they are read.
constexpr Index colliding_bytes = 4096;
constexpr Index most_colliding_rows = 320;
// A multiple of every vector length; tiles come out even. With their sums these pixels still fit the first-level cache.
constexpr Index pixels_per_chunk = 112;

// The end of the chunk of about so many pixels that begins at `first`, where `stretch` pixels are neighbors at a time:
// whole vectors of one stretch, since transposing less takes longer.
Index chunk_end(Index first, Index count, Index stretch, Index lanes) noexcept {
  if (stretch < pixels_per_chunk / 2) stretch = count;
  const Index within = first % stretch;
  const Index begin = first - within;
  const Index length = smaller(stretch, count - begin);
  const Index chunks = larger(1, (length + pixels_per_chunk / 2) / pixels_per_chunk);
  Index end = 0;
  for (Index chunk = 1; end <= within; ++chunk) end = smaller(length, round_up(length * chunk / chunks, lanes));
  return begin + end;
}

// The same in whole rows of pixels, as many as leave the least of a tile unused, unless they are long: what lies
// between the pixels of a stride goes on from row to row.
Index whole_rows_end(Index first, Index count, Index row, Index lanes, Index tile_rows) noexcept {
  constexpr Index most = 64;  // that `unpack_patches` takes at a time
  if (row > most) return chunk_end(first, count, row, lanes);
  Index best = row;
  for (Index pixels = 2 * row; pixels <= most; pixels += row)
    if (round_up(pixels, tile_rows) * best <= round_up(best, tile_rows) * pixels) best = pixels;
  return smaller(count, first + best);
}

}  // namespace

template <class T>
struct ChannelsByTile<T>::Worker {
  T* strip;
  T* accumulators;
  Index* pixel_offsets;
  Index* tap_offsets;
  T* run_weights;
  Index* order;           // of the pixels, where there are parts
  Index* weight_offsets;  // of rows of weights that are packed while the first tile reads them
};

// A run of taps of one panel, for some pixels of a block.
template <class T>
struct ChannelsByTile<T>::Run {
  Index vectors;  // of the panel
  const T* weights;
  const T* unpacked;  // where they lie, if the first tile is to pack them on its way, and null otherwise
  Index first_tap;    // in the tap block
  Index taps;
  const BorderGroup* groups;
  Index group_count;
  bool leaves_out;       // or all taps count for every group
  Prefetch<T>* next;     // to be packed
  Prefetch<T>* results;  // where they will be stored
  const T* strip;
};

template <class T>
ChannelsByTile<T>::ChannelsByTile(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads,
                                  const Geometry* patches) noexcept
    : geometry_(geometry), kernels_(&kernels), panels_(kernels, geometry.out_channels) {
  if (patches != nullptr) patches_ = *patches;
  constexpr Index size = sizeof(T);
  TaskLimits limits{};
  limits.blocking = channel_block_limits(geometry, size);
  limits.fewest_pixels = kernels.tile_rows;
  limits.channel_step = limits.fewest_channels = panels_.full_width();
  limits.results = channel_result_bytes(limits.blocking) / size;
  TaskCost cost;
  cost.channel_unit = kernels.lanes;
  cost.strip_element = 16;
  cost.weight = 2.5;
  const Index useful = useful_threads(tuning_of(kernels), geometry, threads);
  tasks_ = CorrelationTasks(tuning_of(kernels), geometry, limits, cost, useful);
  threads_ = static_cast<int>(larger(1, smaller(useful, tasks_.count())));

  const Blocking& blocking = tasks_.blocking();
  const Index taps = geometry.taps_per_channel();
  taps_per_run_ = taps <= taps_per_run ? taps_per_run / larger(1, taps) * taps : taps_per_run;
  const bool whole_channels = taps <= taps_per_run && blocking.most_taps() % larger(1, taps) == 0;
  packs_by_run_ = whole_channels && blocking.pixel_blocks() <= few_blocks;
  if (packs_by_run_ && short_vectors(kernels)) {
    const Index channels = blocking.most_taps() / larger(1, taps);
    taps_per_run_ = even_piece(channels, larger(1, taps_per_near_run / larger(1, taps))) * taps;
  }
  if (whole_channels) parts_ = BorderParts(geometry);
  prefetches_results_ = output_bytes<T>(geometry) > most_cached_results;
  most_prefetched_bytes_ = larger(least_room_ahead_bytes, static_cast<Index>(second_level_cache_bytes()) / 2);
  prefetches_input_in_place_ = input_bytes<T>(geometry) > most_near_input;
  prefetches_weights_ = static_cast<double>(packed_elements() * size) > most_cached_weights;
  transposes_strips_ = transposes_strips(kernels, blocking, panels_);
  WorkspaceLayout shared;
  packed_ = shared.reserve<T>(packs_by_run_ ? 0 : packed_elements());
  bias_ = shared.reserve<T>(geometry.groups * panels_.padded_channels());
  worker_begin_ = shared.bytes();
  WorkspaceLayout worker;
  strip_ = worker.reserve<T>(blocking.strip_room_in_any_order());
  const Index kept = blocking.tap_blocks() > 1 ? tasks_.channels_per_task() : panels_.full_width();
  accumulators_ = worker.reserve<T>(blocking.most_pixels() * kept);
  pixel_offsets_ = worker.reserve<Index>(blocking.most_pixels());
  order_ = worker.reserve<Index>(parts_.count() > 1 ? 2 * blocking.most_pixels() : 0);
  tap_offsets_ = worker.reserve<Index>(blocking.most_taps());
  run_weights_ = worker.reserve<T>(packs_by_run_ ? taps_per_run_ * panels_.full_width() : 0);
  weight_offsets_ = worker.reserve<Index>(packs_by_run_ && taps == 1 ? taps_per_run_ : 0);
  worker_bytes_ = worker.bytes();
}

template <class T>
Index ChannelsByTile<T>::packed_elements() const noexcept {
  return geometry_.groups * panels_.padded_channels() * geometry_.in_channels * geometry_.taps_per_channel();
}

template <class T>
void ChannelsByTile<T>::pack(const Weights<T>& weights, T* packed) const noexcept {
  const PhaseTimer timer(Phase::packing_weights);
  const Index taps = geometry_.in_channels * geometry_.taps_per_channel();
  const Index padded = panels_.padded_channels();
  const Index panels = geometry_.groups * panels_.count();
  // Panels, and where there are few of them, ranges of input channels: some tasks for every thread.
  const Index wanted = threads_ > 1 ? divide_up(4 * Index{threads_}, larger(1, panels)) : 1;
  const Index ranges = larger(1, smaller(geometry_.in_channels, wanted));
  parallel_for(threads_, panels * ranges, [&](Index index, int) {
    const Index range = index % ranges;
    const Index panel = index / ranges % panels_.count();
    const Index group = index / ranges / panels_.count();
    const Index first_channel = geometry_.in_channels * range / ranges;
    const Index channels = geometry_.in_channels * (range + 1) / ranges - first_channel;
    pack_panel(weights, group, panel, first_channel, channels,
               packed + (group * padded + panels_.first_lane(panel)) * taps +
                   first_channel * geometry_.taps_per_channel() * panels_.width(panel));
  });
}

template <class T>
void ChannelsByTile<T>::pack_panel(const Weights<T>& weights, Index group, Index panel, Index first_channel,
                                   Index channels, T* to) const noexcept {
  const Index lane = panels_.first_lane(panel);
  const Index lanes = panels_.used_lanes(panel);
  const Index width = panels_.width(panel);
  Weights<T> from = weights;
  from.data += group * weights.group + first_channel * weights.channel;
  if (patches_) return pack_patch_weights(*kernels_, *patches_, from, lane, lanes, channels, width, to);
  from.data += lane * weights.lane;
  pack_weights(*kernels_, from, channels, geometry_.kernel, lanes, width, to);
}

template <class T>
void ChannelsByTile<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  const Tensor<const T>& input = operands.input;
  const Weights<T>& weights = operands.weights;
  const T* packed = operands.packed;
  const Bias<T>& bias = operands.bias;
  const Tensor<T>& output = operands.output;
  if (packed == nullptr && !packs_by_run_) {
    T* to = at_offset<T>(workspace, packed_);
    pack(weights, to);
    packed = to;
  }
  T* padded_bias = at_offset<T>(workspace, bias_);
  pad_bias(geometry_, panels_.padded_channels(), bias, padded_bias);
  parallel_for(threads_, tasks_.count(), [&](Index index, int number) {
    void* area = at_offset<char>(workspace, worker_begin_ + static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<T>(area, strip_),
                        at_offset<T>(area, accumulators_),
                        at_offset<Index>(area, pixel_offsets_),
                        at_offset<Index>(area, tap_offsets_),
                        at_offset<T>(area, run_weights_),
                        at_offset<Index>(area, order_),
                        at_offset<Index>(area, weight_offsets_)};
    // What this worker, or another soon, does after it.
    const CorrelationTask next = tasks_.task(smaller(index + threads_, tasks_.count() - 1));
    run_task(tasks_.task(index), next, input, weights, packed, padded_bias, output, worker);
  });
}

template <class T>
void ChannelsByTile<T>::run_task(const CorrelationTask& task, const CorrelationTask& next, const Tensor<const T>& input,
                                 const Weights<T>& weights, const T* packed, const T* padded_bias,
                                 const Tensor<T>& output, const Worker& worker) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const Blocking& blocking = tasks_.blocking();
  const PixelBlock pixels = task.pixels;
  const Index count = pixels.count();
  const Index all_taps = geometry_.in_channels * geometry_.taps_per_channel();
  const Index padded = panels_.padded_channels();
  const Index kernel_taps = larger(1, geometry_.taps_per_channel());
  // A 1x1 kernel's weights in grad_input are a panel's rows as they lie, only far apart.
  const bool rows_of_lanes =
      packed == nullptr && kernel_taps == 1 && weights.lane == 1 && parts_.count() == 1 && !patches_;
  const bool colliding = rows_of_lanes && weights.channel * Index{sizeof(T)} % colliding_bytes == 0;
  const Index per_run =
      colliding ? even_piece(blocking.most_taps(), smaller(taps_per_run_, most_colliding_rows)) : taps_per_run_;

  Tensor<const T> group_input = input;
  group_input.data += task.group * geometry_.in_channels * input.inner;
  Tensor<T> group_output = output;
  group_output.data += task.group * (patches_ ? patches_->in_channels : geometry_.out_channels) * output.inner;
  const Tensor<T> block_output = at_block(group_output, pixels);
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};

  BorderGroup groups[BorderParts::most_parts] = {{0, count, 0}};
  const bool has_parts = parts_.count() > 1;
  const Index group_count = has_parts ? parts_.arrange(pixels, worker.order, groups) : 1;
  const Index tap_blocks = blocking.tap_blocks();
  for (Index t = 0; t < tap_blocks; ++t) {
    timer.next(Phase::packing_input);
    const TapBlock taps = blocking.tap_block(t);
    const StripShape::Order natural = StripShape::natural_order(input);
    const bool turned =
        transposes_strips_ && natural == StripShape::Order::channels_outer && taps.channels >= kernels_->lanes;
    StripShape shape(geometry_, pixels.images, pixels.size, taps.channels, taps.size,
                     turned ? StripShape::Order::channels_inner : natural);
    // A strip is read once for each panel and tap of a channel. Where that is seldom, the input itself serves as well.
    const bool in_place = !turned && geometry_.taps_per_channel() == 1 && shape.lies_close(input, taps) &&
                          !shape.meets_border(geometry_, pixels, taps);
    if (in_place)
      shape.lie_in(geometry_, pixels, taps, group_input);
    else
      shape.pack(*kernels_, geometry_, pixels, taps, group_input, worker.strip);
    const T* strip = in_place ? group_input.data : worker.strip;
    if (has_parts) {
      Index* in_order = worker.order + blocking.most_pixels();
      shape.fill_pixel_offsets(pixels, in_order);
      for (Index i = 0; i < count; ++i) worker.pixel_offsets[i] = in_order[worker.order[i]];
    } else {
      shape.fill_pixel_offsets(pixels, worker.pixel_offsets);
    }
    shape.fill_tap_offsets(taps, worker.tap_offsets);

    timer.next(Phase::multiplying);
    const Index first_panel = task.first_channel / panels_.full_width();
    const Index last_panel = divide_up(task.first_channel + task.channels, panels_.full_width());
    const Index stretch = adjacent_pixels(box, block_output);
    const bool stores_ahead = prefetches_results_ && t + 1 == tap_blocks;
    Prefetch<T> ahead;
    Prefetch<T> results;
    const Index room = in_place ? (prefetches_input_in_place_ ? most_ahead_in_place_bytes : 0) : most_prefetched_bytes_;
    if (packed != nullptr && tap_blocks == 1 && shape.elements() <= room / Index{sizeof(T)})
      ahead = prefetch_of_input(
          geometry_, input, next.group, next.pixels, 0, geometry_.in_channels,
          (last_panel - first_panel) * divide_up(taps.count(), per_run) * divide_up(count, kernels_->tile_rows));
    for (Index panel = first_panel; panel < last_panel; ++panel) {
      const Index first_lane = panels_.first_lane(panel);
      const Index width = panels_.width(panel);
      T* accumulators = worker.accumulators;
      if (tap_blocks > 1) accumulators += (panel - first_panel) * blocking.most_pixels() * panels_.full_width();
      const Index lanes = panels_.used_lanes(panel);
      const T* panel_weights =
          packed == nullptr ? nullptr : packed + (task.group * padded + first_lane) * all_taps + taps.first_tap * width;
      const auto unpacked = [&](Index lane, Index begin) {
        Weights<T> from = weights;
        from.data += task.group * weights.group + lane * weights.lane +
                     (taps.first_channel + begin / kernel_taps) * weights.channel;
        return from;
      };
      const bool packs_on_the_way = rows_of_lanes && lanes == width && panels_.vectors(panel) == kernels_->tile_vectors;
      const auto run_weights = [&](Index begin, Index length) {
        if (panel_weights != nullptr) return panel_weights + begin * width;
        const PhaseTimer packing(Phase::packing_weights);
        if (packs_on_the_way)
          for (Index r = 0; r < length; ++r) worker.weight_offsets[r] = r * weights.channel;
        else
          pack_panel(weights, task.group, panel, taps.first_channel + begin / kernel_taps, length / kernel_taps,
                     worker.run_weights);
        // Next come this panel's other taps, or else those of the next.
        const Index left = taps.count() - begin - length;
        const Index tiles = divide_up(count, kernels_->tile_rows);
        if (!prefetches_weights_) return static_cast<const T*>(worker.run_weights);
        if (left > 0)
          ahead = prefetch_of_weights(unpacked(first_lane, begin + length), smaller(left, per_run) / kernel_taps,
                                      geometry_.kernel, lanes, tiles);
        else if (panel + 1 < last_panel)
          ahead = prefetch_of_weights(unpacked(first_lane + lanes, 0), smaller(taps.count(), per_run) / kernel_taps,
                                      geometry_.kernel, panels_.used_lanes(panel + 1), tiles);
        return static_cast<const T*>(worker.run_weights);
      };
      const T* start = t == 0 ? padded_bias + task.group * padded + first_lane : nullptr;
      // With an infinite or nan weight, zeros on the border count.
      const auto find_run = [&](Index begin, Index length) {
        const T* values = run_weights(begin, length);
        const bool leaves_out = has_parts && kernels_->all_finite(values, length * width);
        return Run{panels_.vectors(panel),
                   values,
                   packs_on_the_way ? unpacked(first_lane, begin).data : nullptr,
                   begin,
                   length,
                   groups,
                   group_count,
                   leaves_out,
                   &ahead,
                   &results,
                   strip};
      };
      Index done = 0;
      for (; taps.count() - done > per_run; done += per_run) {
        multiply(find_run(done, per_run), worker, {start, 0, accumulators, width});
        start = nullptr;
      }
      Run last_run = find_run(done, taps.count() - done);
      if (stores_ahead && !patches_ && stretch < count && stretch * pixels.images == count)
        results = {{block_output.data + first_lane * output.inner, output.inner, lanes, stretch},
                   pixels.images,
                   output.outer,
                   divide_up(count, kernels_->tile_rows)};
      // The last run goes chunk by chunk, each stored while it is still in the first-level cache; but where pixels are
      // arranged by part, neighbors are complete only when all are.
      Tensor<T> to = block_output;
      to.data += first_lane * output.inner;
      for (Index first = 0, last = 0; first < count; first = last) {
        last = has_parts  ? count
               : patches_ ? whole_rows_end(first, count, box.size[2], kernels_->lanes, kernels_->tile_rows)
                          : chunk_end(first, count, stretch, kernels_->lanes);
        T* result = accumulators + first * width;
        Run run = last_run;
        const BorderGroup group{first, last - first, 0};
        if (!has_parts) run.groups = &group;
        const Index steps = divide_up(last - first, kernels_->tile_rows);
        if (stores_ahead && patches_)
          results = prefetch_of_patches(*patches_, pixels, first, last, first_lane, lanes, group_output, steps);
        else if (stores_ahead && (stretch >= count || stretch == 1))
          results = prefetch_of_pixels(to, box, first, last, lanes, steps);
        multiply(run, worker, {start, 0, accumulators, width});
        last_run.unpacked = nullptr;
        if (t + 1 == tap_blocks) {
          const PhaseTimer storing(Phase::storing);
          if (patches_)
            unpack_patches(*kernels_, *patches_, result, width, pixels, first, last, first_lane, lanes, group_output);
          else
            unpack_pixels(*kernels_, result, width, box, first, last, lanes, to);
        }
      }
    }
  }
}

template <class T>
void ChannelsByTile<T>::multiply(const Run& run, const Worker& worker,
                                 const Accumulators<T>& accumulators) const noexcept {
  const Index kernel_taps = larger(1, geometry_.taps_per_channel());
  const Index width = run.vectors * kernels_->lanes;
  for (Index i = 0; i < run.group_count; ++i) {
    const BorderGroup& group = run.groups[i];
    BoxWalk walk{0, {worker.tap_offsets + run.first_tap, run.taps}};
    if (run.leaves_out && group.part > 0)
      walk = parts_.walk(group.part, worker.tap_offsets + run.first_tap, run.taps / kernel_taps);
    BlockRows pixels{worker.pixel_offsets + group.first, nullptr, group.pixels};
    Accumulators<T> here = accumulators;
    if (parts_.count() > 1)
      pixels.place = worker.order + group.first;
    else
      here.result += group.first * width;
    if (i == 0 && run.unpacked != nullptr) pack_on_the_way(run, worker, pixels, here);
    run_tiles<T>(*kernels_, run.vectors, run.strip, pixels, walk.reduction, run.weights + walk.first * width, here,
                 *run.next, *run.results);
  }
}

// The first tile, which packs the weights for the others.
template <class T>
void ChannelsByTile<T>::pack_on_the_way(const Run& run, const Worker& worker, BlockRows& pixels,
                                        Accumulators<T>& accumulators) const noexcept {
  constexpr Index rows_ahead = 64;
  const Index rows = EvenTiles(pixels.count, kernels_->tile_rows).rows(0);
  PrefetchList<2> lines;
  Index one = 1;
  const kernels::PrefetchLines asked = lines.fill(one, *run.next, *run.results);
  const kernels::TileSums<T> sums = accumulators.sums(0);
  const Index first[] = {0, rows_ahead * (run.taps > 1 ? worker.weight_offsets[1] : 0)};
  kernels_->fill_sweep[rows - 1](
      run.strip, pixels.offset, worker.tap_offsets + run.first_tap, run.taps,
      {run.unpacked, worker.weight_offsets, first, worker.run_weights},
      {nullptr, 0, sums.initial, sums.initial_stride, 0, sums.result, sums.result_stride, 0, 1, asked});
  pixels.offset += rows;
  pixels.count -= rows;
  if (accumulators.start != nullptr) accumulators.start += rows * accumulators.start_stride;
  accumulators.result += rows * accumulators.result_stride;
}

template class ChannelsByTile<float>;
template class ChannelsByTile<double>;

}  // namespace convgrad::gemm

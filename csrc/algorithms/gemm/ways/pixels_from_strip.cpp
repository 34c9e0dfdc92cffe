#include "algorithms/gemm/ways/pixels_from_strip.hpp"

#include <algorithm>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/border/finite_weights.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/ways/strip_vectors.hpp"
#include "algorithms/read/weights.hpp"
#include "core/parallel.hpp"
#include "core/phases.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

constexpr Index result_bytes = Index{512} << 10;
// Half a first-level cache of 48 KiB.
constexpr Index run_bytes = Index{24} << 10;
// A 1x1 kernel with few output channels reads each element once. What counts is that few rows are read at a time and
// long ones, as the hardware's prefetchers can follow them.
constexpr Index long_run_bytes = Index{64} << 10;
// For a smaller share of all products, more and smaller tiles cost what they save.
constexpr double least_border_rows = 0.1;
// A tile of rows that have the same on the border takes this many vectors, of several images if need be.
constexpr Index vectors_of_border_rows = 5;
constexpr Index most_listed_taps = 16384;

}  // namespace

// What depends on the shape of a block alone; most blocks of a run share it.
template <class T>
struct PixelsFromStrip<T>::Tables {
  Index images, pixels[axes], channels, taps[axes];  // for which it was made; images = 0 at first
  bool in_place;
  Index first_row;  // of pixels, where rows of the kernel are left out
  Index vectors;
  Index vectors_before[BorderRows::most_ranges + 1];  // those of the ranges before each
  Index stretches;
  Index group;  // of channels, of which is known whether its weights are finite; -1 at first
  bool finite;
};

// Where results go until their sums are complete: straight into the output as far as its pixels are neighbors there and
// fill vectors, and into a buffer otherwise.
template <class T>
struct PixelsFromStrip<T>::Destination {
  T* output;
  Index output_stride;  // from one channel to the next
  Index direct;         // so many vectors
  T* buffer;
  Index buffer_stride;
};

// A part of the reduction.
template <class T>
struct PixelsFromStrip<T>::Run {
  Index first_channel;
  Index channels;
  bool fresh;
};

// The taps that count for some rows of pixels, channel by channel.
template <class T>
struct PixelsFromStrip<T>::TapList {
  const Index* tap_offsets;
  const Index* weight_offsets;
  Index taps_per_channel;
};

template <class T>
struct PixelsFromStrip<T>::Worker {
  Tables* tables;
  T* strip;
  T* start;
  T* results;
  Index* row_offsets;
  Index* vector_offsets;
  Index* tap_offsets;
  Index* weight_offsets;
  Stretch* stretches;
};

namespace {

bool same(const Index (&a)[axes], const Index (&b)[axes]) noexcept {
  return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

}  // namespace

template <class T>
PixelsFromStrip<T>::PixelsFromStrip(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                                    int threads) noexcept
    : geometry_(geometry), kernels_(&kernels) {
  constexpr Index size = sizeof(T);
  const Index useful = useful_threads(tuning_of(kernels), geometry, threads);
  const Index channels = larger(1, geometry.out_channels);
  if (share_of_border_rows(geometry) >= least_border_rows) rows_ = BorderRows(geometry);
  Index pixels = pixels_of_strip(geometry, size);
  if (rows_.count() > 1) {
    const Index images = divide_up(vectors_of_border_rows * kernels.lanes, larger(1, geometry.output[2]));
    const Index wanted = smaller(images, geometry.batch) * geometry.output_pixels();
    pixels = larger(pixels, smaller(wanted, most_pixels_of_strip(geometry, size)));
  }
  // A row of pixels takes whole vectors; of rows that do not fit at all, every pixel may take one.
  const Index row = larger(1, geometry.output[2]);
  const Index fitting = result_bytes / size / channels / round_up(row, kernels.lanes) * row;
  pixels = larger(1, smaller(pixels, larger(fitting, result_bytes / size / channels / kernels.lanes)));
  TaskLimits limits{};
  limits.blocking = {pixels, most_taps_of_block, strip_bytes_in_cache / size, true};
  limits.fewest_pixels = kernels::max_strip_vectors * kernels.lanes;
  limits.channel_step = limits.fewest_channels = channels;  // they share the strip
  limits.results = INT64_MAX;                               // as `pixels` has seen to
  TaskCost cost;
  cost.pixel_unit = kernels.lanes;
  cost.strip_element = 16;
  tasks_ = CorrelationTasks(tuning_of(kernels), geometry, limits, cost, useful);
  threads_ = static_cast<int>(larger(1, smaller(useful, tasks_.count())));

  const Blocking& blocking = tasks_.blocking();
  if (blocking.tap_blocks() > 1 || rows_.count() * blocking.most_taps() > most_listed_taps) rows_ = BorderRows();
  WorkspaceLayout worker;
  tables_ = worker.reserve<Tables>(1);
  strip_ = worker.reserve<T>(blocking.strip_room() + 2 * kernels.lanes);
  start_ = worker.reserve<T>(channels * vectors_per_tile() * kernels.lanes);
  results_ = worker.reserve<T>(channels * most_vectors() * kernels.lanes);
  row_offsets_ = worker.reserve<Index>(channels);
  vector_offsets_ = worker.reserve<Index>(most_vectors());
  tap_offsets_ = worker.reserve<Index>(rows_.count() * blocking.most_taps());
  weight_offsets_ = worker.reserve<Index>(rows_.count() * blocking.most_taps());
  stretches_ = worker.reserve<Stretch>(most_vectors());
  worker_bytes_ = worker.bytes();

  traffic_ = StripTraffic<T>(geometry);
}

// The output channels are rows of a micro-kernel, shared out evenly to as few groups as there can be.
template <class T>
Index PixelsFromStrip<T>::row_groups() const noexcept {
  return divide_up(larger(1, geometry_.out_channels), kernels::max_strip_rows);
}

template <class T>
Index PixelsFromStrip<T>::vectors_per_tile() const noexcept {
  return kernels_->strip_vectors[divide_up(larger(1, geometry_.out_channels), row_groups()) - 1];
}

// All of them, which come from the second-level cache in time: to keep a few channels of the strip in the first while
// all tiles pass over them would take sums that are loaded and stored for every few. But a 1x1 kernel's tiles share
// nothing: what stays there is one's own, for all groups of output channels.
template <class T>
Index PixelsFromStrip<T>::channels_per_run(Index channels, Index channel_elements) const noexcept {
  constexpr Index size = sizeof(T);
  if (geometry_.taps_per_channel() > 1) return larger(1, channels);
  if (row_groups() == 1) return larger(1, long_run_bytes / size / channel_elements);
  const Index most = larger(1, run_bytes / size / (vectors_per_tile() * kernels_->lanes));
  return larger(1, divide_up(channels, larger(1, divide_up(channels, most))));
}

// Every row of pixels begins at most one vector more than it fills; a row is at least a pixel.
template <class T>
Index PixelsFromStrip<T>::most_vectors() const noexcept {
  const Blocking& blocking = tasks_.blocking();
  return blocking.most_rows() * divide_up(blocking.most_columns(), kernels_->lanes);
}

template <class T>
void PixelsFromStrip<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  const Tensor<const T>& input = operands.input;
  const Weights<T>& weights = operands.weights;
  const Bias<T>& bias = operands.bias;
  const Tensor<T>& output = operands.output;
  for (int number = 0; number < threads_; ++number) {
    auto* tables = at_offset<Tables>(workspace, static_cast<std::size_t>(number) * worker_bytes_ + tables_);
    tables->images = 0;
    tables->group = -1;
  }
  parallel_for(threads_, tasks_.count(), [&](Index index, int number) {
    void* area = at_offset<char>(workspace, static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<Tables>(area, tables_),     at_offset<T>(area, strip_),
                        at_offset<T>(area, start_),           at_offset<T>(area, results_),
                        at_offset<Index>(area, row_offsets_), at_offset<Index>(area, vector_offsets_),
                        at_offset<Index>(area, tap_offsets_), at_offset<Index>(area, weight_offsets_),
                        at_offset<Stretch>(area, stretches_)};
    // What this worker, or another soon, does after it.
    const CorrelationTask next = tasks_.task(smaller(index + threads_, tasks_.count() - 1));
    run_task(tasks_.task(index), next, input, weights, bias, output, worker);
  });
}

template <class T>
void PixelsFromStrip<T>::run_task(const CorrelationTask& task, const CorrelationTask& following,
                                  const Tensor<const T>& input, const Weights<T>& weights, const Bias<T>& bias,
                                  const Tensor<T>& output, const Worker& worker) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const Blocking& blocking = tasks_.blocking();
  const PixelBlock pixels = task.pixels;
  const Index group = task.group;
  Tensor<const T> group_input = input;
  group_input.data += group * geometry_.in_channels * input.inner;
  Tensor<T> to = at_block(output, pixels);
  to.data += group * geometry_.out_channels * output.inner;

  Tables& tables = *worker.tables;
  const Index lanes = kernels_->lanes;
  fill_start(group, bias, worker.start);
  for (Index row = 0; row < geometry_.out_channels; ++row) worker.row_offsets[row] = row * weights.lane;
  if (tables.group != group) {
    Weights<T> of_group = weights;
    of_group.data += group * weights.group;
    tables.group = group;
    tables.finite = rows_.count() == 1 ||
                    weights_are_finite(*kernels_, of_group, geometry_.out_channels, geometry_.in_channels, geometry_.kernel);
  }
  Destination destination{};
  const Index tap_blocks = blocking.tap_blocks();
  const Index channels_left = (geometry_.groups - group) * geometry_.in_channels;
  // The same shape for all blocks of taps, a last smaller one too: sums of one block are gone on with by the next, and
  // where a vector's pixels lie in rows and images decides which of them it holds.
  const auto shape_of = [&](const TapBlock& taps) {
    TapBlock most = taps;
    if (tap_blocks > 1) most = blocking.most_taps_box();
    return StripShape(geometry_, pixels.images, pixels.size, most.channels, most.size,
                      StripShape::Order::pixels_adjacent);
  };
  // Kernels load one vector more, to shift out of.
  const auto lies_in_place = [&](StripShape& shape, const TapBlock& taps, const T*& strip) {
    return shape.in_place(geometry_, pixels, taps, group_input, channels_left, 2 * lanes, strip);
  };
  // All blocks of taps, or none: each goes on with the sums of the one before, which lie as rows of pixels do, and
  // those of the input may be further apart than those of a strip.
  bool in_place = true;
  for (Index t = 0; tap_blocks > 1 && in_place && t < tap_blocks; ++t) {
    const TapBlock taps = blocking.tap_block(t);
    StripShape shape = shape_of(taps);
    const T* strip = nullptr;
    in_place = lies_in_place(shape, taps, strip);
  }
  for (Index t = 0; t < tap_blocks; ++t) {
    timer.next(Phase::packing_input);
    const TapBlock taps = blocking.tap_block(t);
    StripShape shape = shape_of(taps);
    const T* strip = worker.strip;
    in_place = in_place && lies_in_place(shape, taps, strip);
    if (!in_place) shape.pack(*kernels_, geometry_, pixels, taps, group_input, worker.strip);
    make_tables(pixels, taps, shape, in_place, weights, worker);
    const T* block_weights = weights.data + group * weights.group + taps.first_channel * weights.channel;
    for (int a = 0; a < axes; ++a) block_weights += taps.first[a] * weights.axis[a];

    timer.next(Phase::multiplying);
    const Index channel_elements = larger(1, shape.elements() / larger(1, taps.channels));
    const Index channels_at_once = channels_per_run(taps.channels, channel_elements);
    // What a 1x1 kernel reads next in place, the micro-kernel asks for: a line for every group and tap.
    const bool foresees = in_place && geometry_.taps_per_channel() == 1 && row_groups() > 1;
    AfterStrip<T> after;
    if (t + 1 == tap_blocks) {
      const Index runs = larger(1, divide_up(taps.channels, channels_at_once));
      const Index tiles = row_groups() * divide_up(tables.vectors, vectors_per_tile());
      after = traffic_.after(geometry_, pixels, to, following, input, in_place, runs * tiles);
    }
    if (t == 0) destination = find_destination(pixels, tables, to, worker);
    Index done = 0;
    do {
      const Index channels = smaller(channels_at_once, taps.channels - done);
      const Run run{done, channels, t == 0 && done == 0};
      run_tiles(block_weights, strip, taps, run, !bias.given() ? 0 : vectors_per_tile() * lanes, foresees, destination,
                worker, after);
      done += channels;
    } while (done < taps.channels);
  }
  timer.next(Phase::storing);
  const T* results = destination.buffer;
  const Index pitch = destination.buffer_stride;
  const Index direct = stored_directly(destination.direct, tables.vectors) * lanes;
  if (direct > 0) {
    for (Index channel = 0; channel < geometry_.out_channels; ++channel)
      std::copy(results + channel * pitch + direct, results + channel * pitch + pixels.count(),
                to.data + channel * to.inner + direct);
    return;
  }
  for (Index s = 0; s < tables.stretches; ++s)
    store_stretch(*kernels_, worker.stretches[s], results, pitch, geometry_.out_channels, to);
}

template <class T>
typename PixelsFromStrip<T>::TapList PixelsFromStrip<T>::tap_list(Index number, const TapBlock& taps,
                                                                  const Worker& worker) const noexcept {
  const Index rows = rows_.count() == 1 ? taps.size[1] : rows_.range(number).count();
  const Index begin = number * tasks_.blocking().most_taps();
  return {worker.tap_offsets + begin, worker.weight_offsets + begin, taps.size[0] * rows * taps.size[2]};
}

// Lists of taps depend on sizes alone, and so do vectors but where rows of the kernel are left out.
template <class T>
void PixelsFromStrip<T>::make_tables(const PixelBlock& pixels, const TapBlock& taps, const StripShape& shape,
                                     bool in_place, const Weights<T>& weights, const Worker& worker) const noexcept {
  Tables& tables = *worker.tables;
  const Index ranges = rows_.count();
  const bool same_sizes = tables.images == pixels.images && same(tables.pixels, pixels.size) &&
                          tables.channels == taps.channels && same(tables.taps, taps.size) &&
                          tables.in_place == in_place;
  if (same_sizes && (ranges == 1 || tables.first_row == pixels.first[1])) return;
  tables.first_row = pixels.first[1];
  tables.vectors = tables.stretches = 0;
  const auto row_offset = [&](Index n, Index i, Index j) { return shape.row_offset(n, i, j); };
  for (Index number = 0; number < ranges; ++number) {
    tables.vectors_before[number] = tables.vectors;
    const auto belongs = [&](Index j) { return ranges == 1 || rows_.range_of(pixels.first[1] + j) == number; };
    cover(pixels, row_offset, belongs, kernels_->lanes, worker.vector_offsets, tables.vectors, worker.stretches,
          tables.stretches);
  }
  tables.vectors_before[ranges] = tables.vectors;
  if (same_sizes) return;

  tables.images = pixels.images;
  tables.channels = taps.channels;
  tables.in_place = in_place;
  for (int a = 0; a < axes; ++a) {
    tables.pixels[a] = pixels.size[a];
    tables.taps[a] = taps.size[a];
  }
  shape.fill_tap_offsets(taps, worker.tap_offsets);
  fill_weight_offsets(weights, taps, worker.weight_offsets);
  for (Index number = 1; number < ranges; ++number) {
    const Range rows = rows_.range(number);
    const Index in_rows = rows.count() * taps.size[2];
    Index* to = worker.tap_offsets + number * tasks_.blocking().most_taps();
    Index* to_weights = worker.weight_offsets + number * tasks_.blocking().most_taps();
    for (Index plane = 0; plane < taps.channels * taps.size[0]; ++plane, to += in_rows, to_weights += in_rows) {
      const Index from = (plane * taps.size[1] + rows.first) * taps.size[2];
      std::copy_n(worker.tap_offsets + from, in_rows, to);
      std::copy_n(worker.weight_offsets + from, in_rows, to_weights);
    }
  }
}

// One row of lanes for every output channel, all of them its bias; or one row of zeros for all.
template <class T>
void PixelsFromStrip<T>::fill_start(Index group, const Bias<T>& bias, T* start) const noexcept {
  const Index width = vectors_per_tile() * kernels_->lanes;
  const Index first = group * geometry_.out_channels;
  for (Index channel = 0; channel < (!bias.given() ? 1 : geometry_.out_channels); ++channel) {
    const T value = bias.of(first + channel);
    std::fill_n(start + channel * width, width, value);
  }
}

template <class T>
typename PixelsFromStrip<T>::Destination PixelsFromStrip<T>::find_destination(const PixelBlock& pixels,
                                                                              const Tables& tables, const Tensor<T>& to,
                                                                              const Worker& worker) const noexcept {
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  const Stretch& stretch = worker.stretches[0];
  const bool in_a_row = tables.stretches == 1 && (stretch.rows == 1 || stretch.position_step == stretch.columns);
  const bool direct = row_groups() > 1 && in_a_row && adjacent_pixels(box, to) >= pixels.count();
  return {to.data, to.inner, direct ? pixels.count() / kernels_->lanes : 0, worker.results,
          tables.vectors * kernels_->lanes};
}

// Of `vectors`, those in tiles that lie among the `direct` first ones.
template <class T>
Index PixelsFromStrip<T>::stored_directly(Index direct, Index vectors) const noexcept {
  const EvenTiles tiles(vectors, vectors_per_tile());
  Index count = tiles.count;
  while (count > 0 && tiles.first(count) > direct) --count;
  return tiles.first(count);
}

// All output channels of the group over all vectors of the block.
template <class T>
void PixelsFromStrip<T>::run_tiles(const T* weights, const T* strip, const TapBlock& taps, const Run& run,
                                   Index start_stride, bool foresees, const Destination& destination,
                                   const Worker& worker, AfterStrip<T>& after) const noexcept {
  const Index lanes = kernels_->lanes;
  const Tables& tables = *worker.tables;
  const EvenTiles parts(geometry_.out_channels, kernels::max_strip_rows);
  for (Index number = 0; number < rows_.count(); ++number) {
    // With an infinite or nan weight, zeros on the border count.
    const TapList list = tap_list(tables.finite ? number : 0, taps, worker);
    const Index first_tap = run.first_channel * list.taps_per_channel;
    const Index before = tables.vectors_before[number];
    const EvenTiles tiles(tables.vectors_before[number + 1] - before, vectors_per_tile());
    for (Index tile = 0; tile < tiles.count; ++tile) {
      const Index first = before + tiles.first(tile);
      const Index vectors = tiles.rows(tile);
      const bool direct = first + vectors <= destination.direct;
      const Index result_stride = direct ? destination.output_stride : destination.buffer_stride;
      T* results = (direct ? destination.output : destination.buffer) + first * lanes;
      for (Index part = 0; part < parts.count; ++part) {
        const Index first_row = parts.first(part);
        T* result = results + first_row * result_stride;
        const T* start = run.fresh ? worker.start + first_row * start_stride : result;
        const T* ahead = foresees ? strip + worker.vector_offsets[first] + (vectors + part) * lanes : nullptr;
        const kernels::StripAddress<T> address{worker.row_offsets + first_row, list.weight_offsets + first_tap,
                                               worker.vector_offsets + first, list.tap_offsets + first_tap, ahead};
        after.step();
        kernels_->strip_tile[parts.rows(part) - 1][vectors - 1](
            weights, strip, address, run.channels * list.taps_per_channel, start,
            run.fresh ? start_stride : result_stride, result, result_stride);
      }
    }
  }
}

template class PixelsFromStrip<float>;
template class PixelsFromStrip<double>;

}  // namespace convgrad::gemm

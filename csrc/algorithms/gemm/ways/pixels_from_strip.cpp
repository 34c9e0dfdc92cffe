#include "algorithms/gemm/ways/pixels_from_strip.hpp"

#include <algorithm>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/border/finite_weights.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/tasks/run_correlation.hpp"
#include "algorithms/gemm/ways/strip_blocks.hpp"
#include "algorithms/read/weights.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

// What depends on the shape of a block alone; most blocks of a run share it.
template <class T>
struct PixelsFromStrip<T>::Tables {
  bool made;                                         // nothing else holds anything before
  Index images, pixels[axes], channels, taps[axes];  // for which they were made
  bool in_place;
  Index first_row;  // of pixels, where rows of the kernel are left out
  Index vectors;
  Index vectors_before[BorderRows::most_ranges + 1];  // those of the ranges before each
  Index stretches;
  Index group;  // of channels, which start and row offsets are for; -1 at first
  bool leaves_out_border;

  [[nodiscard]] bool fit(const PixelBlock& block, const TapBlock& box, bool reads_in_place) const noexcept {
    return made && images == block.images && std::equal(pixels, pixels + axes, block.size) &&
           channels == box.channels && std::equal(taps, taps + axes, box.size) && in_place == reads_in_place;
  }
};

// What a run asks of its operands once.
template <class T>
struct PixelsFromStrip<T>::Binding {
  const Bias<T>& bias;
  StripReader<T> strips;
  Index starts;        // one for each output channel, or one of zeros for all
  Index start_stride;  // from one output channel's to the next
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

// The taps that count for some rows of pixels, channel by channel.
template <class T>
struct PixelsFromStrip<T>::TapList {
  const Index* tap_offsets;
  const Index* weight_offsets;
  Index taps_per_channel;
};

// A block of taps over a block of pixels.
template <class T>
struct PixelsFromStrip<T>::TapsRun {
  const TapBlock& taps;
  const T* weights;
  const T* strip;
  const Destination& destination;
  Index channels_at_once;
  Index start_stride;
  bool first;       // sums start
  bool prefetches;  // tiles ask for what is read next in place: a line for every group of output channels and tap
};

// Some input channels of it.
template <class T>
struct PixelsFromStrip<T>::ChannelRun {
  Index first;
  Index count;
  bool starts;  // sums
};

template <class T>
PixelsFromStrip<T>::PixelsFromStrip(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                                    int threads) noexcept
    : geometry_(geometry),
      kernels_(&kernels),
      row_groups_(divide_up(larger(1, geometry.out_channels), kernels::max_strip_rows)),
      vectors_per_tile_(kernels.strip_vectors[divide_up(larger(1, geometry.out_channels), row_groups_) - 1]),
      traffic_(tuning_of(kernels), geometry) {
  constexpr Index size = sizeof(T);
  const Tuning& tuning = tuning_of(kernels);
  const Index useful = useful_threads(tuning, geometry, threads);
  if (share_of_border_rows(geometry) >= tuning.from_strip_least_border_rows) rows_ = BorderRows(geometry);
  const StripLimits limits{find_block_pixels(), kernels::max_strip_vectors * kernels.lanes,
                           tuning.strips_cached_bytes / size};
  tasks_ = strip_tasks(geometry, kernels, limits, useful);
  areas_.workers = workers_for(tasks_.count(), useful);

  const Blocking& blocking = tasks_.blocking();
  if (blocking.tap_blocks() > 1 || rows_.count() * blocking.most_taps() > tuning.from_strip_most_listed_taps)
    rows_ = BorderRows();
  // Kernels load one vector more, to shift out of.
  reading_ = {2 * kernels.lanes, tuning.strips_in_place != 0, true};
  prefetches_in_tiles_ =
      tuning.from_strip_prefetches_in_tiles != 0 && geometry.taps_per_channel() == 1 && row_groups_ > 1;
  stores_directly_ = tuning.from_strip_stores_directly != 0 && row_groups_ > 1;
  run_room_ = row_groups_ == 1 ? tuning.from_strip_long_run_bytes / size
                               : tuning.from_strip_run_bytes / size / (vectors_per_tile_ * kernels.lanes);
  reserve_areas();
}

// As large as a strip allows, and results: a row of pixels takes whole vectors; of rows that do not fit at all, every
// pixel may take one.
template <class T>
Index PixelsFromStrip<T>::find_block_pixels() const noexcept {
  constexpr Index size = sizeof(T);
  const Tuning& tuning = tuning_of(*kernels_);
  const Index lanes = kernels_->lanes;
  const Index row = larger(1, geometry_.output[2]);
  Index pixels = pixels_of_strip(tuning, geometry_, size);
  if (rows_.count() > 1) {
    const Index images = divide_up(tuning.from_strip_border_vectors * lanes, row);
    const Index wanted = smaller(images, geometry_.batch) * geometry_.output_pixels();
    pixels = larger(pixels, smaller(wanted, most_pixels_of_strip(tuning, geometry_, size)));
  }
  const Index room = tuning.from_strip_result_bytes / size / larger(1, geometry_.out_channels);
  const Index fitting = room / round_up(row, lanes) * row;
  return larger(1, smaller(pixels, larger(fitting, room / lanes)));
}

template <class T>
void PixelsFromStrip<T>::reserve_areas() noexcept {
  const Blocking& blocking = tasks_.blocking();
  const Index lanes = kernels_->lanes;
  const Index channels = larger(1, geometry_.out_channels);
  // Every row of pixels begins at most one vector more than it fills; a row is at least a pixel.
  const Index vectors = blocking.most_rows() * divide_up(blocking.most_columns(), lanes);
  areas_.own.reserve(&Area::tables, 1);
  areas_.own.reserve(&Area::strip, blocking.strip_room() + reading_.vector_elements);
  areas_.own.reserve(&Area::start, channels * vectors_per_tile_ * lanes);
  areas_.own.reserve(&Area::results, channels * vectors * lanes);
  areas_.own.reserve(&Area::row_offsets, channels);
  areas_.own.reserve(&Area::vector_offsets, vectors);
  areas_.own.reserve(&Area::tap_offsets, rows_.count() * blocking.most_taps());
  areas_.own.reserve(&Area::weight_offsets, rows_.count() * blocking.most_taps());
  areas_.own.reserve(&Area::stretches, vectors);
}

template <class T>
void PixelsFromStrip<T>::describe(Text& text) const noexcept {
  text.line("way", "%s", "pixels_from_strip");
  tasks_.describe(text);
  describe_reading(text, reading_, tasks_.blocking());
  if (rows_.count() > 1)
    text.line("leaves out", "%lld kinds of kernel rows on the border, unless a weight is infinite or nan",
              static_cast<long long>(rows_.count() - 1));
  text.line("writes", "%s",
            stores_directly_ ? "whole vectors where they belong if pixels are neighbors there, or copies from a buffer"
                             : "copies from a buffer");
  traffic_.describe(text);
  if (prefetches_in_tiles_ && reading_.in_place)
    text.line("prefetch", "%s", "the next tiles' input where it is read in place");
}

// All of them, which come from the second-level cache in time: to keep a few channels of the strip in the first while
// all tiles pass over them would take sums that are loaded and stored for every few. But a 1x1 kernel's tiles share
// nothing: what stays there is one's own, for all groups of output channels. And with one group each element is read
// once: what counts is that few rows are read at a time and long ones, as the hardware can prefetch them.
template <class T>
Index PixelsFromStrip<T>::channels_per_run(const TapBlock& taps, const StripShape& shape) const noexcept {
  if (geometry_.taps_per_channel() > 1) return larger(1, taps.channels);
  if (row_groups_ > 1) return even_piece(taps.channels, run_room_);
  return larger(1, run_room_ / larger(1, shape.elements() / larger(1, taps.channels)));
}

template <class T>
void PixelsFromStrip<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  const bool given = operands.bias.given();
  const Binding binding{operands.bias,
                        StripReader<T>(geometry_, *kernels_, tasks_.blocking(), reading_, operands.input),
                        given ? geometry_.out_channels : 1, given ? vectors_per_tile_ * kernels_->lanes : 0};
  for (int worker = 0; worker < areas_.workers; ++worker) {
    Tables& tables = *areas_.own_in(workspace, worker).tables;
    tables.made = false;
    tables.group = -1;
  }
  run_correlation(tasks_, areas_, operands, workspace, [&](const CorrelationStep<T>& step, const Area& area) {
    run_task(binding, StripTask<T>(geometry_, step), area);
  });
}

template <class T>
void PixelsFromStrip<T>::run_task(const Binding& binding, const StripTask<T>& task, const Area& area) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const Blocking& blocking = tasks_.blocking();
  if (area.tables->group != task.group) begin_group(binding, task, area);
  const bool in_place = binding.strips.find_in_place(task);
  Destination destination{};
  const Index tap_blocks = blocking.tap_blocks();
  for (Index t = 0; t < tap_blocks; ++t) {
    timer.next(Phase::packing_input);
    const TapBlock taps = blocking.tap_block(t);
    const Strip<T> strip = binding.strips.read(task, taps, in_place, area.strip);
    make_tables(task, taps, strip, area);
    if (t == 0) destination = find_destination(task, area);

    timer.next(Phase::multiplying);
    const TapsRun run{taps,
                      task.first_weight(taps),
                      strip.data,
                      destination,
                      channels_per_run(taps, strip.shape),
                      binding.start_stride,
                      t == 0,
                      strip.in_place && prefetches_in_tiles_};
    StripPrefetch<T> prefetch;
    if (t + 1 == tap_blocks) prefetch = traffic_.prefetch(geometry_, task, strip.in_place, steps_of(run, area));
    run_channels(run, area, prefetch);
  }
  timer.next(Phase::storing);
  store(task, destination, area);
}

// A row of lanes for every output channel, all of them its bias; or one row of zeros for all.
template <class T>
void PixelsFromStrip<T>::begin_group(const Binding& binding, const StripTask<T>& task,
                                     const Area& area) const noexcept {
  const Index channels = geometry_.out_channels;
  const Index width = vectors_per_tile_ * kernels_->lanes;
  for (Index channel = 0; channel < binding.starts; ++channel)
    std::fill_n(area.start + channel * width, width, binding.bias.of(task.group * channels + channel));
  for (Index channel = 0; channel < channels; ++channel) area.row_offsets[channel] = channel * task.weights.lane;
  area.tables->group = task.group;
  area.tables->leaves_out_border = rows_.count() > 1 && weights_are_finite(*kernels_, task.weights, channels,
                                                                           geometry_.in_channels, geometry_.kernel);
}

// Lists of taps depend on sizes alone, and so do vectors but where rows of the kernel are left out.
template <class T>
void PixelsFromStrip<T>::make_tables(const StripTask<T>& task, const TapBlock& taps, const Strip<T>& strip,
                                     const Area& area) const noexcept {
  Tables& tables = *area.tables;
  const PixelBlock& pixels = task.pixels;
  const bool fit = tables.fit(pixels, taps, strip.in_place);
  if (fit && (rows_.count() == 1 || tables.first_row == pixels.first[1])) return;
  lay_vectors(pixels, strip.shape, area);
  if (fit) return;
  tables.made = true;
  tables.images = pixels.images;
  tables.channels = taps.channels;
  tables.in_place = strip.in_place;
  std::copy_n(pixels.size, axes, tables.pixels);
  std::copy_n(taps.size, axes, tables.taps);
  list_taps(taps, strip.shape, task.weights, area);
}

template <class T>
void PixelsFromStrip<T>::lay_vectors(const PixelBlock& pixels, const StripShape& shape,
                                     const Area& area) const noexcept {
  Tables& tables = *area.tables;
  const Index ranges = rows_.count();
  tables.first_row = pixels.first[1];
  VectorCover cover{kernels_->lanes, area.vector_offsets, 0, area.stretches, 0};
  for (Index number = 0; number < ranges; ++number) {
    tables.vectors_before[number] = cover.vectors;
    cover.add(pixels, shape, [&](Index row) { return ranges == 1 || rows_.range_of(pixels.first[1] + row) == number; });
  }
  tables.vectors_before[ranges] = tables.vectors = cover.vectors;
  tables.stretches = cover.stretches;
}

template <class T>
void PixelsFromStrip<T>::list_taps(const TapBlock& taps, const StripShape& shape, const Weights<T>& weights,
                                   const Area& area) const noexcept {
  shape.fill_tap_offsets(taps, area.tap_offsets);
  fill_weight_offsets(weights, taps, area.weight_offsets);
  for (Index number = 1; number < rows_.count(); ++number) {
    const Range rows = rows_.range(number);
    const Index in_rows = rows.count() * taps.size[2];
    Index* to = area.tap_offsets + number * tasks_.blocking().most_taps();
    Index* to_weights = area.weight_offsets + number * tasks_.blocking().most_taps();
    for (Index plane = 0; plane < taps.channels * taps.size[0]; ++plane, to += in_rows, to_weights += in_rows) {
      const Index from = (plane * taps.size[1] + rows.first) * taps.size[2];
      std::copy_n(area.tap_offsets + from, in_rows, to);
      std::copy_n(area.weight_offsets + from, in_rows, to_weights);
    }
  }
}

template <class T>
typename PixelsFromStrip<T>::TapList PixelsFromStrip<T>::tap_list(Index number, const TapBlock& taps,
                                                                  const Area& area) const noexcept {
  const Index rows = rows_.count() == 1 ? taps.size[1] : rows_.range(number).count();
  const Index begin = number * tasks_.blocking().most_taps();
  return {area.tap_offsets + begin, area.weight_offsets + begin, taps.size[0] * rows * taps.size[2]};
}

template <class T>
typename PixelsFromStrip<T>::Destination PixelsFromStrip<T>::find_destination(const StripTask<T>& task,
                                                                              const Area& area) const noexcept {
  const PixelBlock& pixels = task.pixels;
  const Tensor<T>& to = task.output;
  const Tables& tables = *area.tables;
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  const Stretch& stretch = area.stretches[0];
  const bool in_a_row = tables.stretches == 1 && (stretch.rows == 1 || stretch.position_step == stretch.columns);
  const bool direct = stores_directly_ && in_a_row && adjacent_pixels(box, to) >= pixels.count();
  return {to.data, to.inner, direct ? pixels.count() / kernels_->lanes : 0, area.results,
          tables.vectors * kernels_->lanes};
}

// What is in the buffer goes to the output: the last pixels where the others are there, or all.
template <class T>
void PixelsFromStrip<T>::store(const StripTask<T>& task, const Destination& destination,
                               const Area& area) const noexcept {
  const Tables& tables = *area.tables;
  const Tensor<T>& to = task.output;
  const T* results = destination.buffer;
  const Index pitch = destination.buffer_stride;
  const Index direct = stored_directly(destination.direct, tables.vectors) * kernels_->lanes;
  if (direct > 0) {
    for (Index channel = 0; channel < geometry_.out_channels; ++channel)
      std::copy(results + channel * pitch + direct, results + channel * pitch + task.pixels.count(),
                to.data + channel * to.inner + direct);
    return;
  }
  for (Index s = 0; s < tables.stretches; ++s)
    store_stretch(*kernels_, area.stretches[s], results, pitch, geometry_.out_channels, to);
}

// Of `vectors`, those in tiles that lie among the `direct` first ones.
template <class T>
Index PixelsFromStrip<T>::stored_directly(Index direct, Index vectors) const noexcept {
  const EvenTiles tiles(vectors, vectors_per_tile_);
  Index count = tiles.count;
  while (count > 0 && tiles.first(count) > direct) --count;
  return tiles.first(count);
}

// Of a prefetch: one with every tile.
template <class T>
Index PixelsFromStrip<T>::steps_of(const TapsRun& run, const Area& area) const noexcept {
  const Index runs = larger(1, divide_up(run.taps.channels, run.channels_at_once));
  return runs * row_groups_ * divide_up(area.tables->vectors, vectors_per_tile_);
}

// At least one run, which is empty where there are no channels: a bias still has to be written.
template <class T>
void PixelsFromStrip<T>::run_channels(const TapsRun& run, const Area& area, StripPrefetch<T>& prefetch) const noexcept {
  Index done = 0;
  do {
    const Index count = smaller(run.channels_at_once, run.taps.channels - done);
    run_tiles(run, {done, count, run.first && done == 0}, area, prefetch);
    done += count;
  } while (done < run.taps.channels);
}

// All output channels of the group over all vectors of the block.
template <class T>
void PixelsFromStrip<T>::run_tiles(const TapsRun& run, const ChannelRun& channels, const Area& area,
                                   StripPrefetch<T>& prefetch) const noexcept {
  const Index lanes = kernels_->lanes;
  const Tables& tables = *area.tables;
  const Destination destination = run.destination;
  const EvenTiles parts(geometry_.out_channels, kernels::max_strip_rows);
  for (Index number = 0; number < rows_.count(); ++number) {
    // With an infinite or nan weight, zeros on the border count.
    const TapList list = tap_list(tables.leaves_out_border ? number : 0, run.taps, area);
    const Index first_tap = channels.first * list.taps_per_channel;
    const Index before = tables.vectors_before[number];
    const EvenTiles tiles(tables.vectors_before[number + 1] - before, vectors_per_tile_);
    for (Index tile = 0; tile < tiles.count; ++tile) {
      const Index first = before + tiles.first(tile);
      const Index vectors = tiles.rows(tile);
      const bool direct = first + vectors <= destination.direct;
      const Index result_stride = direct ? destination.output_stride : destination.buffer_stride;
      T* results = (direct ? destination.output : destination.buffer) + first * lanes;
      for (Index part = 0; part < parts.count; ++part) {
        const Index first_row = parts.first(part);
        T* result = results + first_row * result_stride;
        const T* start = channels.starts ? area.start + first_row * run.start_stride : result;
        const T* ahead = run.prefetches ? run.strip + area.vector_offsets[first] + (vectors + part) * lanes : nullptr;
        const kernels::StripAddress<T> address{area.row_offsets + first_row, list.weight_offsets + first_tap,
                                               area.vector_offsets + first, list.tap_offsets + first_tap, ahead};
        prefetch.step();
        kernels_->strip_tile[parts.rows(part) - 1][vectors - 1](
            run.weights, run.strip, address, channels.count * list.taps_per_channel, start,
            channels.starts ? run.start_stride : result_stride, result, result_stride);
      }
    }
  }
}

template class PixelsFromStrip<float>;
template class PixelsFromStrip<double>;

}  // namespace convgrad::gemm

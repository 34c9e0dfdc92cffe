#include "algorithms/gemm/ways/pixel_rows.hpp"

#include <algorithm>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/places_within.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/border/finite_weights.hpp"
#include "algorithms/gemm/tasks/run_correlation.hpp"
#include "algorithms/gemm/ways/strip_blocks.hpp"
#include "algorithms/read/weights.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

namespace {

// Whether tables of one block serve another: it has the same size, and as many rows above and below it lie on the
// border.
bool share_tables(const Geometry& geometry, const PixelBlock& a, const PixelBlock& b) noexcept {
  const Index under = (a.size[1] - 1) * geometry.stride[1] + (geometry.kernel[1] - 1) * geometry.dilation[1];
  const auto above = [&](const PixelBlock& block) {
    return larger(0, geometry.padding[1] - block.first[1] * geometry.stride[1]);
  };
  const auto below = [&](const PixelBlock& block) {
    return larger(0, block.first[1] * geometry.stride[1] - geometry.padding[1] + under - (geometry.input[1] - 1));
  };
  return a.images == b.images && std::equal(a.size, a.size + axes, b.size) && above(a) == above(b) &&
         below(a) == below(b);
}

bool rows_meet_border(const Geometry& geometry) noexcept {
  const Index last = (geometry.output[1] - 1) * geometry.stride[1] + (geometry.kernel[1] - 1) * geometry.dilation[1];
  return geometry.padding[1] > 0 || last - geometry.padding[1] >= geometry.input[1];
}

}  // namespace

// What depends on the block of pixels and taps alone; many blocks share it, those of all groups at least.
template <class T>
struct PixelRows<T>::Tables {
  bool made;          // nothing else holds anything before
  PixelBlock pixels;  // for which they were made
  Index first_tap;
  bool in_place;
  bool gathers;  // results, in a buffer, before they are written
  bool direct;   // whole vectors, which the kernel stores where they belong
  Index vectors;
  Index tiles;
  Index source_row;
};

// Where the results of a block go.
template <class T>
struct PixelRows<T>::Results {
  Tensor<T> to;  // the output, or the buffer in which they are gathered
  bool streams;  // around the caches,
  bool gathers;  // by way of the buffer
};

// A block of taps over a block of pixels.
template <class T>
struct PixelRows<T>::TapsRun {
  const StripTask<T>& task;
  const TapBlock& taps;
  const T* weights;
  const T* strip;
  const Results& results;
  bool first;  // sums start
  bool last;   // and are complete
  kernels::RowsAddress address;
};

template <class T>
PixelRows<T>::PixelRows(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : geometry_(geometry), kernels_(&kernels), traffic_(tuning_of(kernels), geometry) {
  constexpr Index size = sizeof(T);
  const Tuning& tuning = tuning_of(kernels);
  const Index useful = useful_threads(tuning, geometry, threads);
  const Index sums = tuning.pixel_rows_sum_bytes / size / larger(1, geometry.out_channels);
  const StripLimits limits{larger(1, smaller(pixels_of_strip(tuning, geometry, size), sums)),
                           kernels::max_strip_rows * kernels.lanes, tuning.pixel_rows_strip_bytes / size};
  tasks_ = strip_tasks(geometry, kernels, limits, useful);
  areas_.workers = workers_for(tasks_.count(), useful);

  keeps_sums_ = tasks_.blocking().tap_blocks() > 1;
  stores_directly_ = !keeps_sums_ && tuning.pixel_rows_store_directly != 0;
  leaves_out_border_ = tuning.pixel_rows_leave_out_border != 0 && rows_meet_border(geometry);
  reading_ = {kernels.lanes, tuning.strips_in_place != 0, false};
  if (!keeps_sums_) stream_ = OutputStream<T>(tuning, geometry);
  reserve_areas();
}

template <class T>
void PixelRows<T>::reserve_areas() noexcept {
  const Blocking& blocking = tasks_.blocking();
  const Index lanes = kernels_->lanes;
  const Index channels = larger(1, geometry_.out_channels);
  // Columns of up to max_strip_rows rows, one vector wide.
  const Index columns = blocking.most_rows() * divide_up(blocking.most_columns(), lanes);
  const Index column_sums = kernels::max_strip_rows * lanes;
  auto& own = areas_.own;
  own.reserve(&Area::tables, 1);
  own.reserve(&Area::strip, blocking.strip_room() + 2 * lanes);
  own.reserve(&Area::start, lanes);
  own.reserve(&Area::sums, column_sums * (keeps_sums_ ? channels * columns : kernels::max_strip_vectors));
  own.reserve(&Area::gathered, stream_.elements(blocking));
  own.reserve(&Area::tiles, columns);
  own.reserve(&Area::vector_offsets, columns);
  own.reserve(&Area::result_offsets, columns);
  own.reserve(&Area::sum_offsets, kernels::max_strip_vectors);
  own.reserve(&Area::no_offsets, kernels::max_strip_vectors);
  own.reserve(&Area::columns, columns);
  own.reserve(&Area::plane_offsets, blocking.most_taps());
  own.reserve(&Area::plane_weights, blocking.most_taps());
  own.reserve(&Area::column_offsets, blocking.most_row_taps());
  own.reserve(&Area::all_rows, channels);
}

template <class T>
void PixelRows<T>::describe(Text& text) const noexcept {
  text.line("way", "%s", "pixel_rows");
  tasks_.describe(text);
  describe_reading(text, reading_, tasks_.blocking());
  if (leaves_out_border_) text.line("leaves out", "%s", "rows on the border, unless a weight is infinite or nan");
  text.line("writes", "%s",
            stream_.wanted()   ? "around the caches if pixels are neighbors there"
            : stores_directly_ ? "whole vectors where they belong if pixels are neighbors there"
                               : "copies from a buffer");
  traffic_.describe(text);
}

template <class T>
void PixelRows<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  const StripReader<T> strips(geometry_, *kernels_, tasks_.blocking(), reading_, operands.input);
  for (int worker = 0; worker < areas_.workers; ++worker) areas_.own_in(workspace, worker).tables->made = false;
  run_correlation(tasks_, areas_, operands, workspace, [&](const CorrelationStep<T>& step, const Area& area) {
    run_task(strips, StripTask<T>(geometry_, step), area);
    stream_.finish(*kernels_);
  });
}

template <class T>
void PixelRows<T>::run_task(const StripReader<T>& strips, const StripTask<T>& task, const Area& area) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const Results results = find_results(task, area);
  const Index channels = geometry_.out_channels;
  const bool in_place = strips.find_in_place(task);
  const Index tap_blocks = tasks_.blocking().tap_blocks();
  for (Index t = 0; t < tap_blocks; ++t) {
    timer.next(Phase::packing_input);
    const TapBlock taps = tasks_.blocking().tap_block(t);
    const Strip<T> strip = strips.read(task, taps, in_place, area.strip);
    make_tables(task, taps, strip, results, area);

    timer.next(Phase::multiplying);
    StripPrefetch<T> prefetch;
    if (t + 1 == tap_blocks)
      prefetch = traffic_.prefetch(geometry_, task, strip.in_place, channels * area.tables->tiles);
    if (results.streams) prefetch.results = {};
    const TapsRun run{task,
                      taps,
                      task.first_weight(taps),
                      strip.data,
                      results,
                      t == 0,
                      t + 1 == tap_blocks,
                      {area.plane_offsets, area.plane_weights, taps.channels * taps.size[0], taps.size[1], taps.size[2],
                       area.tables->source_row, area.column_offsets, task.weights.axis[1], task.weights.axis[2],
                       nullptr, 0, 0, results.streams && !results.gathers}};
    for (Index channel = 0; channel < channels; ++channel) run_channel(run, channel, area, prefetch);
  }
}

// Results that outgrow the caches are streamed as whole cache lines: by the kernel if all rows are such, and otherwise
// gathered first.
template <class T>
typename PixelRows<T>::Results PixelRows<T>::find_results(const StripTask<T>& task, const Area& area) const noexcept {
  const bool streams = stream_.takes(task.pixels, task.output);
  const bool gathers = streams && !stream_.in_lines(task.pixels, task.output);
  return {gathers ? stream_.gathered(task.pixels, area.gathered) : task.output, streams, gathers};
}

template <class T>
void PixelRows<T>::make_tables(const StripTask<T>& task, const TapBlock& taps, const Strip<T>& strip,
                               const Results& results, const Area& area) const noexcept {
  Tables& tables = *area.tables;
  if (tables.made && share_tables(geometry_, tables.pixels, task.pixels) && tables.first_tap == taps.first_tap &&
      tables.in_place == strip.in_place && tables.gathers == results.gathers)
    return;
  tables.made = true;
  tables.pixels = task.pixels;
  tables.first_tap = taps.first_tap;
  tables.in_place = strip.in_place;
  tables.gathers = results.gathers;
  tables.direct = stores_directly_ && results.to.axis[2] == 1 && task.pixels.size[2] >= kernels_->lanes;
  lay_vectors(task.pixels, taps, strip.shape, results.to, area);
  split_tiles(area);
  list_taps(taps, strip.shape, task.weights, area);
}

// Lays vectors over the pixels of a block, as they lie in the strip, and joins to tiles those that follow one another
// and are alike.
template <class T>
void PixelRows<T>::lay_vectors(const PixelBlock& pixels, const TapBlock& taps, const StripShape& shape,
                               const Tensor<T>& to, const Area& area) const noexcept {
  Tables& tables = *area.tables;
  const Index lanes = kernels_->lanes;
  const Index width = pixels.size[2];
  const Index height = pixels.size[1];
  const Index groups = divide_up(height, kernels::max_strip_rows);
  Index tiles = 0;
  Index vectors = 0;
  for (Index group = 0; group < groups; ++group) {
    const Index j = height * group / groups;
    const Index rows = height * (group + 1) / groups - j;
    const Index under = taps.size[1] + rows - 1;
    const Index origin =
        (pixels.first[1] + j) * geometry_.stride[1] - geometry_.padding[1] + taps.first[1] * geometry_.dilation[1];
    const Range exist =
        leaves_out_border_ ? places_within(origin, geometry_.dilation[1], under, geometry_.input[1]) : Range{0, under};
    for (Index n = 0; n < pixels.images; ++n)
      for (Index i = 0; i < pixels.size[0]; ++i)
        for (Index begin = 0; begin < width; begin += lanes) {
          // The last vector reaches back over pixels of the one before, for the same results.
          const Index k = tables.direct ? smaller(begin, width - lanes) : begin;
          if (tiles == 0 || area.tiles[tiles - 1].rows != rows || !(area.tiles[tiles - 1].exist == exist))
            area.tiles[tiles++] = {vectors, 0, rows, exist};
          ++area.tiles[tiles - 1].vectors;
          area.vector_offsets[vectors] = shape.row_offset(n, i, j) + k;
          area.result_offsets[vectors] = n * to.outer + i * to.axis[0] + j * to.axis[1] + k * to.axis[2];
          area.columns[vectors] = smaller(lanes, width - k);
          ++vectors;
        }
  }
  tables.vectors = vectors;
  tables.tiles = tiles;
}

// Each run of vectors that are alike into tiles of nearly the same size.
template <class T>
void PixelRows<T>::split_tiles(const Area& area) const noexcept {
  const auto count_of = [&](const Tile& run) { return divide_up(run.vectors, kernels_->strip_vectors[run.rows - 1]); };
  const Index runs = area.tables->tiles;
  Index tiles = 0;
  for (Index r = 0; r < runs; ++r) tiles += count_of(area.tiles[r]);
  area.tables->tiles = tiles;
  for (Index r = runs - 1; r >= 0; --r) {
    const Tile run = area.tiles[r];
    const Index count = count_of(run);
    for (Index i = count - 1; i >= 0; --i) {
      const Index first = run.vectors * i / count;
      area.tiles[--tiles] = {run.vector + first, run.vectors * (i + 1) / count - first, run.rows, run.exist};
    }
  }
}

template <class T>
void PixelRows<T>::list_taps(const TapBlock& taps, const StripShape& shape, const Weights<T>& weights,
                             const Area& area) const noexcept {
  for (Index v = 0; v < kernels::max_strip_vectors; ++v) {
    area.sum_offsets[v] = v * kernels::max_strip_rows * kernels_->lanes;
    area.no_offsets[v] = 0;
  }
  const TapBlock planes{taps.first_channel, taps.channels, {taps.first[0], 0, 0}, {taps.size[0], 1, 1}, 0};
  shape.fill_tap_offsets(planes, area.plane_offsets);
  fill_weight_offsets(weights, planes, area.plane_weights);
  const TapBlock row{0, 1, {0, 0, 0}, {1, 1, taps.size[2]}, 0};
  shape.fill_tap_offsets(row, area.column_offsets);
  Index rows[2] = {0, 0};
  shape.fill_tap_offsets({0, 1, {0, 0, 0}, {1, 2, 1}, 0}, rows);
  area.tables->source_row = rows[1];
}

template <class T>
void PixelRows<T>::begin_channel(const StripTask<T>& task, Index channel, const Area& area) const noexcept {
  Weights<T> weights = task.weights;
  weights.data += channel * weights.lane;
  // With an infinite or nan weight, zeros on the border count.
  area.all_rows[channel] =
      leaves_out_border_ && !weights_are_finite(*kernels_, weights, 1, geometry_.in_channels, geometry_.kernel);
  std::fill_n(area.start, kernels_->lanes, task.all.bias.of(task.group * geometry_.out_channels + channel));
}

// All tiles of one output channel.
template <class T>
void PixelRows<T>::run_channel(const TapsRun& run, Index channel, const Area& area,
                               StripPrefetch<T>& task_prefetch) const noexcept {
  StripPrefetch<T> prefetch = task_prefetch;  // in registers, while tiles step through it
  const Tables& tables = *area.tables;
  const Tensor<T>& to = run.results.to;
  const PixelBlock& pixels = run.task.pixels;
  const Index lanes = kernels_->lanes;
  if (run.first) begin_channel(run.task, channel, area);
  const bool all_rows = area.all_rows[channel];
  const T* weights = run.weights + channel * run.task.weights.lane;
  kernels::RowsAddress address = run.address;
  Index written = 0;
  for (Index i = 0; i < tables.tiles; ++i) {
    const Tile& tile = area.tiles[i];
    address.vector = area.vector_offsets + tile.vector;
    address.first = all_rows ? 0 : tile.exist.first;
    address.last = all_rows ? run.taps.size[1] + tile.rows - 1 : tile.exist.last;
    kernels::RowVectors<T> result{to.data + channel * to.inner, area.result_offsets + tile.vector, to.axis[1]};
    if (!tables.direct) {
      result = {area.sums, area.sum_offsets, lanes};
      if (keeps_sums_) result.data += (channel * tables.vectors + tile.vector) * kernels::max_strip_rows * lanes;
    }
    kernels::RowVectors<const T> start{area.start, area.no_offsets, 0};
    if (!run.first) start = {result.data, result.vector, result.row};
    prefetch.step();
    kernels_->row_tile[tile.rows - 1][tile.vectors - 1](weights, run.strip, address, start, result);
    if (!tables.direct && run.last) store(tile, result.data, to, channel, area);
    if (run.results.gathers)
      written = stream_.write(*kernels_, pixels, area.gathered, written, complete_pixels(i, pixels, area),
                              run.task.output.data + channel * run.task.output.inner, run.task.output.outer);
  }
  task_prefetch = prefetch;
}

// Before the first row of the vector after this tile, where vectors follow the order of pixels.
template <class T>
Index PixelRows<T>::complete_pixels(Index tile, const PixelBlock& pixels, const Area& area) const noexcept {
  if (tile + 1 == area.tables->tiles) return pixels.count();
  if (pixels.images > 1 || pixels.size[0] > 1) return 0;
  return area.result_offsets[area.tiles[tile + 1].vector] / pixels.size[2] * pixels.size[2];
}

template <class T>
void PixelRows<T>::store(const Tile& tile, const T* sums, const Tensor<T>& to, Index channel,
                         const Area& area) const noexcept {
  for (Index v = 0; v < tile.vectors; ++v) {
    const Index columns = area.columns[tile.vector + v];
    const T* from = sums + area.sum_offsets[v];
    T* first = to.data + channel * to.inner + area.result_offsets[tile.vector + v];
    if (to.axis[2] == 1)
      kernels_->copy_rows(from, kernels_->lanes, tile.rows, columns, first, to.axis[1]);
    else
      for (Index i = 0; i < tile.rows; ++i)
        scatter(from + i * kernels_->lanes, columns, first + i * to.axis[1], to.axis[2]);
  }
}

template class PixelRows<float>;
template class PixelRows<double>;

}  // namespace convgrad::gemm

#include "algorithms/gemm/ways/pixel_rows.hpp"

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/places_within.hpp"
#include "algorithms/common/sharing.hpp"
#include "algorithms/gemm/border/finite_weights.hpp"
#include "algorithms/read/weights.hpp"
#include "core/parallel.hpp"
#include "core/phases.hpp"
#include "core/workspace.hpp"

namespace convgrad::gemm {

namespace {

constexpr Index sum_bytes = Index{512} << 10;
// A quarter of a second-level cache of one mebibyte, where the next strip finds room beside it. Each tile passes over
// all its channels, which come from there in time: to keep a few of them in the first-level cache while all tiles pass
// would take sums that are stored and loaded again for every few.
constexpr Index strip_bytes = Index{256} << 10;

// Whether tables serve both: blocks of one size, beside whose rows as much lies on the border.
bool alike(const Geometry& geometry, const PixelBlock& a, const PixelBlock& b) noexcept {
  bool equal = a.images == b.images;
  for (int axis = 0; axis < axes; ++axis) equal = equal && a.size[axis] == b.size[axis];
  const Index under = (a.size[1] - 1) * geometry.stride[1] + (geometry.kernel[1] - 1) * geometry.dilation[1];
  const auto above = [&](const PixelBlock& block) {
    return larger(0, geometry.padding[1] - block.first[1] * geometry.stride[1]);
  };
  const auto below = [&](const PixelBlock& block) {
    return larger(0, block.first[1] * geometry.stride[1] - geometry.padding[1] + under - (geometry.input[1] - 1));
  };
  return equal && above(a) == above(b) && below(a) == below(b);
}

}  // namespace

// Vectors of `rows` rows below each other, for all of which the same rows of the input exist.
template <class T>
struct PixelRows<T>::Tile {
  Index vector;  // the first
  Index vectors;
  Index rows;
  Index first, last;  // of the rows under it that exist
};

// What depends on the block of pixels and taps alone; many blocks share it, those of all groups at least.
template <class T>
struct PixelRows<T>::Tables {
  PixelBlock pixels;  // for which it was made; images = 0 at first
  Index first_tap;
  bool in_place;
  bool gathers;  // results, in a buffer, before they are written
  Index vectors;
  Index tiles;
  bool direct;  // whole vectors, which the kernel stores where they belong
  Index source_row;
};

template <class T>
struct PixelRows<T>::Worker {
  Tables* tables;
  T* strip;
  T* start;
  T* sums;
  T* gathered;
  Tile* tiles;
  Index* vector_offsets;
  Index* result_offsets;
  Index* sum_offsets;
  Index* no_offsets;
  Index* columns;  // of pixels in each vector
  Index* plane_offsets;
  Index* plane_weights;
  Index* column_offsets;
  bool* all_rows;  // of each output channel: the border counts
};

template <class T>
PixelRows<T>::PixelRows(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : geometry_(geometry), kernels_(&kernels) {
  constexpr Index size = sizeof(T);
  const Index useful = useful_threads(tuning_of(kernels), geometry, threads);
  const Index channels = larger(1, geometry.out_channels);
  const Index pixels = larger(1, smaller(pixels_of_strip(geometry, size), sum_bytes / size / channels));
  TaskLimits limits{};
  limits.blocking = {pixels, most_taps_of_block, strip_bytes / size, true};
  limits.fewest_pixels = kernels::max_strip_rows * kernels.lanes;
  limits.channel_step = limits.fewest_channels = channels;  // they share the strip
  limits.results = INT64_MAX;                               // as `pixels` has seen to
  TaskCost cost;
  cost.pixel_unit = kernels.lanes;
  cost.strip_element = 16;
  tasks_ = CorrelationTasks(tuning_of(kernels), geometry, limits, cost, useful);
  threads_ = static_cast<int>(larger(1, smaller(useful, tasks_.count())));

  const Blocking& blocking = tasks_.blocking();
  keeps_sums_ = blocking.tap_blocks() > 1;
  const Index columns = most_columns_of_rows();
  const Index column_sums = kernels::max_strip_rows * kernels.lanes;
  WorkspaceLayout worker;
  tables_ = worker.reserve<Tables>(1);
  strip_ = worker.reserve<T>(blocking.strip_room() + 2 * kernels.lanes);
  start_ = worker.reserve<T>(kernels.lanes);
  sums_ = worker.reserve<T>(column_sums * (keeps_sums_ ? channels * columns : kernels::max_strip_vectors));
  if (!keeps_sums_) stream_ = OutputStream<T>(geometry);
  gathered_ = worker.reserve<T>(stream_.elements(blocking));
  tiles_ = worker.reserve<Tile>(columns);
  vector_offsets_ = worker.reserve<Index>(columns);
  result_offsets_ = worker.reserve<Index>(columns);
  sum_offsets_ = worker.reserve<Index>(kernels::max_strip_vectors);
  no_offsets_ = worker.reserve<Index>(kernels::max_strip_vectors);
  columns_ = worker.reserve<Index>(columns);
  plane_offsets_ = worker.reserve<Index>(blocking.most_taps());
  plane_weights_ = worker.reserve<Index>(blocking.most_taps());
  column_offsets_ = worker.reserve<Index>(blocking.most_row_taps());
  all_rows_ = worker.reserve<bool>(channels);
  worker_bytes_ = worker.bytes();

  const Index last = (geometry.output[1] - 1) * geometry.stride[1] + (geometry.kernel[1] - 1) * geometry.dilation[1];
  meets_border_ = geometry.padding[1] > 0 || last - geometry.padding[1] >= geometry.input[1];
  traffic_ = StripTraffic<T>(geometry);
}

// Columns of up to max_strip_rows rows, one vector wide.
template <class T>
Index PixelRows<T>::most_columns_of_rows() const noexcept {
  const Blocking& blocking = tasks_.blocking();
  return blocking.most_rows() * divide_up(blocking.most_columns(), kernels_->lanes);
}

template <class T>
void PixelRows<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  const Tensor<const T>& input = operands.input;
  const Weights<T>& weights = operands.weights;
  const Bias<T>& bias = operands.bias;
  const Tensor<T>& output = operands.output;
  for (int number = 0; number < threads_; ++number)
    at_offset<Tables>(workspace, static_cast<std::size_t>(number) * worker_bytes_ + tables_)->pixels.images = 0;
  parallel_for(threads_, tasks_.count(), [&](Index index, int number) {
    void* area = at_offset<char>(workspace, static_cast<std::size_t>(number) * worker_bytes_);
    const Worker worker{at_offset<Tables>(area, tables_),
                        at_offset<T>(area, strip_),
                        at_offset<T>(area, start_),
                        at_offset<T>(area, sums_),
                        at_offset<T>(area, gathered_),
                        at_offset<Tile>(area, tiles_),
                        at_offset<Index>(area, vector_offsets_),
                        at_offset<Index>(area, result_offsets_),
                        at_offset<Index>(area, sum_offsets_),
                        at_offset<Index>(area, no_offsets_),
                        at_offset<Index>(area, columns_),
                        at_offset<Index>(area, plane_offsets_),
                        at_offset<Index>(area, plane_weights_),
                        at_offset<Index>(area, column_offsets_),
                        at_offset<bool>(area, all_rows_)};
    // What this worker, or another soon, does after it.
    const CorrelationTask next = tasks_.task(smaller(index + threads_, tasks_.count() - 1));
    run_task(tasks_.task(index), next, input, weights, bias, output, worker);
    stream_.finish(*kernels_);
  });
}

// Lays vectors over the pixels of a block, as they lie in the strip, and joins to tiles what is alike.
template <class T>
void PixelRows<T>::make_tables(const PixelBlock& pixels, const TapBlock& taps, const StripShape& shape,
                               const Weights<T>& weights, const Tensor<T>& to, const Worker& worker) const noexcept {
  Tables& tables = *worker.tables;
  const Index lanes = kernels_->lanes;
  const Index width = pixels.size[2];
  tables.direct = !keeps_sums_ && to.axis[2] == 1 && width >= lanes;
  tables.tiles = 0;
  const Index height = pixels.size[1];
  const Index groups = divide_up(height, kernels::max_strip_rows);
  Index vectors = 0;
  for (Index group = 0; group < groups; ++group) {
    const Index j = height * group / groups;
    const Index rows = height * (group + 1) / groups - j;
    const Index under = taps.size[1] + rows - 1;
    const Range existing = places_within(
        (pixels.first[1] + j) * geometry_.stride[1] - geometry_.padding[1] + taps.first[1] * geometry_.dilation[1],
        geometry_.dilation[1], under, geometry_.input[1]);
    for (Index n = 0; n < pixels.images; ++n)
      for (Index i = 0; i < pixels.size[0]; ++i)
        for (Index begin = 0; begin < width; begin += lanes) {
          // The last vector reaches back over pixels of the one before, for the same results.
          const Index k = tables.direct ? smaller(begin, width - lanes) : begin;
          const Tile* last = tables.tiles > 0 ? &worker.tiles[tables.tiles - 1] : nullptr;
          if (last == nullptr || last->rows != rows || last->first != existing.first || last->last != existing.last)
            worker.tiles[tables.tiles++] = {vectors, 0, rows, existing.first, existing.last};
          ++worker.tiles[tables.tiles - 1].vectors;
          worker.vector_offsets[vectors] = shape.row_offset(n, i, j) + k;
          worker.result_offsets[vectors] = n * to.outer + i * to.axis[0] + j * to.axis[1] + k * to.axis[2];
          worker.columns[vectors] = smaller(lanes, width - k);
          ++vectors;
        }
  }
  tables.vectors = vectors;
  split_tiles(worker);
  for (Index v = 0; v < kernels::max_strip_vectors; ++v) {
    worker.sum_offsets[v] = v * kernels::max_strip_rows * lanes;
    worker.no_offsets[v] = 0;
  }

  const TapBlock planes{taps.first_channel, taps.channels, {taps.first[0], 0, 0}, {taps.size[0], 1, 1}, 0};
  shape.fill_tap_offsets(planes, worker.plane_offsets);
  fill_weight_offsets(weights, planes, worker.plane_weights);
  const TapBlock row{0, 1, {0, 0, 0}, {1, 1, taps.size[2]}, 0};
  shape.fill_tap_offsets(row, worker.column_offsets);
  Index rows[2] = {0, 0};
  shape.fill_tap_offsets({0, 1, {0, 0, 0}, {1, 2, 1}, 0}, rows);
  tables.source_row = rows[1];
}

// Each run of vectors that are alike into tiles of nearly the same size.
template <class T>
void PixelRows<T>::split_tiles(const Worker& worker) const noexcept {
  const auto count_of = [&](const Tile& run) { return divide_up(run.vectors, kernels_->strip_vectors[run.rows - 1]); };
  const Index runs = worker.tables->tiles;
  Index tiles = 0;
  for (Index r = 0; r < runs; ++r) tiles += count_of(worker.tiles[r]);
  worker.tables->tiles = tiles;
  for (Index r = runs - 1; r >= 0; --r) {
    const Tile run = worker.tiles[r];
    const Index count = count_of(run);
    for (Index i = count - 1; i >= 0; --i) {
      const Index first = run.vectors * i / count;
      worker.tiles[--tiles] = {run.vector + first, run.vectors * (i + 1) / count - first, run.rows, run.first,
                               run.last};
    }
  }
}

template <class T>
void PixelRows<T>::run_task(const CorrelationTask& task, const CorrelationTask& following, const Tensor<const T>& input,
                            const Weights<T>& weights, const Bias<T>& bias, const Tensor<T>& output,
                            const Worker& worker) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const Blocking& blocking = tasks_.blocking();
  const PixelBlock pixels = task.pixels;
  const Index group = task.group;
  const Index channels = geometry_.out_channels;
  Tensor<const T> group_input = input;
  group_input.data += group * geometry_.in_channels * input.inner;
  Tensor<T> block_output = at_block(output, pixels);
  block_output.data += group * channels * output.inner;
  const bool streams = stream_.takes(pixels, block_output);
  const bool gathers = streams && !stream_.in_lines(pixels, block_output);
  const Tensor<T> to = gathers ? stream_.gathered(pixels, worker.gathered) : block_output;

  Tables& tables = *worker.tables;
  const Index lanes = kernels_->lanes;
  for (Index t = 0; t < blocking.tap_blocks(); ++t) {
    timer.next(Phase::packing_input);
    const TapBlock taps = blocking.tap_block(t);
    StripShape shape(geometry_, pixels.images, pixels.size, taps.channels, taps.size,
                     StripShape::Order::pixels_adjacent);
    const T* strip = worker.strip;
    const Index channels_left = (geometry_.groups - group) * geometry_.in_channels;
    const bool in_place = shape.in_place(geometry_, pixels, taps, group_input, channels_left, lanes, strip);
    if (!in_place) shape.pack(*kernels_, geometry_, pixels, taps, group_input, worker.strip);
    if (!alike(geometry_, tables.pixels, pixels) || tables.first_tap != taps.first_tap || tables.in_place != in_place ||
        tables.gathers != gathers) {
      tables.pixels = pixels;
      tables.first_tap = taps.first_tap;
      tables.in_place = in_place;
      tables.gathers = gathers;
      make_tables(pixels, taps, shape, weights, to, worker);
    }

    timer.next(Phase::multiplying);
    AfterStrip<T> after;
    if (t + 1 == blocking.tap_blocks())
      after = traffic_.after(geometry_, pixels, to, following, input, in_place, channels * tables.tiles);
    if (streams) after.results = {};
    const bool fresh = t == 0;
    const bool complete = t + 1 == blocking.tap_blocks();
    kernels::RowsAddress address{worker.plane_offsets,
                                 worker.plane_weights,
                                 taps.channels * taps.size[0],
                                 taps.size[1],
                                 taps.size[2],
                                 tables.source_row,
                                 worker.column_offsets,
                                 weights.axis[1],
                                 weights.axis[2],
                                 nullptr,
                                 0,
                                 0,
                                 streams && !gathers};
    for (Index channel = 0; channel < channels; ++channel) {
      Weights<T> of_channel = weights;
      of_channel.data += group * weights.group + channel * weights.lane;
      // With an infinite or nan weight, zeros on the border count.
      if (fresh)
        worker.all_rows[channel] =
            meets_border_ && !weights_are_finite(*kernels_, of_channel, 1, geometry_.in_channels, geometry_.kernel);
      const bool all_rows = worker.all_rows[channel];
      const T* block_weights = of_channel.data + taps.first_channel * weights.channel;
      for (int a = 0; a < axes; ++a) block_weights += taps.first[a] * weights.axis[a];
      if (fresh) {
        const T value = bias.of(group * channels + channel);
        for (Index e = 0; e < lanes; ++e) worker.start[e] = value;
      }
      Index written = 0;
      for (Index i = 0; i < tables.tiles; ++i) {
        const Tile& tile = worker.tiles[i];
        address.vector = worker.vector_offsets + tile.vector;
        address.first = all_rows ? 0 : tile.first;
        address.last = all_rows ? taps.size[1] + tile.rows - 1 : tile.last;
        kernels::RowVectors<T> result{to.data + channel * to.inner, worker.result_offsets + tile.vector, to.axis[1]};
        if (!tables.direct) {
          result = {worker.sums, worker.sum_offsets, lanes};
          if (keeps_sums_) result.data += (channel * tables.vectors + tile.vector) * kernels::max_strip_rows * lanes;
        }
        kernels::RowVectors<const T> start{worker.start, worker.no_offsets, 0};
        if (!fresh) start = {result.data, result.vector, result.row};
        after.step();
        kernels_->row_tile[tile.rows - 1][tile.vectors - 1](block_weights, strip, address, start, result);
        if (!tables.direct && complete) store(tile, result.data, to, channel, worker);
        if (gathers)
          written = stream_.write(*kernels_, pixels, worker.gathered, written, complete_pixels(i, pixels, worker),
                                  block_output.data + channel * block_output.inner, block_output.outer);
      }
    }
  }
}

// Before the first row of the vector after this tile, where vectors follow the order of pixels.
template <class T>
Index PixelRows<T>::complete_pixels(Index tile, const PixelBlock& pixels, const Worker& worker) const noexcept {
  if (tile + 1 == worker.tables->tiles) return pixels.count();
  if (pixels.images > 1 || pixels.size[0] > 1) return 0;
  return worker.result_offsets[worker.tiles[tile + 1].vector] / pixels.size[2] * pixels.size[2];
}

template <class T>
void PixelRows<T>::store(const Tile& tile, const T* sums, const Tensor<T>& to, Index channel,
                         const Worker& worker) const noexcept {
  for (Index v = 0; v < tile.vectors; ++v) {
    const Index columns = worker.columns[tile.vector + v];
    const T* from = sums + worker.sum_offsets[v];
    T* first = to.data + channel * to.inner + worker.result_offsets[tile.vector + v];
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

#include "algorithms/gemm/ways/groups_by_lane.hpp"

#include <algorithm>

#include "algorithms/common/pixel_box.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/tasks/run_correlation.hpp"
#include "algorithms/gemm/write/unpack.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

template <class T>
bool GroupsByLane<T>::serves(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  const Index weights =
      saturating_product(saturating_product(geometry.out_channels, geometry.in_channels),
                         saturating_product(geometry.taps_per_channel(), kernels.lanes * Index{sizeof(T)}));
  return geometry.groups > 1 && weights <= tuning_of(kernels).lanes_most_weights;
}

template <class T>
bool GroupsByLane<T>::suits_adjacent_channels(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  return tuning.lanes_in_nhwc > 0 && geometry.in_channels == 1 && geometry.out_channels == 1 &&
         geometry.groups >= tuning.lanes_fewest_groups && serves(geometry, kernels);
}

template <class T>
GroupsByLane<T>::GroupsByLane(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : geometry_(geometry), kernels_(&kernels) {
  const Tuning& tuning = tuning_of(kernels);
  const Index vector_bytes = kernels.lanes * Index{sizeof(T)};
  // Every block of groups is cut like one group whose elements are vectors.
  Geometry blocks = geometry;
  blocks.groups = divide_up(geometry.groups, kernels.lanes);
  const Index channels = larger(1, geometry.out_channels);
  TaskLimits limits{};
  limits.blocking = {larger(1, tuning.lanes_result_bytes / vector_bytes), most_taps_of_block,
                     larger(1, tuning.lanes_strip_bytes / vector_bytes), true};
  limits.fewest_pixels = kernels::max_lane_rows * kernels::max_lane_columns;
  limits.channel_step = limits.fewest_channels = channels;  // they share the strip
  limits.results = INT64_MAX;
  TaskCost cost;
  cost.strip_element = tuning.lanes_cost_of_copy;
  const Index useful = useful_threads(tuning, geometry, threads);
  tasks_ = CorrelationTasks(tuning, blocks, limits, cost, useful);

  const Blocking& blocking = tasks_.blocking();
  const Index kept = blocking.tap_blocks() > 1 ? channels : 1;
  areas_.workers = workers_for(tasks_.count(), useful);
  areas_.shared.reserve(&Shared::weights, blocks.groups * channels * taps() * kernels.lanes);
  areas_.own.reserve(&Area::strip, blocking.strip_room() * kernels.lanes);
  areas_.own.reserve(&Area::dense, lane_strip_chunk * kernels.lanes);
  areas_.own.reserve(&Area::results, kept * blocking.most_pixels() * kernels.lanes);
  areas_.own.reserve(&Area::start, kernels.lanes);
  areas_.own.reserve(&Area::tap_offsets, blocking.most_taps());
}

template <class T>
void GroupsByLane<T>::describe(Text& text) const noexcept {
  text.line("way", "%s", "groups_by_lane");
  tasks_.describe(text);
  text.line("copies",
            "weights, %lld groups side by side; their input into a strip of vectors; results transposed, or "
            "copied where channels are neighbors",
            static_cast<long long>(kernels_->lanes));
}

// Those of one block of groups: as a panel whose lanes are groups, one for each output channel.
template <class T>
void GroupsByLane<T>::pack_weights_of(Index block, const Weights<T>& weights, T* packed) const noexcept {
  Weights<T> from = weights;
  from.lane = weights.group;
  for (Index channel = 0; channel < geometry_.out_channels; ++channel) {
    from.data = weights.data + block * kernels_->lanes * weights.group + channel * weights.lane;
    pack_weights(*kernels_, from, geometry_.in_channels, geometry_.kernel,
                 groups_of_block(geometry_.groups, kernels_->lanes, block), kernels_->lanes,
                 packed + channel * taps() * kernels_->lanes);
  }
}

template <class T>
void GroupsByLane<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  const Index lanes = kernels_->lanes;
  const Index blocks = divide_up(geometry_.groups, lanes);
  const Index of_block = geometry_.out_channels * taps() * lanes;
  T* const packed = areas_.shared_in(workspace).weights;
  {
    const PhaseTimer timer(Phase::packing_weights);
    parallel_for(areas_.workers, blocks,
                 [&](Index block, int) { pack_weights_of(block, operands.weights, packed + block * of_block); });
  }
  run_correlation(tasks_, areas_, operands, workspace, [&](const CorrelationStep<T>& step, const Area& area) {
    run_task(step.task, operands, packed + step.task.group * of_block, area);
  });
}

template <class T>
void GroupsByLane<T>::run_task(const CorrelationTask& task, const CorrelationOperands<T>& operands, const T* weights,
                               const Area& area) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const Index lanes = kernels_->lanes;
  const PixelBlock& pixels = task.pixels;
  const Index groups = groups_of_block(geometry_.groups, lanes, task.group);
  const Index first_group = task.group * lanes;
  const Index channels = geometry_.out_channels;
  Tensor<const T> input = operands.input;
  input.data += first_group * geometry_.in_channels * input.inner;
  Tensor<T> to = at_block(operands.output, pixels);
  to.data += first_group * channels * to.inner;
  Tensor<T> of_channel = to;
  of_channel.inner = channels * to.inner;  // from one group to the next
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  const Blocking& blocking = tasks_.blocking();
  const Index tap_blocks = blocking.tap_blocks();
  for (Index t = 0; t < tap_blocks; ++t) {
    timer.next(Phase::packing_input);
    const TapBlock taps_here = blocking.tap_block(t);
    const LaneStrip strip{
        area.strip,
        {geometry_, pixels.images, pixels.size, taps_here.channels, taps_here.size, StripShape::Order::pixels_adjacent},
        taps_here,
        t == 0,
        t + 1 == tap_blocks};
    strip.shape.pack_lanes(*kernels_, geometry_, pixels, taps_here, input, geometry_.in_channels * input.inner, groups,
                           area.dense, area.strip);
    strip.shape.fill_tap_offsets(taps_here, area.tap_offsets);
    for (Index tap = 0; tap < taps_here.count(); ++tap) area.tap_offsets[tap] *= lanes;
    for (Index channel = 0; channel < channels; ++channel) {
      timer.next(Phase::multiplying);
      for (Index g = 0; g < groups; ++g) area.start[g] = operands.bias.of((first_group + g) * channels + channel);
      std::fill(area.start + groups, area.start + lanes, T{0});
      T* results = area.results + (tap_blocks > 1 ? channel * pixels.count() * lanes : 0);
      multiply(pixels, strip, weights + (channel * taps() + taps_here.first_tap) * lanes, area.start, results,
               area.tap_offsets);
      if (!strip.last) continue;
      timer.next(Phase::storing);
      of_channel.data = to.data + channel * to.inner;
      unpack_pixels(*kernels_, static_cast<const T*>(results), lanes, box, 0, pixels.count(), groups, of_channel);
    }
  }
}

// One output channel of every group, over all pixels of the block.
template <class T>
void GroupsByLane<T>::multiply(const PixelBlock& pixels, const LaneStrip& strip, const T* weights, const T* start,
                               T* results, const Index* tap_offsets) const noexcept {
  const Index lanes = kernels_->lanes;
  const Index columns = pixels.size[2];
  const Index result_row = columns * lanes;
  const Index source_row = (strip.shape.row_offset(0, 0, 1) - strip.shape.row_offset(0, 0, 0)) * lanes;
  const kernels::LaneAddress address{
      tap_offsets, strip.taps.count(), source_row, strip.first ? 0 : result_row, strip.first ? 0 : lanes, result_row,
      lanes};
  T* to = results;
  for (Index n = 0; n < pixels.images; ++n)
    for (Index i = 0; i < pixels.size[0]; ++i)
      for (Index j = 0, rows = 0; j < pixels.size[1]; j += rows) {
        rows = smaller(kernels::max_lane_rows, pixels.size[1] - j);
        const T* from = strip.data + strip.shape.row_offset(n, i, j) * lanes;
        const EvenTiles tiles(columns, kernels_->lane_columns[rows - 1]);
        for (Index tile = 0; tile < tiles.count; ++tile) {
          const Index column = tiles.first(tile) * lanes;
          kernels_->lane_tile[rows - 1][tiles.rows(tile) - 1](weights, from + column, address,
                                                              strip.first ? start : to + column, to + column);
        }
        to += rows * result_row;
      }
}

template class GroupsByLane<float>;
template class GroupsByLane<double>;

}  // namespace convgrad::gemm

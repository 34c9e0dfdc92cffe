#include "algorithms/gemm/grad_input/group_residues.hpp"

#include <algorithm>
#include <cstring>

#include "algorithms/common/pixel_box.hpp"
#include "algorithms/gemm/panels/tiles.hpp"
#include "algorithms/gemm/write/unpack.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

namespace {

// Along an axis, what of G the residues read: for position u that is from u + low to u + high.
struct Reach {
  Index low = 0, high = 0, count = 0;

  Reach(const Geometry& geometry, int axis) noexcept {
    bool any = false;
    for_each_residue(geometry, axis, [&](const Residue& residue) {
      const Index lowest = residue.reach - residue.dilation * (residue.taps - 1);
      low = any ? smaller(low, lowest) : lowest;
      high = any ? larger(high, residue.reach) : residue.reach;
      count = larger(count, residue.count);
      any = true;
    });
  }
};

Geometry reach_of(const Geometry& geometry, Index (&lowest)[axes]) noexcept {
  Geometry reach;
  reach.batch = geometry.batch;
  reach.groups = geometry.groups;
  reach.in_channels = geometry.out_channels;
  reach.out_channels = geometry.in_channels;
  for (int a = 0; a < axes; ++a) {
    const Reach along(geometry, a);
    lowest[a] = along.low;
    reach.input[a] = geometry.output[a];
    reach.kernel[a] = along.high - along.low + 1;
    reach.padding[a] = -along.low;
    reach.output[a] = along.count;
  }
  return reach;
}

}  // namespace

template <class T>
BlockingLimits GroupResidues<T>::limits_of(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  const Index vector_bytes = kernels.lanes * Index{sizeof(T)};
  const Index residues = geometry.stride[0] * geometry.stride[1] * geometry.stride[2];
  return {larger(1, tuning.lanes_result_bytes / vector_bytes / residues), INT64_MAX,
          larger(1, tuning.lanes_strip_bytes / vector_bytes), true};
}

template <class T>
bool GroupResidues<T>::serves(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  if (geometry.groups == 1 || geometry.multiplications() == 0) return false;
  const Tuning& tuning = tuning_of(kernels);
  bool strided = false;
  for (int a = 0; a < axes; ++a) {
    if (geometry.stride[a] > tuning.lanes_most_stride) return false;
    strided = strided || geometry.stride[a] > 1;
  }
  const double weights = static_cast<double>(geometry.in_channels) * static_cast<double>(geometry.out_channels) *
                         static_cast<double>(geometry.taps_per_channel()) * kernels.lanes * sizeof(T);
  if (!strided || weights > static_cast<double>(tuning.lanes_most_weights)) return false;
  Index lowest[axes];
  return Blocking(reach_of(geometry, lowest), limits_of(geometry, kernels)).tap_blocks() == 1;
}

template <class T>
GroupResidues<T>::GroupResidues(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : geometry_(geometry),
      reach_(reach_of(geometry, lowest_)),
      leaves_zeros_(for_each_residue(geometry, [](const Residue (&)[axes]) {})),
      kernels_(&kernels) {
  const Tuning& tuning = tuning_of(kernels);
  Geometry blocks = reach_;
  blocks.groups = divide_up(geometry.groups, kernels.lanes);
  const Index residues = geometry.stride[0] * geometry.stride[1] * geometry.stride[2];
  TaskLimits limits{};
  limits.blocking = limits_of(geometry, kernels);
  limits.fewest_pixels = kernels::max_lane_rows * kernels::max_lane_columns;
  limits.channel_step = limits.fewest_channels = larger(1, geometry.in_channels);  // they share the strip
  limits.results = INT64_MAX;
  TaskCost cost;
  cost.strip_element = tuning.lanes_cost_of_copy;
  const Index useful = useful_threads(tuning, geometry, threads);
  tasks_ = CorrelationTasks(tuning, blocks, limits, cost, useful);

  const Blocking& blocking = tasks_.blocking();
  areas_.workers = workers_for(tasks_.count(), useful);
  areas_.shared.reserve(&Shared::weights, packed_elements());
  areas_.own.reserve(&Area::strip, blocking.strip_room() * kernels.lanes);
  areas_.own.reserve(&Area::dense, lane_strip_chunk * kernels.lanes);
  areas_.own.reserve(&Area::results, blocking.most_pixels() * residues * kernels.lanes);
  areas_.own.reserve(&Area::zeros, kernels.lanes);
  areas_.own.reserve(&Area::strip_offsets, blocking.most_taps());
  areas_.own.reserve(&Area::tap_offsets, taps_of_channel());
}

template <class T>
Index GroupResidues<T>::packed_elements() const noexcept {
  return round_up(geometry_.groups, kernels_->lanes) * geometry_.in_channels * taps_of_channel();
}

template <class T>
void GroupResidues<T>::describe(Text& text) const noexcept {
  text.line("way", "%s", "group_residues");
  tasks_.describe(text);
  text.line("copies",
            "weights of %lld groups side by side; their part of G into a strip of vectors, for all residues; "
            "dV transposed, or copied where channels are neighbors",
            static_cast<long long>(kernels_->lanes));
}

// Residue after residue, those of one as a panel whose lanes are groups.
template <class T>
void GroupResidues<T>::pack_block(Index block, const Tensor<const T>& kernel, T* packed) const noexcept {
  const Index lanes = kernels_->lanes;
  Weights<T> from;
  from.lane = geometry_.out_channels * kernel.outer;  // from one group to the next
  from.channel = kernel.outer;
  for (Index channel = 0; channel < geometry_.in_channels; ++channel)
    for_each_residue(geometry_, [&](const Residue(&residue)[axes]) {
      residue_taps(residue, kernel, from.data, from.axis);
      from.data += block * lanes * from.lane + channel * kernel.inner;
      const Index taps[axes] = {residue[0].taps, residue[1].taps, residue[2].taps};
      pack_weights(*kernels_, from, geometry_.out_channels, taps,
                   groups_of_block(geometry_.groups, kernels_->lanes, block), lanes, packed);
      packed += geometry_.out_channels * taps[0] * taps[1] * taps[2] * lanes;
    });
}

template <class T>
void GroupResidues<T>::pack(const Tensor<const T>& kernel, T* packed) const noexcept {
  const PhaseTimer timer(Phase::packing_weights);
  const Index of_block = geometry_.in_channels * taps_of_channel() * kernels_->lanes;
  parallel_for(areas_.workers, divide_up(geometry_.groups, kernels_->lanes),
               [&](Index block, int) { pack_block(block, kernel, packed + block * of_block); });
}

template <class T>
void GroupResidues<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& kernel, const T* packed,
                           const Tensor<T>& grad_input, void* workspace) const noexcept {
  if (packed == nullptr) {
    T* to = areas_.shared_in(workspace).weights;
    pack(kernel, to);
    packed = to;
  }
  const Index of_block = geometry_.in_channels * taps_of_channel() * kernels_->lanes;
  run_tasks(tasks_, areas_, workspace, [&](Index index, Index, const Area& area) {
    const CorrelationTask task = tasks_.task(index);
    run_task(task, grad_output, packed + task.group * of_block, grad_input, area);
  });
}

// A task's positions: u of each residue, and all of them as a box of dV.
template <class T>
struct GroupResidues<T>::Block {
  PixelBlock positions;
  PixelBlock of_input;
  StripShape shape;
};

template <class T>
void GroupResidues<T>::run_task(const CorrelationTask& task, const Tensor<const T>& grad_output, const T* weights,
                                const Tensor<T>& grad_input, const Area& area) const noexcept {
  PhaseTimer timer(Phase::packing_input);
  const Index lanes = kernels_->lanes;
  const Index groups = groups_of_block(geometry_.groups, lanes, task.group);
  const TapBlock all{0, reach_.in_channels, {}, {reach_.kernel[0], reach_.kernel[1], reach_.kernel[2]}, 0};
  Block block{
      task.pixels,
      task.pixels,
      {reach_, task.pixels.images, task.pixels.size, all.channels, all.size, StripShape::Order::pixels_adjacent}};
  for (int a = 0; a < axes; ++a) {
    block.of_input.first[a] = task.pixels.first[a] * geometry_.stride[a];
    block.of_input.size[a] =
        smaller(task.pixels.size[a] * geometry_.stride[a], geometry_.input[a] - block.of_input.first[a]);
  }
  Tensor<const T> from = grad_output;
  from.data += task.group * lanes * geometry_.out_channels * from.inner;
  block.shape.pack_lanes(*kernels_, reach_, block.positions, all, from, geometry_.out_channels * from.inner, groups,
                         area.dense, area.strip);
  block.shape.fill_tap_offsets(all, area.strip_offsets);
  std::fill_n(area.zeros, lanes, T{0});

  Tensor<T> to = at_block(grad_input, block.of_input);
  const Index next_channel = to.inner;
  to.data += task.group * lanes * geometry_.in_channels * to.inner;
  to.inner *= geometry_.in_channels;  // from one group to the next
  const PixelBlock& box = block.of_input;
  for (Index channel = 0; channel < geometry_.in_channels; ++channel, to.data += next_channel) {
    timer.next(Phase::multiplying);
    if (leaves_zeros_) std::memset(area.results, 0, static_cast<std::size_t>(box.count() * lanes) * sizeof(T));
    for_each_residue(geometry_, [&](const Residue(&residue)[axes]) {
      multiply(block, residue, weights, area);
      weights += geometry_.out_channels * residue[0].taps * residue[1].taps * residue[2].taps * lanes;
    });
    timer.next(Phase::storing);
    unpack_pixels(*kernels_, static_cast<const T*>(area.results), lanes,
                  {box.images, {box.size[0], box.size[1], box.size[2]}}, 0, box.count(), groups, to);
  }
}

// Where what meets the residue's taps lies in the strip, in the order of its weights.
template <class T>
Index GroupResidues<T>::fill_tap_offsets(const Residue (&residue)[axes], const Area& area) const noexcept {
  Index first[axes];
  for (int a = 0; a < axes; ++a) first[a] = residue[a].reach - residue[a].dilation * (residue[a].taps - 1) - lowest_[a];
  Index count = 0;
  for (Index o = 0; o < geometry_.out_channels; ++o)
    for (Index i = 0; i < residue[0].taps; ++i)
      for (Index j = 0; j < residue[1].taps; ++j)
        for (Index k = 0; k < residue[2].taps; ++k) {
          const Index plane = o * reach_.kernel[0] + first[0] + i * residue[0].dilation;
          const Index row = plane * reach_.kernel[1] + first[1] + j * residue[1].dilation;
          const Index tap = row * reach_.kernel[2] + first[2] + k * residue[2].dilation;
          area.tap_offsets[count++] = area.strip_offsets[tap] * kernels_->lanes;
        }
  return count;
}

template <class T>
void GroupResidues<T>::multiply(const Block& block, const Residue (&residue)[axes], const T* weights,
                                const Area& area) const noexcept {
  const Index lanes = kernels_->lanes;
  const PixelBlock& positions = block.positions;
  const PixelBlock& box = block.of_input;
  Index count[axes];  // of the block's positions, that the residue has
  for (int a = 0; a < axes; ++a) count[a] = smaller(positions.size[a], residue[a].count - positions.first[a]);
  if (count[0] <= 0 || count[1] <= 0 || count[2] <= 0) return;
  const Index* const stride = geometry_.stride;
  const Index row = box.size[2] * lanes;
  const Index source_row = (block.shape.row_offset(0, 0, 1) - block.shape.row_offset(0, 0, 0)) * lanes;
  const kernels::LaneAddress address{
      area.tap_offsets, fill_tap_offsets(residue, area), source_row, 0, 0, stride[1] * row, stride[2] * lanes};
  for (Index n = 0; n < positions.images; ++n)
    for (Index i = 0; i < count[0]; ++i)
      for (Index j = 0, rows = 0; j < count[1]; j += rows) {
        rows = smaller(kernels::max_lane_rows, count[1] - j);
        const T* from = area.strip + block.shape.row_offset(n, i, j) * lanes;
        const Index plane = n * box.size[0] + residue[0].first + i * stride[0];
        T* to =
            area.results + (plane * box.size[1] + residue[1].first + j * stride[1]) * row + residue[2].first * lanes;
        const EvenTiles tiles(count[2], kernels_->lane_columns[rows - 1]);
        for (Index tile = 0; tile < tiles.count; ++tile)
          kernels_->lane_tile[rows - 1][tiles.rows(tile) - 1](weights, from + tiles.first(tile) * lanes, address,
                                                              area.zeros, to + tiles.first(tile) * stride[2] * lanes);
      }
}

template class GroupResidues<float>;
template class GroupResidues<double>;

}  // namespace convgrad::gemm

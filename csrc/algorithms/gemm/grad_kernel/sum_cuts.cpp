#include "algorithms/gemm/grad_kernel/sum_cuts.hpp"

#include <algorithm>

#include "algorithms/tuning.hpp"

namespace convgrad::gemm {

namespace {

// One for each `multiplications` of the whole layer, but no more than `most`.
Index parts_by_work(const Geometry& geometry, double multiplications, Index most) noexcept {
  const double parts = 1 + geometry.multiplications() / multiplications;
  return parts < static_cast<double>(most) ? static_cast<Index>(parts) : most;
}

// So that all items together have so many, and each part at least one block.
Index parts_by_count(const GradKernelTasks& tasks, Index wanted) noexcept {
  return smaller(divide_up(wanted, larger(1, tasks.items())), tasks.blocking().pixel_blocks());
}

// As many as share a strip: more where there are fewer taps to keep sums for.
template <class T>
Index most_channels_of_item(const Geometry& geometry) noexcept {
  namespace order = sum_order::channel_sums;
  const Index taps = larger(1, geometry.in_channels * geometry.taps_per_channel());
  const Index fitting = order::item_bytes / Index{sizeof(T)} / taps / widest_panel<T> * widest_panel<T>;
  const Index most = smaller(order::most_channels_of_item, larger(order::fewest_channels_of_item, fitting));
  const Index ranges = divide_up(geometry.out_channels, most);
  return larger(1, divide_up(geometry.out_channels, larger(1, ranges)));
}

// A 1x1 kernel's blocks are copied in pieces, if at all, so no strip limits their channels.
template <class T>
BlockingLimits limits_of_pixel_sums(const Geometry& geometry, Index channels) noexcept {
  namespace order = sum_order::pixel_sums;
  constexpr Index size = sizeof(T);
  const Index taps = order::item_bytes / size / kernels::sum_lanes<T> / channels;
  if (geometry.taps_per_channel() > 1) return {order::block_pixels, taps, order::strip_bytes / size, true};
  return {order::block_pixels, smaller(taps, order::channel_bytes_1x1 / size), INT32_MAX, true};
}

}  // namespace

template <class T>
GradKernelTasks cut_channel_sums(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  namespace order = sum_order::channel_sums;
  constexpr Index size = sizeof(T);
  const Index channels = most_channels_of_item<T>(geometry);
  const Index padded = round_up(channels, widest_panel<T>);
  const Index row = geometry.output[2] <= order::longest_row ? geometry.output[2] : 1;
  const Tuning& tuning = tuning_of(kernels);
  ItemCost cost;
  cost.channel_unit = kernels.lanes;
  cost.strip_element = tuning.channel_sums_strip_cost;
  cost.grad_output = tuning.channel_sums_grad_cost;
  const BlockingLimits limits{larger(order::block_pixels, row), order::item_bytes / size / padded,
                              order::strip_bytes / size, false};
  GradKernelTasks tasks(geometry, limits, channels, cost);

  const Index sums = saturating_product(padded * tasks.blocking().most_taps(), tasks.items());
  const Index by_work = parts_by_work(geometry, order::part_multiplications, order::parts_wanted);
  const Index by_memory = order::all_parts_bytes / size / larger(1, sums);
  tasks.set_parts(smaller(smaller(by_work, by_memory), parts_by_count(tasks, order::parts_wanted)));
  return tasks;
}

template <class T>
GradKernelTasks cut_pixel_sums(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  namespace order = sum_order::pixel_sums;
  constexpr Index size = sizeof(T);
  constexpr Index lanes = kernels::sum_lanes<T>;
  const Index channels = larger(1, geometry.out_channels);
  const Tuning& tuning = tuning_of(kernels);
  ItemCost cost;
  cost.column_unit = lanes;
  cost.strip_element = tuning.pixel_sums_strip_cost;
  cost.grad_output = tuning.pixel_sums_grad_cost;
  GradKernelTasks tasks(geometry, limits_of_pixel_sums<T>(geometry, channels), channels, cost);

  const Index values = channels * tasks.blocking().most_taps();
  const double fewest = static_cast<double>(values * lanes) * order::part_vectors;
  const Index by_work = parts_by_work(geometry, std::max(order::part_multiplications, fewest), order::parts_wanted);
  const Index by_memory = order::all_parts_bytes / size / larger(1, saturating_product(tasks.items(), values));
  tasks.set_parts(smaller(smaller(by_work, by_memory), parts_by_count(tasks, order::parts_wanted)));
  return tasks;
}

// Blocks of groups are cut like one group whose elements are vectors. How many groups make a block depends on the
// kernel set; blocks of pixels and parts do not.
template <class T>
GradKernelTasks cut_group_sums(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  namespace order = sum_order::group_sums;
  Geometry blocks = geometry;
  blocks.groups = divide_up(geometry.groups, kernels.lanes);
  ItemCost cost;
  cost.strip_element = cost.grad_output = tuning_of(kernels).lanes_cost_of_copy;
  const Index channels = larger(1, geometry.out_channels);
  const Index taps = larger(1, order::item_vectors / channels);
  GradKernelTasks tasks(blocks, {order::block_pixels, taps, order::strip_vectors, true}, channels, cost);
  const Index counted = divide_up(geometry.groups, order::lanes_counted);
  const Index by_work = parts_by_work(geometry, order::part_multiplications, order::parts_wanted);
  const Index by_count = smaller(divide_up(order::parts_wanted, larger(1, counted)), tasks.blocking().pixel_blocks());
  const Index sums = saturating_product(saturating_product(geometry.groups, channels),
                                        geometry.in_channels * geometry.taps_per_channel());
  const Index by_memory = order::all_parts_bytes / Index{sizeof(T)} / larger(1, sums);
  tasks.set_parts(smaller(smaller(by_work, by_memory), by_count));
  return tasks;
}

template GradKernelTasks cut_group_sums<float>(const Geometry&, const kernels::KernelSet<float>&) noexcept;
template GradKernelTasks cut_group_sums<double>(const Geometry&, const kernels::KernelSet<double>&) noexcept;
template GradKernelTasks cut_channel_sums<float>(const Geometry&, const kernels::KernelSet<float>&) noexcept;
template GradKernelTasks cut_channel_sums<double>(const Geometry&, const kernels::KernelSet<double>&) noexcept;
template GradKernelTasks cut_pixel_sums<float>(const Geometry&, const kernels::KernelSet<float>&) noexcept;
template GradKernelTasks cut_pixel_sums<double>(const Geometry&, const kernels::KernelSet<double>&) noexcept;

}  // namespace convgrad::gemm

#include "algorithms/gemm/ways/strip_blocks.hpp"

#include <algorithm>

namespace convgrad::gemm {

Index most_pixels_of_strip(const Tuning& tuning, const Geometry& geometry, Index size) noexcept {
  const Index bytes = geometry.taps_per_channel() == 1 ? tuning.strips_cached_bytes : tuning.strips_small_bytes;
  return smaller(tuning.strips_most_pixels, bytes / size / larger(1, geometry.in_channels));
}

Index pixels_of_strip(const Tuning& tuning, const Geometry& geometry, Index size) noexcept {
  const double multiplications = static_cast<double>(geometry.out_channels) *
                                 static_cast<double>(geometry.in_channels * geometry.taps_per_channel());
  const Index copied_again = (geometry.kernel[1] - 1) * geometry.dilation[1];
  const double by_work = tuning.strips_block_multiplications / std::max(1.0, multiplications);
  const double by_rows = tuning.strips_rows_per_row_copied_again * static_cast<double>(copied_again) *
                         static_cast<double>(geometry.output[2]);
  const double wanted = std::max(by_work, by_rows);
  const Index most = most_pixels_of_strip(tuning, geometry, size);
  return larger(tuning.strips_fewest_pixels, wanted > static_cast<double>(most) ? most : static_cast<Index>(wanted));
}

template <class T>
CorrelationTasks strip_tasks(const Geometry& geometry, const kernels::KernelSet<T>& kernels, const StripLimits& limits,
                             Index workers) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  TaskLimits of_task{};
  of_task.blocking = {limits.pixels, most_taps_of_block, limits.strip_elements, true};
  of_task.fewest_pixels = limits.fewest_pixels;
  of_task.channel_step = of_task.fewest_channels = larger(1, geometry.out_channels);
  of_task.results = INT64_MAX;  // as limits.pixels has seen to
  TaskCost cost;
  cost.pixel_unit = kernels.lanes;
  cost.strip_element = tuning.strips_element_cost;
  return {tuning, geometry, of_task, cost, workers};
}

template CorrelationTasks strip_tasks<float>(const Geometry&, const kernels::KernelSet<float>&, const StripLimits&,
                                             Index) noexcept;
template CorrelationTasks strip_tasks<double>(const Geometry&, const kernels::KernelSet<double>&, const StripLimits&,
                                              Index) noexcept;

}  // namespace convgrad::gemm

#include "algorithms/gemm/ways/from_panels/panel_blocks.hpp"

#include "algorithms/common/machine.hpp"
#include "algorithms/tuning.hpp"

namespace convgrad::gemm {

namespace {

// That the panels of a run may take.
template <class T>
Index run_bytes(const Tuning& tuning) noexcept {
  const auto share = static_cast<Index>(tuning.panels_cache_share * static_cast<double>(second_level_bytes()));
  return smaller(tuning.panels_block_pixels * tuning.panels_run_taps * Index{sizeof(T)}, share);
}

// Blocks of few taps have more pixels, as long as their panels leave room in the second-level cache.
template <class T>
Index pixels_per_block(const Tuning& tuning, const Geometry& geometry) noexcept {
  constexpr Index size = sizeof(T);
  const Index taps = larger(1, smaller(tuning.panels_run_taps, all_taps(geometry)));
  const Index usual = larger(1, run_bytes<T>(tuning) / (tuning.panels_run_taps * size));
  const Index many = smaller(tuning.panels_block_most_pixels, tuning.panels_block_bytes / taps / size);
  return static_cast<double>(many) < tuning.panels_block_least_gain * static_cast<double>(usual) ? usual : many;
}

// Results that are complete after one run of taps are not read again, and may be more.
template <class T>
Index most_results(const Tuning& tuning, const Geometry& geometry, Index pixels) noexcept {
  constexpr Index size = sizeof(T);
  const Index taps = all_taps(geometry);
  if (taps > tuning.panels_run_taps) return tuning.panels_result_bytes / size;
  const Index beside_panels = tuning.panels_and_result_bytes - pixels * taps * size;
  return larger(tuning.panels_result_bytes, smaller(tuning.panels_result_bytes_of_one_run, beside_panels)) / size;
}

}  // namespace

template <class T>
TaskLimits limits_of_panel_tasks(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  TaskLimits limits{};
  limits.blocking = {pixels_per_block<T>(tuning, geometry), most_taps_of_block,
                     tuning.panels_strip_bytes / Index{sizeof(T)}, true};
  limits.fewest_pixels = kernels.lanes * kernels.tile_vectors;
  limits.channel_step = 1;
  limits.fewest_channels = divide_up(kernels.tile_rows, 2);
  limits.results = most_results<T>(tuning, geometry, limits.blocking.pixels);
  limits.always_kept = true;
  return limits;
}

template <class T>
TaskCost cost_of_panel_tasks(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  TaskCost cost;
  cost.pixel_unit = kernels.lanes;
  // A vector of a panel takes a copy for each row of pixels that it meets.
  const double rows = static_cast<double>(kernels.lanes) / static_cast<double>(larger(1, geometry.output[2]));
  const bool few_rows = rows < tuning.panels_cost_few_rows;
  cost.pixel_and_tap = few_rows ? tuning.panels_cost_of_copy : tuning.panels_cost_of_copy_by_row * rows;
  cost.strip_element = geometry.taps_per_channel() == 1 ? 0 : tuning.panels_cost_of_strip_element;
  cost.weight = tuning.panels_cost_of_weight;
  return cost;
}

// Of few pixels the second-level cache holds panels of more taps, and results are read and written again less often.
template <class T>
Index taps_per_run_of_panels(const kernels::KernelSet<T>& kernels, Index taps_of_block, Index pixels) noexcept {
  constexpr Index size = sizeof(T);
  const Tuning& tuning = tuning_of(kernels);
  const Index by_weights =
      smaller(tuning.panels_run_most_taps, tuning.panels_run_tile_weight_bytes / (kernels.tile_rows * size));
  const Index by_panels = run_bytes<T>(tuning) / (larger(1, pixels) * size);
  const Index most = larger(tuning.panels_run_taps, smaller(by_weights, by_panels));
  return larger(1, divide_up(taps_of_block, larger(1, divide_up(taps_of_block, most))));
}

template TaskLimits limits_of_panel_tasks<float>(const Geometry&, const kernels::KernelSet<float>&) noexcept;
template TaskLimits limits_of_panel_tasks<double>(const Geometry&, const kernels::KernelSet<double>&) noexcept;
template TaskCost cost_of_panel_tasks<float>(const Geometry&, const kernels::KernelSet<float>&) noexcept;
template TaskCost cost_of_panel_tasks<double>(const Geometry&, const kernels::KernelSet<double>&) noexcept;
template Index taps_per_run_of_panels<float>(const kernels::KernelSet<float>&, Index, Index) noexcept;
template Index taps_per_run_of_panels<double>(const kernels::KernelSet<double>&, Index, Index) noexcept;

}  // namespace convgrad::gemm

// How pixels_from_panels.hpp cuts its work: how many pixels a block has, how many taps a run, how many results a task.
// All of it follows from what the caches hold: the strip, the panels of a run of taps, and the sums that wait.
#pragma once

#include "algorithms/gemm/tasks/correlation_tasks.hpp"
#include "core/geometry.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

inline Index all_taps(const Geometry& geometry) noexcept { return geometry.in_channels * geometry.taps_per_channel(); }

template <class T>
TaskLimits limits_of_panel_tasks(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;
template <class T>
TaskCost cost_of_panel_tasks(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

// Taps of a run, where a block has so many: its runs are of nearly equal length.
template <class T>
Index taps_per_run_of_panels(const kernels::KernelSet<T>& kernels, Index taps_of_block, Index pixels) noexcept;

}  // namespace convgrad::gemm

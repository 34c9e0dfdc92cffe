// How a sum is cut: which blocks its pixels come in, how many parts these make, and the largest items. Bits depend on
// all of it, so it follows from the shape and the type alone (sum_order.hpp). Items may still be made smaller and
// blocks taken together (GradKernelTasks): neither shows in the bits.
#pragma once

#include "algorithms/gemm/grad_kernel/grad_kernel_tasks.hpp"
#include "algorithms/gemm/sum_order.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// The kernel set decides only what a task is reckoned to cost.
template <class T>
GradKernelTasks cut_channel_sums(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;
template <class T>
GradKernelTasks cut_pixel_sums(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

template <class T>
GradKernelTasks cut_group_sums(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

// Lanes of the widest panel that any kernel set has.
template <class T>
inline constexpr Index widest_panel = sum_order::channel_sums::widest_panel_bytes / Index{sizeof(T)};

}  // namespace convgrad::gemm

// Panels whose rows are pixels and whose lanes are channels.
#pragma once

#include "algorithms/common/pixel_box.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// All pixels of the box into a panel. `pixels` is the box's first element.
template <class T>
void pack_pixels(const kernels::KernelSet<T>& kernels, const Tensor<const T>& pixels, const PixelBox& box, Index lanes,
                 Index width, T* panel) noexcept;

}  // namespace convgrad::gemm

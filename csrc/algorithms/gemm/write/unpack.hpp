// Results out of panels to where they belong, transposed where they have to be.
#pragma once

#include "algorithms/common/pixel_box.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// Pixels begin .. end - 1 of the box out of a panel, whose first row is pixel `begin`.
template <class T>
void unpack_pixels(const kernels::KernelSet<T>& kernels, const T* panel, Index width, const PixelBox& box, Index begin,
                   Index end, Index lanes, const Tensor<T>& pixels) noexcept;

// The same where the panel's rows are channels and its lanes are the pixels begin .. end - 1.
template <class T>
void unpack_channels(const kernels::KernelSet<T>& kernels, const T* panel, Index width, const PixelBox& box,
                     Index begin, Index end, Index channels, const Tensor<T>& pixels) noexcept;

}  // namespace convgrad::gemm

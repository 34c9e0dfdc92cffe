// The blocks of layers with few output channels, which read vectors of pixels straight from a strip: pixels_from_strip
// and pixel_rows. Their output channels share a strip, and are never cut into ranges.
#pragma once

#include "algorithms/gemm/tasks/correlation_tasks.hpp"
#include "algorithms/tuning.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

// As many pixels as have a small strip, whose elements take `size` bytes.
Index most_pixels_of_strip(const Tuning& tuning, const Geometry& geometry, Index size) noexcept;

// A block is worth its set-up with enough arithmetic, and with several times the rows that the next one copies again;
// within some sizes and while its strip is small.
Index pixels_of_strip(const Tuning& tuning, const Geometry& geometry, Index size) noexcept;

struct StripLimits {
  Index pixels;         // of a block, about
  Index fewest_pixels;  // where several threads share the layer
  Index strip_elements;
};

template <class T>
CorrelationTasks strip_tasks(const Geometry& geometry, const kernels::KernelSet<T>& kernels, const StripLimits& limits,
                             Index workers) noexcept;

}  // namespace convgrad::gemm

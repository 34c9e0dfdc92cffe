// Whether grad_input goes by columns: asked of the shape alone, since its sums have another order than the residues'.
// The numbers stand in gemm/sum_order.hpp.
#pragma once

#include "core/geometry.hpp"

namespace convgrad::gemm {

// Whether that way applies,
bool columns_serve(const Geometry& geometry) noexcept;
// and is likely the faster one.
bool prefers_columns(const Geometry& geometry) noexcept;

}  // namespace convgrad::gemm

// Numbers that a result's bits depend on: they shape the order in which a sum adds up its products. A change of one is
// a change of `bits_version`, and the hashes in tests/ fail before it is made. None may come from the machine, the
// kernel set or the number of threads. Numbers that only speed depends on stand in algorithms/tuning.hpp.
#pragma once

#include "core/index.hpp"

namespace convgrad::gemm::sum_order {

// --- grad_input: where no two taps meet, as one correlation to patches, or by columns or residues

// Lanes, each a channel and a tap: with fewer, most of a vector would be empty. Columns add up what each tap gives to
// zero, so a product that is too small for its type has another sign there.
inline constexpr Index patches_fewest_lanes = 16;

// --- grad_input: by columns or by residues

// --- grad_kernel: which of its two orders

// --- channel_sums

// --- pixel_sums

}  // namespace convgrad::gemm::sum_order

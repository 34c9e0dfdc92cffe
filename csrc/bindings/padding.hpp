// The padding argument: an int, one int per axis, one pair (before, after) per axis, or the name of a rule.
#pragma once

#include "integers.hpp"

namespace convgrad::bindings {

/// "same" and "full" become numbers only when the sizes of the problem are known. "valid" is zero on both sides.
enum class PaddingRule { given, same, full };

struct Padding {
  PaddingRule rule = PaddingRule::given;
  AxisValues before{};
  AxisValues after{};
};

Padding parse_padding(py::handle object, int rank);

/// Writes the padding into a problem whose other sizes are set.
void apply_padding(const Padding& padding, Problem& problem) noexcept;

}  // namespace convgrad::bindings

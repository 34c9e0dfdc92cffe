#include "algorithms/gemm/border/border_rows.hpp"

#include "algorithms/gemm/border/axis_border.hpp"

namespace convgrad::gemm {

double share_of_border_rows(const Geometry& geometry) noexcept {
  return geometry.output[1] > most_border_positions ? 0 : 1 - share_within_input(geometry, 1);
}

BorderRows::BorderRows(const Geometry& geometry) noexcept : geometry_(geometry) {
  range_[0] = {0, geometry.kernel[1]};
  for (Index row = 0; row < geometry.output[1]; ++row) {
    const Range range = taps_within_input(geometry, 1, row);
    if (find(range) < count_) continue;
    if (count_ == most_ranges) {
      count_ = 1;
      return;
    }
    range_[count_++] = range;
  }
}

Index BorderRows::find(Range range) const noexcept {
  Index number = 0;
  while (number < count_ && !(range_[number] == range)) ++number;
  return number;
}

Index BorderRows::range_of(Index row) const noexcept {
  return count_ == 1 ? 0 : find(taps_within_input(geometry_, 1, row));
}

}  // namespace convgrad::gemm

#include "algorithms/gemm/border/box_walk.hpp"

namespace convgrad::gemm {

BoxWalk walk_box(const Index (&size)[levels], const Range (&range)[levels], const Index* offsets) noexcept {
  int outermost = 0;
  while (outermost + 1 < levels && size[outermost] == 1) ++outermost;
  BoxWalk walk{0, {offsets, 1}};
  kernels::Reduction& reduction = walk.reduction;
  Index* count = &reduction.length;
  Index step = 1;  // from one element of a level to the next
  for (int level = levels - 1; level >= 0; --level) {
    walk.first += range[level].first * step;
    *count *= range[level].count();
    const Index skipped = (size[level] - range[level].count()) * step;
    if (skipped > 0 && level > outermost) {
      const bool first_cut = count == &reduction.length;
      (first_cut ? reduction.gap : reduction.set_gap) = skipped;
      count = first_cut ? &reduction.segments : &reduction.sets;
    }
    step *= size[level];
  }
  // Of an empty box there is one segment, too, of no length.
  if (reduction.segments * reduction.sets == 0) reduction = {offsets, 0};
  reduction.offset += walk.first;
  return walk;
}

}  // namespace convgrad::gemm

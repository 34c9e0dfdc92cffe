// Blocks of pixels cut into smaller pieces, in the order of the pixels: what tiles read at a time, or what is copied at
// once.
#pragma once

#include "algorithms/common/blocks.hpp"

namespace convgrad::gemm {

// Calls visit(piece) for pieces of a block of at most so many pixels, in their order: some images, planes or rows, or
// of a row that is longer itself, a multiple of sum_lanes as `most` then has to be.
template <class Visit>
inline void for_each_piece(const PixelBlock& block, Index most, const Visit& visit) noexcept {
  const Index size[] = {block.images, block.size[0], block.size[1], block.size[2]};
  int cut = 0;  // the axis that pieces are of; of outer ones they have one position
  Index inner = block.count() / size[0];
  while (inner > most) inner /= size[++cut];
  const Index step = most / inner;
  const Index along_cut = divide_up(size[cut], step);
  const Index pieces = block.count() / (size[cut] * inner) * along_cut;
  for (Index number = 0; number < pieces; ++number) {
    Index first[] = {0, 0, 0, 0};
    Index count[] = {size[0], size[1], size[2], size[3]};
    first[cut] = number % along_cut * step;
    count[cut] = smaller(step, size[cut] - first[cut]);
    Index outer = number / along_cut;
    for (int axis = cut - 1; axis >= 0; outer /= size[axis--]) {
      first[axis] = outer % size[axis];
      count[axis] = 1;
    }
    PixelBlock piece = block;
    piece.first_image += first[0];
    piece.images = count[0];
    for (int a = 0; a < axes; ++a) {
      piece.first[a] += first[a + 1];
      piece.size[a] = count[a + 1];
    }
    visit(piece);
  }
}

}  // namespace convgrad::gemm

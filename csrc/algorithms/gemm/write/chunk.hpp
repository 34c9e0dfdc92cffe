// A chunk of a block's pixels: so few that their sums, of one panel, are stored while they are still in the first-level
// cache.
#pragma once

#include "core/index.hpp"

namespace convgrad::gemm {

// The sums of pixels first .. last - 1 of a block and the lanes of a panel, a row of the panel's width for each pixel.
template <class T>
struct Chunk {
  const T* sums;
  Index first;
  Index last;
};

// Cuts pixels into chunks of about so many.
struct ChunkCut {
  Index pixels;
  Index lanes;  // of a vector

  // The end of the chunk that begins at `first`, of `count` pixels of which `stretch` are neighbors at a time: whole
  // vectors of one stretch, since transposing less takes longer.
  [[nodiscard]] Index end(Index first, Index count, Index stretch) const noexcept {
    if (stretch < pixels / 2) stretch = count;
    const Index within = first % stretch;
    const Index begin = first - within;
    const Index length = smaller(stretch, count - begin);
    const Index chunks = larger(1, (length + pixels / 2) / pixels);
    Index end = 0;
    for (Index chunk = 1; end <= within; ++chunk) end = smaller(length, round_up(length * chunk / chunks, lanes));
    return begin + end;
  }
};

}  // namespace convgrad::gemm

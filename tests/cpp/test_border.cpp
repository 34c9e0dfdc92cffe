// What a kernel leaves out on the border: nothing that meets the input, and on a full map as much as it says.
#include <random>
#include <set>
#include <vector>

#include "algorithms/common/blocks.hpp"
#include "algorithms/gemm/border/border_parts.hpp"
#include "algorithms/gemm/border/border_pixels.hpp"
#include "check.hpp"

using namespace convgrad;
using namespace convgrad::gemm;

namespace {

const Tuning& tuning = tuning_of(kernels::SetName::baseline);

std::size_t at(Index index) { return static_cast<std::size_t>(index); }

struct Place {
  Index position[axes];
};

Place place_of(const PixelBlock& block, Index pixel) {
  Place place{};
  for (int a = axes - 1; a >= 0; --a) {
    place.position[a] = block.first[a] + pixel % block.size[a];
    pixel /= block.size[a];
  }
  return place;
}

bool meets_input(const Geometry& g, const Place& place, const Index (&tap)[axes]) {
  for (int a = 0; a < axes; ++a) {
    const Index input = place.position[a] * g.stride[a] - g.padding[a] + tap[a] * g.dilation[a];
    if (input < 0 || input >= g.input[a]) return false;
  }
  return true;
}

std::vector<Index> count_up(Index count) {
  std::vector<Index> numbers(at(count));
  for (Index i = 0; i < count; ++i) numbers[at(i)] = i;
  return numbers;
}

// The rows of a panel that a kernel walks; and its offsets are those of the same rows.
std::vector<Index> rows_of(const BoxWalk& walk) {
  const kernels::Reduction& reduction = walk.reduction;
  std::vector<Index> rows;
  Index row = walk.first;
  const Index* offset = reduction.offset;
  for (Index set = 0; set < reduction.sets; ++set) {
    for (Index segment = 0; segment < reduction.segments; ++segment) {
      for (Index i = 0; i < reduction.length; ++i) {
        CHECK(*offset++ == row);
        rows.push_back(row++);
      }
      row += reduction.gap;
      offset += reduction.gap;
    }
    row += reduction.set_gap;
    offset += reduction.set_gap;
  }
  return rows;
}

void check_pixels(const Geometry& g, const PixelBlock& block, Index& walked, Index& met) {
  const std::vector<Index> offsets = count_up(block.count());
  for (Index i = 0; i < g.kernel[0]; ++i)
    for (Index j = 0; j < g.kernel[1]; ++j)
      for (Index k = 0; k < g.kernel[2]; ++k) {
        const Index tap[axes] = {i, j, k};
        const std::vector<Index> rows = rows_of(find_border_pixels(g, block, tap, offsets.data()));
        const std::set<Index> unique(rows.begin(), rows.end());
        CHECK(unique.size() == rows.size());
        CHECK(rows.empty() || (*unique.begin() >= 0 && *unique.rbegin() < block.count()));
        walked += static_cast<Index>(rows.size());
        for (Index pixel = 0; pixel < block.count(); ++pixel) {
          if (!meets_input(g, place_of(block, pixel), tap)) continue;
          ++met;
          CHECK(unique.count(pixel) == 1);
        }
      }
}

// Also counts the parts that are cut along two axes.
void check_parts(const Geometry& g, const BorderParts& parts, const PixelBlock& block, Index& walked, int& corners) {
  const Index taps = g.taps_per_channel();
  const std::vector<Index> offsets = count_up(g.in_channels * taps);
  std::vector<Index> order(at(block.count()));
  BorderGroup groups[BorderParts::most_parts];
  const Index count = parts.arrange(block, order.data(), groups);
  CHECK(std::set<Index>(order.begin(), order.end()).size() == order.size());
  Index next = 0;
  for (Index n = 0; n < count; ++n) {
    CHECK(groups[n].first == next && groups[n].pixels > 0 && groups[n].part < parts.count());
    next += groups[n].pixels;
    const BoxWalk walk = parts.walk(groups[n].part, offsets.data(), g.in_channels);
    const std::vector<Index> rows = rows_of(walk);
    corners += walk.reduction.gap > 0 && walk.reduction.set_gap > 0 ? 1 : 0;
    CHECK(static_cast<Index>(rows.size()) == g.in_channels * parts.taps_of(groups[n].part));
    walked += static_cast<Index>(rows.size()) * groups[n].pixels;
    const std::set<Index> unique(rows.begin(), rows.end());
    for (Index i = groups[n].first; i < next; ++i) {
      CHECK(i == groups[n].first || order[at(i)] > order[at(i - 1)]);
      const Place place = place_of(block, order[at(i)]);
      for (Index t = 0; t < taps; ++t) {
        const Index tap[axes] = {t / (g.kernel[1] * g.kernel[2]), t / g.kernel[2] % g.kernel[1], t % g.kernel[2]};
        if (!meets_input(g, place, tap)) continue;
        for (Index c = 0; c < g.in_channels; ++c) CHECK(unique.count(c * taps + t) == 1);
      }
    }
  }
  CHECK(next == block.count());
}

void check(const Geometry& g, Index pixels_per_block, int& corners) {
  const BlockingLimits limits{pixels_per_block, INT32_MAX, INT32_MAX, false};
  const Blocking blocking(g, limits);
  const BorderParts parts(g, tuning);
  Index pixels_walked = 0, pixels_met = 0, taps_walked = 0;
  for (Index b = 0; b < blocking.pixel_blocks(); ++b) {
    check_pixels(g, blocking.pixel_block(b), pixels_walked, pixels_met);
    check_parts(g, parts, blocking.pixel_block(b), taps_walked, corners);
  }
  const double all = g.multiplications() / static_cast<double>(g.out_channels);
  const auto channels = static_cast<double>(g.in_channels);
  CHECK(static_cast<double>(pixels_met) * channels > (1 - share_of_border_products(g)) * all - 0.5);
  CHECK(static_cast<double>(pixels_met) * channels < (1 - share_of_border_products(g)) * all + 0.5);
  CHECK(static_cast<double>(taps_walked) > (1 - parts.left_out()) * all - 0.5);
  CHECK(static_cast<double>(taps_walked) < (1 - parts.left_out()) * all + 0.5);
}

}  // namespace

int main() {
  std::mt19937 generator(5);
  const auto any = [&](Index low, Index high) { return std::uniform_int_distribution<Index>(low, high)(generator); };
  int with_parts = 0;
  int corners = 0;
  for (int round = 0; round < 400; ++round) {
    Geometry g;
    g.batch = any(1, 3);
    g.in_channels = any(1, 40);
    g.out_channels = 1;
    bool fits = true;
    for (int a = 0; a < axes; ++a) {
      if (a == 0 && round % 3 > 0) continue;  // two axes
      g.input[a] = any(1, a == 0 ? 4 : 11);
      g.kernel[a] = any(1, a == 0 ? 3 : 5);
      g.stride[a] = any(1, 3);
      g.dilation[a] = any(1, 3);
      g.padding[a] = any(0, 4);
      const Index after = any(0, 4);
      const Index extent = (g.kernel[a] - 1) * g.dilation[a] + 1;
      fits = fits && g.input[a] + g.padding[a] + after >= extent;
      g.output[a] = fits ? (g.input[a] + g.padding[a] + after - extent) / g.stride[a] + 1 : 1;
    }
    if (!fits) continue;
    with_parts += BorderParts(g, tuning).count() > 1 ? 1 : 0;
    check(g, any(1, 300), corners);
  }
  CHECK(with_parts > 100);
  CHECK(corners > 100);
  return finish();
}

// The micro-kernels whose lanes are groups (kernels/lane_kernels.hpp) against scalar loops, on integer data: equal, and
// nothing written beside it.
#include <vector>

#include "check.hpp"
#include "kernel_data.hpp"
#include "plan/isa.hpp"

using namespace convgrad;
using namespace convgrad::kernels;

namespace {

std::vector<int64_t> vector_offsets(int64_t count, int64_t lanes, unsigned most) {
  std::vector<int64_t> offsets(at(count));
  for (int64_t& each : offsets) each = static_cast<int64_t>(generator() % most) * lanes;
  return offsets;
}

template <class T>
void test_lane_tile(const KernelSet<T>& set, int rows, int columns, int64_t taps, bool goes_on) {
  const int64_t lanes = set.lanes;
  const std::vector<int64_t> offset = vector_offsets(taps, lanes, 20);
  const LaneAddress address{offset.data(),           taps,       40 * lanes, goes_on ? 50 * lanes : 0,
                            goes_on ? 2 * lanes : 0, 50 * lanes, 2 * lanes};
  const std::vector<T> source = integers<T>(at(100 * lanes));
  const std::vector<T> weights = integers<T>(at(taps * lanes));
  const std::vector<T> start = integers<T>(at(lanes));
  std::vector<T> result = integers<T>(at(100 * lanes));
  std::vector<T> wanted = result;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t lane = 0; lane < lanes; ++lane) {
        T& sum = wanted[at(i * address.result_row + j * address.result_column + lane)];
        if (!goes_on) sum = start[at(lane)];
        for (int64_t r = 0; r < taps; ++r)
          sum += source[at(offset[at(r)] + i * address.source_row + j * lanes + lane)] * weights[at(r * lanes + lane)];
      }
  set.lane_tile[rows - 1][columns - 1](weights.data(), source.data(), address, goes_on ? result.data() : start.data(),
                                       result.data());
  CHECK(result == wanted);
}

template <class T>
void test_lane_sums(const KernelSet<T>& set, int taps, const LanePixels& pixels) {
  const int64_t lanes = set.lanes;
  const std::vector<int64_t> offset = vector_offsets(taps, lanes, 20);
  const std::vector<T> grad = integers<T>(at(200 * lanes));
  const std::vector<T> source = integers<T>(at(200 * lanes));
  std::vector<T> sums = integers<T>(at((taps + 2) * lanes));
  std::vector<T> wanted = sums;
  for (int64_t t = 0; t < taps; ++t)
    for (int64_t row = 0; row < pixels.rows; ++row)
      for (int64_t x = 0; x < pixels.columns * lanes; ++x)
        wanted[at(t * lanes + x % lanes)] +=
            grad[at(row * pixels.grad_row + x)] * source[at(offset[at(t)] + row * pixels.source_row + x)];
  set.lane_sums[taps - 1](grad.data(), source.data(), pixels, offset.data(), sums.data());
  CHECK(sums == wanted);
}

template <class T>
void test_all(const KernelSet<T>& set) {
  const int64_t lanes = set.lanes;
  for (int rows = 1; rows <= max_lane_rows; ++rows) {
    CHECK(set.lane_columns[rows - 1] >= 1 && set.lane_columns[rows - 1] <= max_lane_columns);
    for (int columns = 1; columns <= set.lane_columns[rows - 1]; ++columns)
      for (const int64_t taps : {0, 1, 2, 9, 25})
        for (const bool goes_on : {false, true}) test_lane_tile(set, rows, columns, taps, goes_on);
  }
  for (int taps = 1; taps <= max_lane_taps; ++taps)
    for (const int64_t rows : {0, 1, 2, 5})
      for (const int64_t columns : {0, 1, 7, 14}) test_lane_sums(set, taps, {rows, columns, 15 * lanes, 20 * lanes});
}

}  // namespace

int main() {
  if (!forced_isa_runs()) return skipped;
  const IsaTable* table = nullptr;
  CHECK(active_isa_table(table).ok());
  test_all(table->float32);
  test_all(table->float64);
  return finish();
}

// Each micro-kernel of the instruction set in use against a scalar loop, on integer data: equal, and nothing written
// beside it.
#include <random>
#include <vector>

#include "check.hpp"
#include "plan/isa.hpp"

using namespace convgrad;
using namespace convgrad::kernels;

namespace {

std::mt19937 generator(1);

template <class T>
std::vector<T> integers(std::size_t count) {
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(static_cast<int>(generator() % 17) - 8);
  return values;
}

std::size_t at(int64_t index) { return static_cast<std::size_t>(index); }

template <class T>
void test_tiles(const KernelSet<T>& set) {
  for (int vectors = 1; vectors <= set.tile_vectors; ++vectors)
    for (int rows = 1; rows <= set.tile_rows; ++rows)
      for (const int64_t length : {0, 1, 2, 9, 100}) {
        const int64_t width = vectors * set.lanes;
        const int64_t stride = width + 3;
        const std::vector<T> source = integers<T>(500);
        const std::vector<T> panel = integers<T>(at(length * width + 1));
        const std::vector<T> initial = integers<T>(at(rows * width));
        std::vector<int64_t> row_offset(at(rows));
        std::vector<int64_t> reduction_offset(at(length));
        for (int64_t& offset : row_offset) offset = static_cast<int64_t>(generator() % 250);
        for (int64_t& offset : reduction_offset) offset = static_cast<int64_t>(generator() % 250);
        std::vector<T> result(at(rows * stride), T{99});
        set.tile[vectors - 1][rows - 1](source.data(), row_offset.data(), reduction_offset.data(), length, panel.data(),
                                        initial.data(), width, result.data(), stride);
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t lane = 0; lane < stride; ++lane) {
            T wanted{99};
            if (lane < width) {
              wanted = initial[at(i * width + lane)];
              for (int64_t r = 0; r < length; ++r)
                wanted += source[at(row_offset[at(i)] + reduction_offset[at(r)])] * panel[at(r * width + lane)];
            }
            CHECK(result[at(i * stride + lane)] == wanted);
          }
      }
}

template <class T>
void test_transpose(const KernelSet<T>& set) {
  for (int64_t rows = 1; rows <= 2 * set.lanes + 3; ++rows)
    for (int64_t columns = 1; columns <= 2 * set.lanes + 3; ++columns) {
      const int64_t stride = columns + 2;
      const int64_t to_stride = rows + 5;
      // No element beyond the last: an overread would be one of the heap.
      const std::vector<T> source = integers<T>(at((rows - 1) * stride + columns));
      std::vector<T> to(at(columns * to_stride), T{99});
      set.transpose(source.data(), stride, rows, columns, to.data(), to_stride);
      for (int64_t c = 0; c < columns; ++c)
        for (int64_t r = 0; r < to_stride; ++r)
          CHECK(to[at(c * to_stride + r)] == (r < rows ? source[at(r * stride + c)] : T{99}));
    }
}

template <class T>
void test_copies(const KernelSet<T>& set) {
  for (int64_t count = 1; count <= 3 * set.lanes; ++count) {
    const int64_t rows = 3;
    const std::vector<T> source = integers<T>(at(rows * count));
    std::vector<T> to(at(rows * (count + 1)), T{99});
    set.copy_rows(source.data(), count, rows, count, to.data(), count + 1);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i <= count; ++i)
        CHECK(to[at(r * (count + 1) + i)] == (i < count ? source[at(r * count + i)] : T{99}));
  }
}

template <class T>
void test_expand(const KernelSet<T>& set) {
  const int64_t width = 2 * set.lanes;
  const std::vector<T> source = integers<T>(300);
  const std::vector<int64_t> taps{0, 7, 50, 51, 3};
  const int64_t first = set.lanes / 2 + 1;
  const PanelRun runs[] = {{20, first, 0}, {90, width - first, first}};
  std::vector<T> panel(at((static_cast<int64_t>(taps.size()) + 1) * width));
  set.expand(source.data(), taps.data(), static_cast<int64_t>(taps.size()), runs, 2, panel.data(), width);
  for (int64_t t = 0; t < static_cast<int64_t>(taps.size()); ++t)
    for (int64_t lane = 0; lane < width; ++lane)
      CHECK(panel[at(t * width + lane)] == source[at(taps[at(t)] + (lane < first ? 20 + lane : 90 + lane - first))]);
}

template <class T>
void test_all(const KernelSet<T>& set) {
  test_tiles(set);
  test_transpose(set);
  test_copies(set);
  test_expand(set);
  CHECK(set.multiply_add(10) > 0);
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

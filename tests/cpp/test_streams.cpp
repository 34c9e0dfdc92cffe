// Kernels whose results go around the caches: what those write that store as usual, in whole lines of memory.
#include <cstring>
#include <vector>

#include "check.hpp"
#include "kernel_data.hpp"
#include "plan/isa.hpp"

using namespace convgrad;
using namespace convgrad::kernels;

namespace {

constexpr int64_t line_bytes = 64;

// Integers of which the first begins a cache line.
template <class T>
class Lines {
 public:
  explicit Lines(int64_t count) : values_(integers<T>(at(count + line_bytes))), count_(count) {}

  T* data() {
    const auto address = reinterpret_cast<std::uintptr_t>(values_.data());
    return values_.data() + (line_bytes - address % line_bytes) % line_bytes / sizeof(T);
  }
  std::vector<T> all() { return {data(), data() + count_}; }
  void set(const std::vector<T>& values) { std::memcpy(data(), values.data(), values.size() * sizeof(T)); }

 private:
  std::vector<T> values_;
  int64_t count_;
};

template <class T>
void test_stream_copy(const KernelSet<T>& set) {
  constexpr int64_t line = line_bytes / static_cast<int64_t>(sizeof(T));
  for (int64_t offset = 0; offset < line; ++offset)
    for (int64_t count = 0; count <= 4 * line; ++count) {
      const std::vector<T> source = integers<T>(at(count));
      Lines<T> to(6 * line);
      std::vector<T> wanted = to.all();
      for (int64_t i = 0; i < count; ++i) wanted[at(offset + i)] = source[at(i)];
      set.stream_copy(source.data(), count, to.data() + offset);
      set.finish_streams();
      CHECK(to.all() == wanted);
    }
}

// Panel by panel, from what the first rows of the strip hold, or from panels.
template <class T>
void test_sweep(const KernelSet<T>& set, int rows, int64_t length, int64_t count, bool fills) {
  const int64_t width = set.tile_vectors * set.lanes;
  const int64_t line = line_bytes / static_cast<int64_t>(sizeof(T));
  const int64_t stride = (count * width + line) / line * line;
  const std::vector<T> source = integers<T>(200);
  const std::vector<T> start = integers<T>(at(rows * width));
  const std::vector<T> panels = integers<T>(at(count * length * width));
  std::vector<int64_t> row_offset(at(rows)), offset(at(length)), first(at(count + 1));
  for (int64_t& each : row_offset) each = static_cast<int64_t>(generator() % 100);
  for (int64_t& each : offset) each = static_cast<int64_t>(generator() % 100);
  const std::vector<int64_t> tap_offset(at(length), 0);
  for (int64_t panel = 0; panel < count; ++panel) first[at(panel)] = panel * length * width;
  Lines<T> result(rows * stride);
  const std::vector<T> before = result.all();
  const auto run = [&](bool streams) {
    result.set(before);
    const PanelSweep<T> sweep{panels.data(), length * width, start.data(), width, 0,      result.data(),
                              stride,        width,          count,        {},    streams};
    if (fills)
      set.fill_sweep[rows - 1](source.data(), row_offset.data(), offset.data(), length,
                               {panels.data(), tap_offset.data(), first.data(), nullptr}, sweep);
    else
      set.sweep_tile[rows - 1](source.data(), row_offset.data(), offset.data(), length, sweep);
    set.finish_streams();
    return result.all();
  };
  const std::vector<T> wanted = run(false);
  CHECK(wanted != before);
  CHECK(run(true) == wanted);
}

template <class T>
void test_row_tile(const KernelSet<T>& set, int rows, int vectors) {
  const int64_t kernel_rows = 3;
  const int64_t columns = 2;
  const int64_t pitch = max_strip_vectors * set.lanes + columns;
  const std::vector<T> weights = integers<T>(at(kernel_rows * columns));
  const std::vector<T> source = integers<T>(at((rows + kernel_rows) * pitch));
  const std::vector<T> start = integers<T>(at(set.lanes));
  const int64_t origin[] = {0};
  const int64_t column[] = {0, 1};
  std::vector<int64_t> vector, none(at(vectors));
  for (int64_t j = 0; j < vectors; ++j) vector.push_back(j * set.lanes);
  const int64_t result_row = max_strip_vectors * set.lanes;
  Lines<T> result(rows * result_row);
  const std::vector<T> before = result.all();
  const auto run = [&](bool streams) {
    result.set(before);
    set.row_tile[rows - 1][vectors - 1](weights.data(), source.data(),
                                        {origin, origin, 1, kernel_rows, columns, pitch, column, columns, 1,
                                         vector.data(), 0, kernel_rows + rows - 1, streams},
                                        {start.data(), none.data(), 0}, {result.data(), vector.data(), result_row});
    set.finish_streams();
    return result.all();
  };
  const std::vector<T> wanted = run(false);
  CHECK(wanted != before);
  CHECK(run(true) == wanted);
}

template <class T>
void test_all(const KernelSet<T>& set) {
  test_stream_copy(set);
  for (int rows = 1; rows <= set.tile_rows; ++rows)
    for (const int64_t length : {1, 9, 27})
      for (const int64_t count : {1, 2, 5})
        for (const bool fills : {false, true}) test_sweep(set, rows, length, count, fills);
  for (int rows = 1; rows <= max_strip_rows; ++rows)
    for (int vectors = 1; vectors <= set.strip_vectors[rows - 1]; ++vectors) test_row_tile(set, rows, vectors);
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

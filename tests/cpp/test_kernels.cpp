// Each micro-kernel of the instruction set in use against a scalar loop, on integer data: equal, and nothing written
// beside it.
#include <algorithm>
#include <numeric>
#include <vector>

#include "check.hpp"
#include "kernel_data.hpp"
#include "plan/isa.hpp"

using namespace convgrad;
using namespace convgrad::kernels;

namespace {

struct Pieces {
  int64_t length, segments, gap, sets, set_gap;
  [[nodiscard]] int64_t row(int64_t r) const { return r + r / length * gap + r / (length * segments) * set_gap; }
};

// What sums start from: one row for all, a row for each, or the result so far.
enum class Start { row, rows, result };

// How many tiles, and whether their rows are in order.
struct Tiles {
  int64_t count;
  bool in_order;
  Start start;
};

// Lines to ask for: none, or up to more than two for each tap. What is asked for is not read: it may be anywhere.
class Asked {
 public:
  Asked(int64_t tiles, int64_t taps)
      : per_tile_(static_cast<int64_t>(generator()) % (2 * taps + 4)), lines_(at(tiles * per_tile_), this) {}
  [[nodiscard]] PrefetchLines lines() const { return {lines_.data(), per_tile_}; }

 private:
  int64_t per_tile_;
  std::vector<const void*> lines_;
};

// Rows in groups of `group` neighbors.
template <class T>
void test_tile(const KernelSet<T>& set, Tile<T> tile, int vectors, int rows, int group, const Pieces& pieces,
               const Tiles& tiles) {
  const int64_t length = pieces.length * pieces.segments * pieces.sets;
  const int64_t all = length == 0 ? 0 : pieces.row(length - 1) + 1;
  const int64_t width = vectors * set.lanes;
  const int64_t stride = width + 3;
  const int64_t all_rows = tiles.count * rows;
  const std::vector<T> source = integers<T>(510);
  const std::vector<T> panel = integers<T>(at(all * width + 1));
  const std::vector<T> start = integers<T>(at(all_rows * width));
  const int64_t start_stride = tiles.start == Start::row ? 0 : width;
  const bool goes_on = tiles.start == Start::result;
  std::vector<int64_t> row_offset(at(all_rows));
  std::vector<int64_t> place(at(all_rows));
  std::vector<int64_t> reduction_offset(at(all));
  for (int64_t i = 0; i < all_rows; ++i)
    row_offset[at(i)] = i % group == 0 ? static_cast<int64_t>(generator() % 250) : row_offset[at(i - 1)] + 1;
  for (int64_t& offset : reduction_offset) offset = static_cast<int64_t>(generator() % 250);
  std::iota(place.begin(), place.end(), int64_t{0});
  if (!tiles.in_order) std::shuffle(place.begin(), place.end(), generator);
  const std::vector<T> before = integers<T>(at(all_rows * stride));
  std::vector<T> wanted = before;
  for (int64_t i = 0; i < all_rows; ++i)
    for (int64_t lane = 0; lane < width; ++lane) {
      T& sum = wanted[at(place[at(i)] * stride + lane)];
      if (!goes_on) sum = start[at(place[at(i)] * start_stride + lane)];
      for (int64_t r = 0; r < length; ++r) {
        const int64_t row = pieces.row(r);
        sum += source[at(row_offset[at(i)] + reduction_offset[at(row)])] * panel[at(row * width + lane)];
      }
    }
  std::vector<T> result = before;
  const Asked asked{tiles.count, length};
  tile(source.data(), {row_offset.data(), tiles.in_order ? nullptr : place.data(), tiles.count},
       {reduction_offset.data(), pieces.length, pieces.segments, pieces.gap, pieces.sets, pieces.set_gap}, panel.data(),
       {goes_on ? result.data() : start.data(), goes_on ? stride : start_stride, result.data(), stride}, asked.lines());
  CHECK(result == wanted);
}

template <class T>
void test_tile(const KernelSet<T>& set, Tile<T> tile, int vectors, int rows, int group) {
  for (const Pieces& pieces : {Pieces{0, 1, 0, 1, 0},
                               {1, 1, 0, 1, 0},
                               {2, 1, 0, 1, 0},
                               {9, 1, 0, 1, 0},
                               {100, 1, 0, 1, 0},
                               {6, 4, 3, 1, 0},
                               {1, 3, 2, 1, 5},
                               {2, 2, 1, 5, 3},
                               {1, 1, 1, 4, 0},
                               {4, 3, 0, 2, 7}})
    for (const int64_t count : {1, 2, 5})
      for (const bool in_order : {false, true})
        for (const Start start : {Start::row, Start::rows, Start::result})
          test_tile(set, tile, vectors, rows, group, pieces, {count, in_order, start});
}

template <class T>
void test_tiles(const KernelSet<T>& set) {
  for (int vectors = 1; vectors <= set.tile_vectors; ++vectors)
    for (int rows = 1; rows <= set.tile_rows; ++rows) test_tile(set, set.tile[vectors - 1][rows - 1], vectors, rows, 1);
  for (int rows = 1; rows <= set.wide_tile_rows; ++rows) test_tile(set, set.tile[2][rows - 1], 3, rows, 1);
  for (int kind = 0; kind < grouped_tile_kinds; ++kind) {
    const int group = rows_of_group[kind];
    CHECK(set.grouped_tile_rows[kind] % group == 0);
    for (int rows = group; rows <= set.grouped_tile_rows[kind]; rows += group)
      test_tile(set, set.grouped_tile[kind][rows / group - 1], 1, rows, group);
  }
}

// Panels a row further apart than they need be, and results side by side or one below the other; sums that start from
// one row for all panels, or go on.
template <class T>
void test_sweep(const KernelSet<T>& set, int rows, int64_t length, int64_t count, bool side_by_side, bool goes_on) {
  const int64_t width = set.tile_vectors * set.lanes;
  const int64_t panel_step = (length + 1) * width;
  const int64_t stride = side_by_side ? count * width + 3 : width;
  const int64_t step = side_by_side ? width : rows * width;
  const std::vector<T> source = integers<T>(510);
  const std::vector<T> panels = integers<T>(at(count * panel_step));
  const std::vector<T> start = integers<T>(at(rows * width));
  std::vector<int64_t> row_offset(at(rows));
  std::vector<int64_t> offset(at(length));
  for (int64_t& each : row_offset) each = static_cast<int64_t>(generator() % 250);
  for (int64_t& each : offset) each = static_cast<int64_t>(generator() % 250);
  const std::vector<T> before = integers<T>(at(rows * count * width + rows * 3));
  std::vector<T> result = before;
  std::vector<T> wanted = before;
  const Asked asked{count, length};
  for (int64_t panel = 0; panel < count; ++panel)
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t lane = 0; lane < width; ++lane) {
        T& sum = wanted[at(panel * step + i * stride + lane)];
        if (!goes_on) sum = start[at(i * width + lane)];
        for (int64_t r = 0; r < length; ++r)
          sum += source[at(row_offset[at(i)] + offset[at(r)])] * panels[at(panel * panel_step + r * width + lane)];
      }
  set.sweep_tile[rows - 1](source.data(), row_offset.data(), offset.data(), length,
                           {panels.data(), panel_step, goes_on ? result.data() : start.data(), goes_on ? stride : width,
                            goes_on ? step : 0, result.data(), stride, step, count, asked.lines()});
  CHECK(result == wanted);
}

// The same from a strip: the panels, if there are any, hold its vectors afterwards, and nothing else is written.
template <class T>
void test_fill_sweep(const KernelSet<T>& set, int rows, int64_t length, int64_t count, bool goes_on, bool keeps) {
  const int64_t width = set.tile_vectors * set.lanes;
  const int64_t panel_step = (length + 1) * width;
  const int64_t stride = count * width + 3;
  const std::vector<T> source = integers<T>(510);
  const std::vector<T> strip = integers<T>(600);
  const std::vector<T> start = integers<T>(at(rows * width));
  std::vector<int64_t> row_offset(at(rows));
  std::vector<int64_t> offset(at(length));
  std::vector<int64_t> tap_offset(at(length));
  std::vector<int64_t> first(at(count + 1), -1);
  for (int64_t& each : row_offset) each = static_cast<int64_t>(generator() % 250);
  for (int64_t& each : offset) each = static_cast<int64_t>(generator() % 250);
  for (int64_t& each : tap_offset) each = static_cast<int64_t>(generator() % 250);
  for (int64_t panel = 0; panel < count; ++panel) first[at(panel)] = static_cast<int64_t>(generator() % 250);
  std::vector<T> panels = integers<T>(at(count * panel_step));
  std::vector<T> wanted_panels = panels;
  std::vector<T> result = integers<T>(at(rows * stride));
  std::vector<T> wanted = result;
  const Asked asked{count, length};
  for (int64_t panel = 0; panel < count; ++panel)
    for (int64_t lane = 0; lane < width; ++lane) {
      const auto element = [&](int64_t r) { return strip[at(first[at(panel)] + tap_offset[at(r)] + lane)]; };
      for (int64_t r = 0; keeps && r < length; ++r)
        wanted_panels[at(panel * panel_step + r * width + lane)] = element(r);
      for (int64_t i = 0; i < rows; ++i) {
        T& sum = wanted[at(panel * width + i * stride + lane)];
        if (!goes_on) sum = start[at(i * width + lane)];
        for (int64_t r = 0; r < length; ++r) sum += source[at(row_offset[at(i)] + offset[at(r)])] * element(r);
      }
    }
  set.fill_sweep[rows - 1](source.data(), row_offset.data(), offset.data(), length,
                           {strip.data(), tap_offset.data(), first.data(), keeps ? panels.data() : nullptr},
                           {nullptr, panel_step, goes_on ? result.data() : start.data(), goes_on ? stride : width,
                            goes_on ? width : 0, result.data(), stride, width, count, asked.lines()});
  CHECK(result == wanted);
  CHECK(panels == wanted_panels);
}

template <class T>
void test_sweeps(const KernelSet<T>& set) {
  for (int rows = 1; rows <= set.tile_rows; ++rows)
    for (const int64_t length : {0, 1, 3, 4, 10, 27})
      for (const int64_t count : {1, 2, 5})
        for (const bool goes_on : {false, true}) {
          for (const bool side_by_side : {false, true}) test_sweep(set, rows, length, count, side_by_side, goes_on);
          for (const bool keeps : {false, true}) test_fill_sweep(set, rows, length, count, goes_on, keeps);
        }
}

template <class T>
void test_strip_tiles(const KernelSet<T>& set) {
  for (int rows = 1; rows <= max_strip_rows; ++rows)
    for (int vectors = 1; vectors <= set.strip_vectors[rows - 1]; ++vectors) {
      const int64_t length = 11;
      const int64_t width = vectors * set.lanes;
      const std::vector<T> weights = integers<T>(200);
      const std::vector<T> source = integers<T>(320);  // one vector more may be read, to shift out of
      const std::vector<T> start = integers<T>(at(rows * width));
      int64_t row_offset[max_strip_rows];
      int64_t vector_offset[max_strip_vectors];
      int64_t weight_offset[length];
      int64_t source_offset[length];
      for (int64_t& offset : row_offset) offset = static_cast<int64_t>(generator() % 100);
      for (int64_t& offset : vector_offset) offset = static_cast<int64_t>(generator() % 140);
      for (int64_t& offset : weight_offset) offset = static_cast<int64_t>(generator() % 100);
      for (int64_t& offset : source_offset) offset = static_cast<int64_t>(generator() % 140);
      // Half of the time as in a row of pixels: vectors and taps follow one another.
      if (generator() % 2 == 0) {
        for (int64_t j = 0; j < max_strip_vectors; ++j) vector_offset[j] = j * set.lanes;
        for (int64_t r = 0; r < length; ++r) source_offset[r] = r < 4 ? 20 + r : 3 * (r % 3) + r;
      }
      const T* ahead = generator() % 2 == 0 ? source.data() : nullptr;  // asked for, and never shows
      std::vector<T> result(at(rows * (width + 1)), T{99});
      set.strip_tile[rows - 1][vectors - 1](weights.data(), source.data(),
                                            {row_offset, weight_offset, vector_offset, source_offset, ahead}, length,
                                            start.data(), width, result.data(), width + 1);
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t e = 0; e <= width; ++e) {
          T wanted{99};
          if (e < width) {
            wanted = start[at(i * width + e)];
            for (int64_t r = 0; r < length; ++r)
              wanted += weights[at(row_offset[i] + weight_offset[r])] *
                        source[at(vector_offset[e / set.lanes] + source_offset[r] + e % set.lanes)];
          }
          CHECK(result[at(i * (width + 1) + e)] == wanted);
        }
    }
}

// Rows first .. last - 1 of the source count; the others hold infinities.
template <class T>
void test_row_tile(const KernelSet<T>& set, int rows, int vectors, int64_t kernel_rows, int64_t columns, int64_t first,
                   int64_t last) {
  const int64_t planes = 2;
  const int64_t source_rows = kernel_rows + rows - 1;
  const int64_t pitch = 150;
  const std::vector<T> weights = integers<T>(200);
  std::vector<T> source = integers<T>(at(planes * source_rows * pitch));
  for (int64_t m = 0; m < source_rows; ++m)
    for (int64_t p = 0; p < planes && (m < first || m >= last); ++p)
      for (int64_t x = 0; x < pitch; ++x)
        source[at((p * source_rows + m) * pitch + x)] = std::numeric_limits<T>::infinity();
  const int64_t weight_row = 10;
  const int64_t weight_column = -2;  // as grad_input reads them
  const int64_t plane[] = {0, source_rows * pitch};
  const int64_t weight[] = {20, 97};
  std::vector<int64_t> column(at(columns)), vector(at(vectors)), start_offset(at(vectors)), result_offset(at(vectors));
  for (int64_t& offset : column) offset = static_cast<int64_t>(generator() % 60);
  for (int64_t& offset : vector) offset = static_cast<int64_t>(generator() % 60);
  for (int64_t j = 0; j < vectors; ++j) {
    start_offset[at(j)] = j % 2 * set.lanes;
    result_offset[at(j)] = (vectors - 1 - j) * (set.lanes + 1);
  }
  const std::vector<T> start = integers<T>(at(rows * 3 + 2 * set.lanes));
  const int64_t result_row = vectors * (set.lanes + 1);
  std::vector<T> result(at(rows * result_row), T{99});
  set.row_tile[rows - 1][vectors - 1](weights.data(), source.data(),
                                      {plane, weight, planes, kernel_rows, columns, pitch, column.data(), weight_row,
                                       weight_column, vector.data(), first, last},
                                      {start.data(), start_offset.data(), 3},
                                      {result.data(), result_offset.data(), result_row});
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < vectors; ++j)
      for (int64_t lane = 0; lane <= set.lanes; ++lane) {
        T wanted{99};
        if (lane < set.lanes) {
          wanted = start[at(i * 3 + start_offset[at(j)] + lane)];
          for (int64_t p = 0; p < planes; ++p)
            for (int64_t r = 0; r < kernel_rows; ++r)
              for (int64_t k = 0; k < columns && first <= i + r && i + r < last; ++k)
                wanted += weights[at(weight[p] + r * weight_row + k * weight_column)] *
                          source[at(plane[p] + (i + r) * pitch + column[at(k)] + vector[at(j)] + lane)];
        }
        CHECK(result[at(i * result_row + result_offset[at(j)] + lane)] == wanted);
      }
}

template <class T>
void test_row_tiles(const KernelSet<T>& set) {
  for (int rows = 1; rows <= max_strip_rows; ++rows)
    for (int vectors = 1; vectors <= set.strip_vectors[rows - 1]; ++vectors)
      for (int64_t kernel_rows = 1; kernel_rows <= 6; ++kernel_rows) {
        const int64_t all = kernel_rows + rows - 1;
        for (int64_t first = 0; first <= all; ++first)
          for (const int64_t last : {first, (first + all) / 2, all})
            test_row_tile(set, rows, vectors, kernel_rows, 1 + kernel_rows % 3, first, last);
      }
}

template <class T>
void test_dot_tile(const KernelSet<T>& set, int rows, int columns, int run, int64_t pixels) {
  constexpr int64_t lanes = sum_lanes<T>;
  const T infinity = std::numeric_limits<T>::infinity();
  const int64_t padded = (pixels + lanes - 1) / lanes * lanes;
  const int64_t lines = 3;
  std::vector<int64_t> left_offset, right_offset, left_row, right_row;
  for (int64_t i = 0; i < rows; ++i) left_offset.push_back(i * lines * padded);
  // Columns in runs of neighbors, or each on its own.
  for (int64_t j = 0; j < columns; ++j) right_offset.push_back(j / run * 2 * lines * padded + j % run);
  for (int64_t y = 0; y < lines; ++y) {
    left_row.push_back(y * padded);
    right_row.push_back(y * (padded + lanes));
  }
  // Infinities after the pixels: none may be seen.
  std::vector<T> left(at(rows * lines * padded), infinity);
  std::vector<T> right(at(right_offset.back() + right_row.back() + padded + 2 * lanes), infinity);
  for (const int64_t offset : left_offset)
    for (const int64_t row : left_row)
      for (int64_t x = 0; x < pixels; ++x) left[at(offset + row + x)] = static_cast<T>(generator() % 9);
  for (const int64_t offset : right_offset)
    for (const int64_t row : right_row)
      for (int64_t x = 0; x < pixels; ++x) right[at(offset + row + x)] = static_cast<T>(generator() % 9);
  std::vector<T> result(at(rows * columns * lanes), T{1});
  std::vector<T> wanted = result;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t y = 0; y < lines; ++y)
        for (int64_t x = 0; x < pixels; ++x)
          wanted[at((i * columns + j) * lanes + x % lanes)] += left[at(left_offset[at(i)] + left_row[at(y)] + x)] *
                                                               right[at(right_offset[at(j)] + right_row[at(y)] + x)];
  // What is asked for is not read: it may be anywhere.
  const int64_t ahead = static_cast<int64_t>(generator() % 2) * padded;
  const int64_t slowness = static_cast<int64_t>(generator() % 3);
  set.dot_tile[rows - 1][columns - 1]({left.data(), left_offset.data(), left_row.data(), ahead, slowness},
                                      {right.data(), right_offset.data(), right_row.data()}, lines, pixels,
                                      result.data());
  CHECK(result == wanted);
}

template <class T>
void test_dot_tiles(const KernelSet<T>& set) {
  constexpr int64_t lanes = sum_lanes<T>;
  for (int rows = 1; rows <= max_dot_rows; ++rows)
    for (int columns = 1; columns <= set.dot_columns[rows - 1]; ++columns)
      for (const int64_t pixels : {int64_t{1}, lanes / 2 + 1, lanes, 2 * lanes + 3})
        for (const int run : {1, 3, 5, 7}) test_dot_tile(set, rows, columns, run, pixels);
}

// Rows of the kernel against rows of pixels, of which there may be fewer.
template <class T>
void test_dot_rows(const KernelSet<T>& set, int rows, int columns, int64_t lines, int64_t pixels) {
  constexpr int64_t lanes = sum_lanes<T>;
  const T infinity = std::numeric_limits<T>::infinity();
  const int64_t padded = (pixels + lanes - 1) / lanes * lanes;
  const int64_t planes = 2;
  const int64_t wide = padded + 2 * lanes;
  const int64_t under = lines + rows - 1;  // rows of the second operand
  std::vector<int64_t> left_plane, right_plane, column;
  for (int64_t p = 0; p < planes; ++p) {
    left_plane.push_back((planes - 1 - p) * lines * padded);
    right_plane.push_back(p * under * wide + 1);
  }
  for (int64_t j = 0; j < columns; ++j) column.push_back(j % 3 + j / 3 * planes * under * wide);
  // Infinities after the pixels: none may be seen.
  std::vector<T> left(at(planes * lines * padded), infinity);
  std::vector<T> right(at(column.back() + planes * under * wide + wide), infinity);
  for (const int64_t plane : left_plane)
    for (int64_t y = 0; y < lines; ++y)
      for (int64_t x = 0; x < pixels; ++x) left[at(plane + y * padded + x)] = static_cast<T>(generator() % 9);
  for (const int64_t offset : column)
    for (const int64_t plane : right_plane)
      for (int64_t y = 0; y < under; ++y)
        for (int64_t x = 0; x < pixels; ++x) right[at(offset + plane + y * wide + x)] = static_cast<T>(generator() % 9);
  std::vector<T> result(at(rows * columns * lanes), T{1});
  std::vector<T> wanted = result;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t p = 0; p < planes; ++p)
        for (int64_t y = 0; y < lines; ++y)
          for (int64_t x = 0; x < pixels; ++x)
            wanted[at((i * columns + j) * lanes + x % lanes)] +=
                left[at(left_plane[at(p)] + y * padded + x)] *
                right[at(right_plane[at(p)] + (y + i) * wide + column[at(j)] + x)];
  const DotRows address{left_plane.data(), right_plane.data(), planes, lines, padded, wide, column.data(), pixels};
  set.dot_rows[rows - 1][columns - 1](left.data(), right.data(), address, result.data());
  CHECK(result == wanted);
}

template <class T>
void test_all_dot_rows(const KernelSet<T>& set) {
  constexpr int64_t lanes = sum_lanes<T>;
  for (int rows = 2; rows <= max_dot_kernel_rows; ++rows)
    for (int columns = 1; columns <= set.dot_columns[rows - 1]; ++columns)
      for (int64_t lines = 1; lines <= 4; ++lines)
        for (const int64_t pixels : {int64_t{1}, lanes / 2 + 1, lanes, 2 * lanes + 3})
          test_dot_rows(set, rows, columns, lines, pixels);
}

template <class T>
void test_all(const KernelSet<T>& set) {
  test_tiles(set);
  test_sweeps(set);
  for (int repeat = 0; repeat < 4; ++repeat) test_strip_tiles(set);
  test_row_tiles(set);
  test_dot_tiles(set);
  test_all_dot_rows(set);
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

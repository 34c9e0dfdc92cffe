// What the kernels of the instruction set in use transpose, copy, add up and look through, against scalar loops on
// integer data: equal, and nothing read or written beside it.
#include <limits>
#include <vector>

#include "check.hpp"
#include "kernel_data.hpp"
#include "plan/isa.hpp"

using namespace convgrad;
using namespace convgrad::kernels;

namespace {

// Rows `stride` apart: as far as they are long, further, or fewer elements than they are long, so that they overlap.
template <class T>
void test_transpose(const KernelSet<T>& set, int64_t rows, int64_t columns, int64_t stride) {
  // No element beyond the last: an overread would be one of the heap.
  const std::vector<T> source = integers<T>(at((rows - 1) * stride + columns));
  // Columns in their order, or from the last to the first: grad_input has its taps so, and a reversed view its pixels.
  for (const int64_t gap : {0, 5})
    for (const bool backwards : {false, true}) {
      const int64_t to_stride = rows + gap;
      std::vector<T> to(at(columns * to_stride + set.lanes), T{99});
      set.transpose(source.data(), stride, rows, columns, to.data() + (backwards ? (columns - 1) * to_stride : 0),
                    backwards ? -to_stride : to_stride);
      for (int64_t c = 0; c < columns; ++c)
        for (int64_t r = 0; r < to_stride; ++r)
          CHECK(to[at((backwards ? columns - 1 - c : c) * to_stride + r)] ==
                (r < rows ? source[at(r * stride + c)] : T{99}));
      for (int64_t i = 0; i < set.lanes; ++i) CHECK(to[at(columns * to_stride + i)] == T{99});
    }
  const int64_t padded_rows = (rows + set.lanes - 1) / set.lanes * set.lanes;
  const int64_t padded_stride = padded_rows + 1;
  const auto wanted = [&](int64_t r, int64_t c) {
    return r < rows ? source[at(r * stride + c)] : r < padded_rows ? T{0} : T{99};
  };
  for (const bool backwards : {false, true}) {
    std::vector<T> padded(at(columns * padded_stride), T{99});
    set.transpose_padded(source.data(), stride, rows, columns,
                         padded.data() + (backwards ? (columns - 1) * padded_stride : 0),
                         backwards ? -padded_stride : padded_stride);
    for (int64_t c = 0; c < columns; ++c)
      for (int64_t r = 0; r < padded_stride; ++r)
        CHECK(padded[at((backwards ? columns - 1 - c : c) * padded_stride + r)] == wanted(r, c));
  }
}

template <class T>
void test_transpose(const KernelSet<T>& set) {
  for (int64_t rows = 1; rows <= 2 * set.lanes + 3; ++rows)
    for (int64_t columns = 1; columns <= 2 * set.lanes + 3; ++columns)
      for (const int64_t stride : {columns, columns + 2, columns / 2}) test_transpose(set, rows, columns, stride);
}

template <class T>
void test_transpose_all(const KernelSet<T>& set) {
  const int64_t count = 3;
  for (int64_t rows = 1; rows <= 2 * set.lanes + 3; ++rows)
    for (int64_t columns = 1; columns <= 2 * set.lanes + 3; ++columns) {
      const int64_t step = rows * columns + 1;
      const std::vector<T> source = integers<T>(at((count - 1) * step + rows * columns));
      const int64_t width = (rows + set.lanes - 1) / set.lanes * set.lanes;
      std::vector<T> panel(at(count * columns * width + 1), T{99});
      set.transpose_all_padded(source.data(), columns, rows, columns, step, count, panel.data() + (columns - 1) * width,
                               -width, columns * width);
      for (int64_t n = 0; n < count; ++n)
        for (int64_t c = 0; c < columns; ++c)
          for (int64_t r = 0; r < width; ++r)
            CHECK(panel[at((n * columns + columns - 1 - c) * width + r)] ==
                  (r < rows ? source[at(n * step + r * columns + c)] : T{0}));
      CHECK(panel.back() == T{99});
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
void test_strided(const KernelSet<T>& set) {
  for (const int64_t step : {1, 2, 3})
    for (int64_t count = 1; count <= 3 * set.lanes + 1; ++count) {
      // Not an element beyond the last.
      const int64_t extent = (count - 1) * step + 1;
      for (const int64_t rows : {1, 3}) {
        const int64_t stride = extent + 2;
        const std::vector<T> spread = integers<T>(at((rows - 1) * stride + extent));
        std::vector<T> packed(at(rows * (count + 1)), T{99});
        set.copy_strided(spread.data(), stride, step, rows, count, packed.data(), count + 1);
        for (int64_t r = 0; r < rows; ++r) {
          CHECK(packed[at(r * (count + 1) + count)] == T{99});
          for (int64_t i = 0; i < count; ++i)
            CHECK(packed[at(r * (count + 1) + i)] == spread[at(r * stride + i * step)]);
        }
      }
    }
}

template <class T>
void test_add_columns(const KernelSet<T>& set) {
  constexpr int64_t most_shift = 20;
  const int64_t slack = most_shift + set.lanes;
  for (int64_t count = 1; count <= 7 * set.lanes + 1; ++count)
    for (const int64_t terms : {0, 1, 2, 5, 7}) {
      const int64_t lines = static_cast<int64_t>(generator() % 4);
      const int64_t rows = 1 + static_cast<int64_t>(generator() % 3);
      const int64_t length = count + static_cast<int64_t>(generator() % most_shift);
      const int64_t pitch = 3 * (count + 1);
      std::vector<T> source = integers<T>(at(lines * (terms + 1) * pitch + 2 * slack));
      // What lies beside the rows does not count.
      for (int64_t i = 0; i < slack; ++i)
        source[at(i)] = source[source.size() - 1 - at(i)] = std::numeric_limits<T>::quiet_NaN();
      std::vector<ShiftedTerm> term(at(terms));
      std::vector<int64_t> line(at(lines));
      for (int64_t t = 0; t < terms; ++t) term[at(t)] = {t * pitch, static_cast<int64_t>(generator() % at(most_shift))};
      for (int64_t l = 0; l < lines; ++l) line[at(l)] = l * terms * pitch;
      const int64_t step = length + set.lanes * 4;
      const ShiftedRows all{line.data(), lines, term.data(), terms, count, rows, count + 1, step};
      for (const bool starts : {false, true}) {
        std::vector<T> sums = integers<T>(at(rows * step));
        const std::vector<T> before = sums;
        set.add_columns(source.data() + slack, all, length, starts, sums.data());
        for (int64_t r = 0; r < rows; ++r) {
          std::vector<T> wanted(at(length), T{0});
          for (int64_t i = 0; i < length && starts; ++i) wanted[at(i)] = before[at(r * step + i)];
          for (const int64_t l : line)
            for (const ShiftedTerm& t : term)
              for (int64_t i = 0; i < count; ++i)
                if (i + t.shift < length)
                  wanted[at(i + t.shift)] += source[at(slack + r * (count + 1) + l + t.offset + i)];
          for (int64_t i = 0; i < length; ++i) CHECK(sums[at(r * step + i)] == wanted[at(i)]);
        }
      }
    }
}

template <class T>
void test_interleave(const KernelSet<T>& set) {
  constexpr int64_t rows = 2;
  for (const int64_t phases : {1, 2, 3, 4, 5, 16, 17})
    for (const int64_t pitch :
         {int64_t{1}, int64_t{2}, int64_t{7}, int64_t{2} * set.lanes, int64_t{2} * set.lanes + 3}) {
      const int64_t end = phases * pitch;
      const std::vector<T> source = integers<T>(at(rows * end));
      for (int64_t first = 0; first < (end < 4 ? end : 4); ++first)
        for (int64_t last = end; last > (first < end - 4 ? end - 4 : first); --last) {
          const int64_t step = last - first + 1;
          std::vector<T> row(at(rows * step + 1), T{99});
          set.interleave(source.data(), pitch, phases, first, last, rows, end, row.data() + 1, step);
          for (int64_t r = 0; r < rows; ++r) {
            CHECK(row[at(r * step)] == T{99});
            for (int64_t n = first; n < last; ++n)
              CHECK(row[at(r * step + n - first + 1)] == source[at(r * end + n % phases * pitch + n / phases)]);
          }
          CHECK(row.back() == T{99});
        }
    }
}

template <class T>
void test_separate(const KernelSet<T>& set) {
  constexpr int64_t rows = 2;
  for (const int64_t phases : {1, 2, 3, 4, 5, 6, 8, 17})
    for (const int64_t pitch : {int64_t{1}, int64_t{2}, set.lanes + int64_t{1}, int64_t{2} * set.lanes + 3}) {
      const int64_t end = phases * pitch;
      for (int64_t first = 0; first < (end < 5 ? end : 5); ++first)
        for (int64_t last = end; last > (first < end - 5 ? end - 5 : first); --last) {
          // Not an element beyond the last.
          const int64_t step = last - first + 1;
          const std::vector<T> source = integers<T>(at(rows * step - 1));
          std::vector<T> to(at(rows * (end + 1)), T{99});
          set.separate(source.data(), step, phases, first, last, rows, to.data(), pitch, end + 1);
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t n = 0; n < end; ++n)
              CHECK(to[at(r * (end + 1) + n % phases * pitch + n / phases)] ==
                    (first <= n && n < last ? source[at(r * step + n - first)] : T{99}));
            CHECK(to[at(r * (end + 1) + end)] == T{99});
          }
        }
    }
}

template <class T>
void test_spread(const KernelSet<T>& set) {
  const int64_t lanes = set.lanes;
  for (const int64_t rows : {1, 3})
    for (int64_t count = 1; count <= 2 * lanes + 3; ++count)
      for (const int64_t more : std::vector<int64_t>{-1, 0, 1, 2, 5, lanes - 1, lanes, 2 * lanes + 1, 2 * count}) {
        const int64_t length = 2 * count + more;
        const int64_t stride = count + 2;
        const std::vector<T> source = integers<T>(at(rows * stride + lanes));
        std::vector<T> row(at(rows * (length + 1) + 1), T{99});
        set.spread(source.data(), stride, rows, count, length, row.data() + 1, length + 1);
        CHECK(row[0] == T{99});
        for (int64_t r = 0; r < rows; ++r) {
          const T* const here = row.data() + 1 + r * (length + 1);
          for (int64_t n = 0; n < length; ++n)
            CHECK(here[n] == (n % 2 == 0 && n / 2 < count ? source[at(r * stride + n / 2)] : T{0}));
          CHECK(here[length] == T{99});
        }
      }
}

template <class T>
void test_expand_block(const KernelSet<T>& set) {
  const std::vector<T> source = integers<T>(400);
  const std::vector<int64_t> taps{0, 7, 50, 51, 3, 90};
  const BlockCopy copies[] = {{20, 0, set.lanes}, {90, 7 * set.lanes, set.lanes}, {150, 14 * set.lanes, 2 * set.lanes}};
  std::vector<T> panels(at(30 * set.lanes), T{99});
  set.expand_block(source.data(), taps.data(), static_cast<int64_t>(taps.size()), copies, 3, panels.data());
  for (const BlockCopy& copy : copies)
    for (std::size_t t = 0; t < taps.size(); ++t)
      for (int64_t lane = 0; lane < set.lanes; ++lane)
        CHECK(panels[at(copy.position + static_cast<int64_t>(t) * copy.step + lane)] ==
              source[at(taps[t] + copy.offset + lane)]);
}

template <class T>
void test_expand(const KernelSet<T>& set) {
  const int64_t width = 2 * set.lanes;
  const std::vector<T> source = integers<T>(300);
  const std::vector<int64_t> taps{0, 7, 50, 51, 3};
  // From one copy a vector to one a lane.
  for (int64_t step = set.lanes; step >= 1; step /= 2) {
    std::vector<PanelCopy> copies;
    for (int64_t lane = 0; lane < width; lane += step)
      copies.push_back({static_cast<int64_t>(generator() % 200), lane});
    std::vector<T> panel(at((static_cast<int64_t>(taps.size()) + 1) * width));
    set.expand(source.data(), taps.data(), static_cast<int64_t>(taps.size()), copies.data(),
               static_cast<int64_t>(copies.size()), panel.data(), width);
    for (int64_t t = 0; t < static_cast<int64_t>(taps.size()); ++t)
      for (int64_t lane = 0; lane < width; ++lane) {
        const PanelCopy& copy = copies[at(lane / step)];
        CHECK(panel[at(t * width + lane)] == source[at(taps[at(t)] + copy.offset + lane - copy.lane)]);
      }
  }
}

template <class T>
void test_all_finite(const KernelSet<T>& set) {
  for (int64_t count = 0; count < 5 * set.lanes; ++count) {
    std::vector<T> values = integers<T>(at(count + 1));
    values.back() = std::numeric_limits<T>::infinity();  // beyond the end
    CHECK(set.all_finite(values.data(), count));
    for (int64_t i = 0; i < count; ++i)
      for (const T bad : {std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(),
                          std::numeric_limits<T>::quiet_NaN()}) {
        const T before = values[at(i)];
        values[at(i)] = bad;
        CHECK(!set.all_finite(values.data(), count));
        values[at(i)] = before;
      }
  }
}

template <class T>
void test_triad(const KernelSet<T>& set) {
  for (int64_t count = 0; count <= 3 * set.lanes; ++count) {
    const std::vector<T> left = integers<T>(at(count));
    const std::vector<T> right = integers<T>(at(count));
    std::vector<T> sum(at(count + 1), T{99});
    set.triad(left.data(), right.data(), T{3}, count, sum.data());
    CHECK(sum[at(count)] == T{99});
    for (int64_t i = 0; i < count; ++i) CHECK(sum[at(i)] == left[at(i)] + T{3} * right[at(i)]);
  }
}

template <class T>
void test_all(const KernelSet<T>& set) {
  test_transpose(set);
  test_transpose_all(set);
  test_copies(set);
  test_strided(set);
  test_all_finite(set);
  test_add_columns(set);
  test_interleave(set);
  test_separate(set);
  test_spread(set);
  test_expand(set);
  test_expand_block(set);
  test_triad(set);
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

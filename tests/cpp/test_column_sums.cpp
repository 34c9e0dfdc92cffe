// The sums of grad_input by columns on their own: block after block of products, against a scalar loop that adds
// the same products, for 1 to 3 axes, strides 1 to 4, gaps, borders, contiguous and channels-last dV.
#include <limits>
#include <random>
#include <vector>

#include "algorithms/common/blocks.hpp"
#include "algorithms/gemm/grad_input/column_sums.hpp"
#include "algorithms/gemm/grad_input/column_tasks.hpp"
#include "check.hpp"
#include "core/geometry.hpp"
#include "plan/isa.hpp"

using namespace convgrad;
using namespace convgrad::gemm;

namespace {

std::mt19937 generator(1);

Index from(Index low, Index high) {
  return low + static_cast<Index>(generator() % static_cast<unsigned>(high - low + 1));
}

Geometry random_geometry(int rank) {
  Problem problem;
  problem.spatial_rank = rank;
  problem.batch = from(1, 3);
  problem.in_channels = from(1, 4) * from(1, 4);
  problem.out_channels = 1;
  const Index most[] = {90, 24, 7};
  for (std::size_t a = 0; a < static_cast<std::size_t>(rank); ++a) {
    problem.kernel_size[a] = from(1, 7);
    problem.stride[a] = from(1, 4);
    problem.dilation[a] = from(1, 2);
    problem.padding_before[a] = problem.padding_after[a] = from(0, 3);
    problem.input_size[a] = (problem.kernel_size[a] - 1) * problem.dilation[a] + from(1, most[rank - 1]);
  }
  Geometry geometry;
  CHECK(make_geometry(problem, geometry).ok());
  return geometry;
}

Index pixel_number(const Geometry& g, Index n, Index i, Index j, Index k) {
  return ((n * g.output[0] + i) * g.output[1] + j) * g.output[2] + k;
}

// products[(channel * taps + tap) * pixels + pixel], with the pixels of all images.
template <class T>
void add_by_definition(const Geometry& g, const std::vector<T>& products, const Tensor<T>& to) {
  const Index pixels = g.batch * g.output_pixels();
  Index row = 0;
  for (Index c = 0; c < g.in_channels; ++c)
    for (Index a = 0; a < g.kernel[0]; ++a)
      for (Index b = 0; b < g.kernel[1]; ++b)
        for (Index d = 0; d < g.kernel[2]; ++d, ++row)
          for (Index n = 0; n < g.batch; ++n)
            for (Index i = 0; i < g.output[0]; ++i)
              for (Index j = 0; j < g.output[1]; ++j)
                for (Index k = 0; k < g.output[2]; ++k) {
                  const Index x = i * g.stride[0] - g.padding[0] + a * g.dilation[0];
                  const Index y = j * g.stride[1] - g.padding[1] + b * g.dilation[1];
                  const Index z = k * g.stride[2] - g.padding[2] + d * g.dilation[2];
                  if (x < 0 || y < 0 || z < 0 || x >= g.input[0] || y >= g.input[1] || z >= g.input[2]) continue;
                  to.data[n * to.outer + c * to.inner + x * to.axis[0] + y * to.axis[1] + z * to.axis[2]] +=
                      products[static_cast<std::size_t>(row * pixels + pixel_number(g, n, i, j, k))];
                }
}

// The products of one block, rows first .. last - 1, as a matrix product would leave them.
template <class T>
void take_products(const Geometry& g, const std::vector<T>& products, const PixelBlock& block, Index first, Index last,
                   Index pitch, T* to) {
  const Index pixels = g.batch * g.output_pixels();
  for (Index row = first; row < last; ++row) {
    T* next = to + (row - first) * pitch;
    for (Index n = block.first_image; n < block.first_image + block.images; ++n)
      for (Index i = block.first[0]; i < block.first[0] + block.size[0]; ++i)
        for (Index j = block.first[1]; j < block.first[1] + block.size[1]; ++j)
          for (Index k = block.first[2]; k < block.first[2] + block.size[2]; ++k)
            *next++ = products[static_cast<std::size_t>(row * pixels + pixel_number(g, n, i, j, k))];
  }
}

template <class T>
void test(const kernels::KernelSet<T>& set, const Geometry& g, bool channels_last, Index workers) {
  const Index image = g.input[0] * g.input[1] * g.input[2];
  Tensor<T> to;
  to.outer = g.in_channels * image;
  to.inner = channels_last ? 1 : image;
  to.axis[2] = channels_last ? g.in_channels : 1;
  to.axis[1] = g.input[2] * to.axis[2];
  to.axis[0] = g.input[1] * to.axis[1];
  const Index rows = g.in_channels * g.taps_per_channel();
  std::vector<T> products(static_cast<std::size_t>(rows * g.batch * g.output_pixels()));
  for (T& product : products) product = static_cast<T>(from(-64, 64));  // so that every sum is exact

  std::vector<T> expected(static_cast<std::size_t>(g.batch * to.outer), T{0});
  to.data = expected.data();
  add_by_definition(g, products, to);

  // One element more than there are, which must stay as it is; and nothing that was there may show.
  std::vector<T> result(expected.size() + 1, T{777});
  const ColumnTasks tasks(g, set, workers);
  const ColumnSumLimits limits = column_sum_limits<T>(tuning_of(set), tasks.product_pitch());
  const ColumnSums<T> most(g, limits, tasks.images(), tasks.size(), g.in_channels);
  std::vector<kernels::ShiftedTerm> terms(static_cast<std::size_t>(most.terms()));
  std::vector<Index> classes(static_cast<std::size_t>(most.classes() + 1));
  std::vector<Index> lines(static_cast<std::size_t>(most.lines()));
  // With one element more, which must stay as it is.
  std::vector<T> sums(static_cast<std::size_t>(most.sum_elements() + 1), T{777});
  std::vector<T> row(static_cast<std::size_t>(most.row_elements() + 1), T{777});
  const typename ColumnSums<T>::Area area{terms.data(), classes.data(), lines.data(), sums.data(), row.data()};
  most.fill_terms(area);
  const Index room_of_products = rows * tasks.product_pitch() + 2 * most.slack(set);
  std::vector<T> of_block(static_cast<std::size_t>(room_of_products), std::numeric_limits<T>::quiet_NaN());
  T* const at_once = of_block.data() + most.slack(set);
  for (Index t = 0; t < tasks.count(); ++t) {
    const ColumnTask task = tasks.task(t);
    if (task.empty()) continue;
    tasks.for_each_block(task, [&](const PixelBlock& block) {
      const ColumnSums<T> block_sums(g, limits, block.images, block.size, task.channels);
      SumSpan span[axes];
      for (int a = 0; a < axes; ++a) span[a] = tasks.span(a, task, block);
      to.data = result.data() + block.first_image * to.outer + task.first_channel * to.inner;
      const Index taps = g.taps_per_channel();
      take_products(g, products, block, task.first_channel * taps, (task.first_channel + task.channels) * taps,
                    tasks.product_pitch(), at_once);
      block_sums.store(set, at_once, span, area, to);
    });
  }
  CHECK(result.back() == T{777});
  CHECK(sums.back() == T{777});
  CHECK(row.back() == T{777});
  result.pop_back();
  CHECK(result == expected);
}

template <class T>
void test_all(const kernels::KernelSet<T>& set) {
  for (int repeat = 0; repeat < 150; ++repeat) {
    Geometry geometry = random_geometry(1 + repeat % 3);
    // As many output channels as leave room for a few pixels at a time only: several blocks, some sums begun before.
    geometry.out_channels = repeat % 2 == 0 ? 20000 : 1;
    const Index workers = repeat % 5 == 0 ? 1 : from(2, 64);
    test(set, geometry, repeat % 4 == 1, workers);
  }
}

}  // namespace

int main() {
  if (!forced_isa_runs()) return skipped;
  const kernels::IsaTable* table = nullptr;
  CHECK(active_isa_table(table).ok());
  test_all(table->float32);
  test_all(table->float64);
  return finish();
}

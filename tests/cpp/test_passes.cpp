// Random problems with integer data through the public API: gemm must equal the reference exactly, for all three
// passes, both data types, one thread and several, contiguous and NHWC memory.
#include <random>
#include <vector>

#include "check.hpp"

using namespace convgrad;

namespace {

std::mt19937 generator(1);

std::int64_t from(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(generator() % static_cast<unsigned>(high - low + 1));
}

Problem random_problem(DataType data_type) {
  Problem p;
  p.data_type = data_type;
  p.spatial_rank = static_cast<int>(from(1, 3));
  p.groups = from(0, 3) == 0 ? from(2, 3) : 1;
  p.batch = from(0, 4);
  p.in_channels = p.groups * from(from(0, 9) == 0 ? 0 : 1, from(0, 3) == 0 ? 40 : 4);
  p.out_channels = p.groups * from(1, from(0, 3) == 0 ? 70 : 5);
  const std::int64_t most[] = {60, 20, 5};
  for (std::size_t a = 0; a < static_cast<std::size_t>(p.spatial_rank); ++a) {
    p.kernel_size[a] = from(1, 4);
    p.stride[a] = from(1, 4);
    p.dilation[a] = from(1, 3);
    p.padding_before[a] = from(0, 5);
    p.padding_after[a] = from(0, 3);
    const std::int64_t least = (p.kernel_size[a] - 1) * p.dilation[a] + 1 - p.padding_before[a] - p.padding_after[a];
    p.input_size[a] = (least > 0 ? least : 0) + from(0, most[p.spatial_rank - 1]);
  }
  return p;
}

struct Layout {
  std::array<std::int64_t, max_rank> strides{};
  std::int64_t elements = 1;
};

// C order of (outer, inner, *size), or with `inner` moved to the end, as NHWC is.
Layout layout(std::int64_t outer, std::int64_t inner, const std::array<std::int64_t, max_spatial_rank>& size, int rank,
              bool inner_last) {
  Layout result;
  const auto place = [&](int axis, std::int64_t count) {
    // The stride of an axis of size 1 must not matter: it is nonsense here.
    result.strides[static_cast<std::size_t>(axis)] = count == 1 ? 0 : result.elements;
    result.elements *= count;
  };
  if (inner_last) place(1, inner);
  for (int a = rank - 1; a >= 0; --a) place(2 + a, size[static_cast<std::size_t>(a)]);
  if (!inner_last) place(1, inner);
  place(0, outer);
  return result;
}

template <class T>
std::vector<T> integers(std::int64_t count) {
  std::vector<T> values(static_cast<std::size_t>(count + 1));
  for (T& value : values) value = static_cast<T>(from(-8, 8));
  return values;
}

template <class T>
void test_problem(const Problem& p, bool channels_last, int threads) {
  std::array<std::int64_t, max_spatial_rank> size{};
  CHECK(output_size(p, size).ok());
  const Layout input = layout(p.batch, p.in_channels, p.input_size, p.spatial_rank, channels_last);
  const Layout output = layout(p.batch, p.out_channels, size, p.spatial_rank, channels_last);
  const Layout kernel = layout(p.out_channels, p.in_channels / p.groups, p.kernel_size, p.spatial_rank, false);
  const std::vector<T> V = integers<T>(input.elements);
  const std::vector<T> K = integers<T>(kernel.elements);
  const std::vector<T> G = integers<T>(output.elements);
  const std::vector<T> bias = integers<T>(p.out_channels);
  const ConstView input_view{V.data(), input.strides};
  const ConstView kernel_view{K.data(), kernel.strides};
  const ConstView grad_view{G.data(), output.strides};

  for (const Pass pass : {Pass::forward, Pass::grad_kernel, Pass::grad_input}) {
    const Layout& to = pass == Pass::forward ? output : pass == Pass::grad_kernel ? kernel : input;
    std::vector<T> results[2];
    for (const Algorithm algorithm : {Algorithm::reference, Algorithm::gemm}) {
      PlanOptions options;
      options.algorithm = algorithm;
      options.threads = threads;
      Plan plan;
      CHECK(Plan::make(pass, p, options, plan).ok());
      CHECK(plan.algorithm() == algorithm);
      // One element more than there are, which must stay as it is.
      std::vector<T>& result = results[algorithm == Algorithm::gemm];
      result.assign(static_cast<std::size_t>(to.elements + 1), T{777});
      const View view{result.data(), to.strides};
      Status status;
      if (pass == Pass::forward) status = forward(plan, input_view, kernel_view, bias.data(), 1, view);
      if (pass == Pass::grad_kernel) status = grad_kernel(plan, grad_view, input_view, view);
      if (pass == Pass::grad_input) status = grad_input(plan, grad_view, kernel_view, view);
      CHECK(status.ok());
    }
    CHECK(results[0] == results[1]);
  }
}

}  // namespace

int main() {
  if (!forced_isa_runs()) return skipped;
  for (int repeat = 0; repeat < 250; ++repeat) {
    const bool channels_last = repeat % 3 == 0;
    const int threads = 1 + repeat % 3;
    test_problem<float>(random_problem(DataType::float32), channels_last, threads);
    test_problem<double>(random_problem(DataType::float64), channels_last, threads);
  }
  return finish();
}

// Weights packed once: the same bits as without, from a copy, whatever way the layer takes.
#include <random>
#include <vector>

#include "check.hpp"

using namespace convgrad;

namespace {

std::mt19937 generator(1);

template <class T>
std::vector<T> random_values(std::int64_t count) {
  std::normal_distribution<T> normal;
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = normal(generator);
  return values;
}

std::array<std::int64_t, max_rank> dense(std::int64_t inner, std::int64_t rows, std::int64_t columns) {
  return {inner * rows * columns, rows * columns, columns, 1, 0};
}

template <class T>
void test_layer(const Problem& problem, Algorithm algorithm) {
  PlanOptions options;
  options.algorithm = algorithm;
  options.threads = 2;
  Plan plans[2];
  CHECK(Plan::make(Pass::forward, problem, options, plans[0]).ok());
  CHECK(Plan::make(Pass::grad_input, problem, options, plans[1]).ok());
  const auto [rows, columns, ignored] = plans[0].output_size();
  const std::int64_t inputs = problem.batch * problem.in_channels * problem.input_size[0] * problem.input_size[1];
  const std::int64_t outputs = problem.batch * problem.out_channels * rows * columns;
  const std::int64_t channels = problem.in_channels / problem.groups;
  const std::int64_t taps = problem.kernel_size[0] * problem.kernel_size[1];
  const std::vector<T> V = random_values<T>(inputs);
  const std::vector<T> G = random_values<T>(outputs);
  const std::vector<T> bias = random_values<T>(problem.out_channels);
  std::vector<T> K = random_values<T>(problem.out_channels * channels * taps);
  const ConstView input{V.data(), dense(problem.in_channels, problem.input_size[0], problem.input_size[1])};
  const ConstView grad_output{G.data(), dense(problem.out_channels, rows, columns)};
  // Output channels innermost, as some programs keep them.
  const ConstView kernel{
      K.data(),
      {1, taps * problem.out_channels, problem.kernel_size[1] * problem.out_channels, problem.out_channels, 0}};

  std::vector<T> Z[2], dV[2];
  for (auto& result : Z) result.assign(G.size(), T{-1});
  for (auto& result : dV) result.assign(V.size(), T{-1});
  CHECK(forward(plans[0], input, kernel, bias.data(), 1, {Z[0].data(), grad_output.strides}).ok());
  CHECK(grad_input(plans[1], grad_output, kernel, {dV[0].data(), input.strides}).ok());

  PackedKernel packed[2];
  for (int i = 0; i < 2; ++i) {
    CHECK(PackedKernel::make(plans[i], kernel, packed[i]).ok());
    CHECK(packed[i].bytes() >= K.size() * sizeof(T));
  }
  K.assign(K.size(), T{777});  // the packed ones are copies
  CHECK(forward(plans[0], input, packed[0], bias.data(), 1, {Z[1].data(), grad_output.strides}).ok());
  CHECK(grad_input(plans[1], grad_output, packed[1], {dV[1].data(), input.strides}).ok());
  CHECK(Z[0] == Z[1]);
  CHECK(dV[0] == dV[1]);
}

Problem layer(DataType data_type, std::int64_t in_channels, std::int64_t out_channels, std::int64_t size,
              std::int64_t kernel, std::int64_t stride, std::int64_t groups = 1) {
  Problem problem;
  problem.data_type = data_type;
  problem.batch = 2;
  problem.in_channels = in_channels;
  problem.out_channels = out_channels;
  problem.groups = groups;
  problem.input_size = {size, size + 1};
  problem.kernel_size = {kernel, kernel};
  problem.stride = {stride, stride};
  problem.padding_before = {1, 0};
  return problem;
}

template <class T>
void test_layers(DataType data_type) {
  for (const Algorithm algorithm : {Algorithm::gemm, Algorithm::reference}) {
    test_layer<T>(layer(data_type, 1, 1, 7, 2, 1), algorithm);
    test_layer<T>(layer(data_type, 3, 16, 20, 5, 1), algorithm);
    test_layer<T>(layer(data_type, 32, 40, 14, 3, 1), algorithm);   // many taps and channels
    test_layer<T>(layer(data_type, 32, 40, 15, 3, 2), algorithm);   // grad_input in four parts
    test_layer<T>(layer(data_type, 24, 130, 7, 1, 1), algorithm);   // few taps
    test_layer<T>(layer(data_type, 6, 6, 17, 3, 1, 6), algorithm);  // depthwise
    test_layer<T>(layer(data_type, 40, 80, 9, 3, 3, 2), algorithm);
    test_layer<T>(layer(data_type, 2, 3, 1, 1, 3), algorithm);  // no tap meets dV
  }
}

void test_errors() {
  Plan plan;
  Plan other;
  PackedKernel packed;
  const float value[1] = {2};
  float result[1] = {-1};
  const ConstView one{value, {1, 1, 1, 1}};
  CHECK(PackedKernel::make(plan, one, packed).code() == StatusCode::invalid);
  CHECK(Plan::make(Pass::grad_kernel, Problem{}, {}, plan).ok());
  CHECK(PackedKernel::make(plan, one, packed).code() == StatusCode::invalid);
  CHECK(Plan::make(Pass::forward, Problem{}, {}, plan).ok());
  CHECK(Plan::make(Pass::forward, Problem{}, {}, other).ok());
  CHECK(PackedKernel::make(plan, ConstView{}, packed).code() == StatusCode::invalid);
  CHECK(packed.data() == nullptr && packed.bytes() == 0);
  CHECK(forward(plan, one, packed, nullptr, 0, {result, one.strides}).code() == StatusCode::invalid);
  CHECK(PackedKernel::make(plan, one, packed).ok());
  CHECK(forward(other, one, packed, nullptr, 0, {result, one.strides}).code() == StatusCode::invalid);
  CHECK(result[0] == -1);
  const Plan moved = std::move(plan);
  CHECK(forward(moved, one, packed, nullptr, 0, {result, one.strides}).ok());
  CHECK(result[0] == 4);
}

}  // namespace

int main() {
  test_layers<float>(DataType::float32);
  test_layers<double>(DataType::float64);
  test_errors();
  return finish();
}

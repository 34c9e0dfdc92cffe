// What a C++ caller gets for requests that cannot be served: a Status, with nothing written.
#include <vector>

#include "check.hpp"

using namespace convgrad;

namespace {

Problem small() {
  Problem problem;
  problem.input_size = {3, 3};
  problem.kernel_size = {2, 2};
  return problem;
}

void test_plan_errors() {
  Plan plan;
  Problem problem = small();
  problem.kernel_size = {4, 2};
  CHECK(Plan::make(Pass::forward, problem, {}, plan).code() == StatusCode::invalid);
  CHECK(plan.data() == nullptr);
  PlanOptions options;
  for (const int threads : {-1, 1025}) {
    options.threads = threads;
    CHECK(Plan::make(Pass::forward, small(), options, plan).code() == StatusCode::invalid);
    float sum = -1;
    CHECK(grad_bias(DataType::float32, 1, 1, 1, {1}, {&sum, {1, 1, 1}}, &sum, 1, options).code() ==
          StatusCode::invalid);
    CHECK(sum == -1);
    CHECK(set_num_threads(threads).code() == StatusCode::invalid);
  }
  options = {};
  options.algorithm = static_cast<Algorithm>(99);
  CHECK(Plan::make(Pass::forward, small(), options, plan).code() == StatusCode::invalid);
  CHECK(set_num_threads(0).code() == StatusCode::invalid);
  const Status status = Plan::make(static_cast<Pass>(7), small(), {}, plan);
  CHECK(status.code() == StatusCode::invalid && std::strstr(status.message(), "pass") != nullptr);
}

void test_sizes_of_grad_bias() {
  constexpr std::int64_t huge = std::int64_t{1} << 62;
  const float value = 1;
  float sum = -1;
  const Status status = grad_bias(DataType::float32, 2, 1, 1, {huge, huge}, {&value, {}}, &sum, 1);
  CHECK(status.code() == StatusCode::invalid && std::strstr(status.message(), "overflow") != nullptr);
  CHECK(sum == -1);
  CHECK(grad_bias(DataType::float32, 3, huge, 1, {huge, huge, 0}, {nullptr, {}}, &sum, 1).ok());
  CHECK(sum == 0);
}

void test_run_errors() {
  const float input[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const float kernel[4] = {1, 0, 0, 1};
  float output[4] = {-1, -1, -1, -1};
  const ConstView input_view{input, {9, 9, 3, 1}};
  const ConstView kernel_view{kernel, {4, 4, 2, 1}};
  const View output_view{output, {4, 4, 2, 1}};
  Plan plan;
  CHECK(forward(plan, input_view, kernel_view, nullptr, 0, output_view).code() == StatusCode::invalid);
  CHECK(Plan::make(Pass::forward, small(), {}, plan).ok());
  CHECK(grad_input(plan, input_view, kernel_view, output_view).code() == StatusCode::invalid);
  alignas(64) static char memory[64];
  CHECK(forward(plan, input_view, kernel_view, nullptr, 0, output_view, {memory, 1}).code() == StatusCode::invalid);
  CHECK(output[0] == -1 && output[3] == -1);
  std::vector<char> enough(plan.workspace_bytes() + 128);
  void* unaligned = enough.data() + (64 - reinterpret_cast<std::uintptr_t>(enough.data()) % 64) + 1;
  CHECK(forward(plan, input_view, kernel_view, nullptr, 0, output_view, {unaligned, plan.workspace_bytes()}).code() ==
        StatusCode::invalid);
  CHECK(forward(plan, input_view, kernel_view, nullptr, 0, output_view).ok());
  CHECK(output[0] == 6 && output[1] == 8 && output[2] == 12 && output[3] == 14);
}

void test_limits_of_the_machine() {
  double bytes_per_second = -1;
  double flops = -1;
  for (const int threads : {-1, 0, 1025}) {
    for (const Status& status :
         {measure_bandwidth(threads, bytes_per_second), measure_peak_flops(DataType::float32, threads, flops)})
      CHECK(status.code() == StatusCode::invalid && std::strstr(status.message(), "threads") != nullptr);
  }
  CHECK(bytes_per_second == -1 && flops == -1);
  CHECK(measure_peak_flops(DataType::float64, 2, flops).ok() && flops > 0);
  const Status status = measure_bandwidth(2, bytes_per_second);
  CHECK(status.code() == StatusCode::out_of_memory || (status.ok() && bytes_per_second > 0));
}

}  // namespace

int main() {
  test_plan_errors();
  test_run_errors();
  test_sizes_of_grad_bias();
  test_limits_of_the_machine();
  return finish();
}

// Learns a kernel from what it does: given inputs V and the outputs of a hidden kernel, descend J = sum (Z - wanted)^2
// / 2 by K <- K - alpha dK until K is the hidden kernel. Plans and workspace are made once; a step allocates nothing.
#include <algorithm>
#include <cmath>
#include <convgrad/convgrad.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

namespace {

constexpr int images = 8, in_channels = 3, out_channels = 4, size = 12, kernel_size = 3;
constexpr int out_size = size - kernel_size + 1;
constexpr int steps = 60;
// dJ/dK is about (K - hidden) times the number of products in each of its sums, as the inputs are white noise.
constexpr float alpha = 0.8F / (images * out_size * out_size);

std::vector<float> noise(std::mt19937& generator, std::size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

void require(const convgrad::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message());
  std::exit(1);
}

}  // namespace

int main() {
  convgrad::Problem problem;
  problem.batch = images;
  problem.in_channels = in_channels;
  problem.out_channels = out_channels;
  problem.input_size = {size, size};
  problem.kernel_size = {kernel_size, kernel_size};
  convgrad::Plan forward;
  convgrad::Plan backward;
  require(convgrad::Plan::make(convgrad::Pass::forward, problem, {}, forward));
  require(convgrad::Plan::make(convgrad::Pass::grad_kernel, problem, {}, backward));

  const std::size_t bytes = (std::max(forward.workspace_bytes(), backward.workspace_bytes()) + 63) / 64 * 64;
  const std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(64, bytes), &std::free);
  const convgrad::Workspace workspace{memory.get(), bytes};

  std::mt19937 generator(7);
  const std::vector<float> V = noise(generator, images * in_channels * size * size);
  const std::vector<float> hidden = noise(generator, out_channels * in_channels * kernel_size * kernel_size);
  std::vector<float> K(hidden.size(), 0);
  std::vector<float> dK(K.size());
  std::vector<float> wanted(images * out_channels * out_size * out_size);
  std::vector<float> Z(wanted.size());

  const convgrad::ConstView input{V.data(), {in_channels * size * size, size * size, size, 1}};
  const std::array<std::int64_t, convgrad::max_rank> kernel_strides{in_channels * kernel_size * kernel_size,
                                                                    kernel_size * kernel_size, kernel_size, 1};
  const std::array<std::int64_t, convgrad::max_rank> output_strides{out_channels * out_size * out_size,
                                                                    out_size * out_size, out_size, 1};
  require(convgrad::forward(forward, input, {hidden.data(), kernel_strides}, nullptr, 0,
                            {wanted.data(), output_strides}, workspace));

  for (int step = 0; step < steps; ++step) {
    require(convgrad::forward(forward, input, {K.data(), kernel_strides}, nullptr, 0, {Z.data(), output_strides},
                              workspace));
    double cost = 0;
    for (std::size_t i = 0; i < Z.size(); ++i) {
      Z[i] -= wanted[i];  // G = dJ/dZ
      cost += Z[i] * Z[i] / 2;
    }
    require(convgrad::grad_kernel(backward, {Z.data(), output_strides}, input, {dK.data(), kernel_strides}, workspace));
    for (std::size_t i = 0; i < K.size(); ++i) K[i] -= alpha * dK[i];
    if (step % 10 == 0) std::printf("step %2d  J = %.3g\n", step, cost);
  }
  const float off = largest_difference(K, hidden);
  std::printf("the hidden kernel, to within %.2g\n", static_cast<double>(off));
  return off < 1e-4F ? 0 : 1;
}

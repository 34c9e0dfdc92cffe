#include <convgrad/convgrad.hpp>
#include <cstdio>

int main() {
  const float V[3][3] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};
  const float K[2][2] = {{1, 2}, {3, 4}};
  float Z[2][2];

  convgrad::Problem problem;  // one image, one channel, float32, stride 1 and no padding unless told otherwise
  problem.input_size = {3, 3};
  problem.kernel_size = {2, 2};

  // Made once, then run as often as you like, from any number of threads.
  convgrad::Plan plan;
  convgrad::Status status = convgrad::Plan::make(convgrad::Pass::forward, problem, {}, plan);

  // Pointers with strides in elements: (batch, channel, row, column), and (out, in, row, column) for K.
  const convgrad::ConstView input{V, {9, 9, 3, 1}};
  const convgrad::ConstView kernel{K, {4, 4, 2, 1}};
  const convgrad::View output{Z, {4, 4, 2, 1}};
  if (status.ok()) status = convgrad::forward(plan, input, kernel, nullptr, 0, output);

  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.message());
    return 1;
  }
  std::printf("%g %g\n%g %g\n", Z[0][0], Z[0][1], Z[1][0], Z[1][1]);  // 37 47, 67 77
}

// Shape arithmetic: output sizes, and every way in which sizes can be wrong.
#include <cstdint>

#include "check.hpp"
#include "core/geometry.hpp"

using namespace convgrad;

namespace {

Problem one_axis(std::int64_t input, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                 std::int64_t before, std::int64_t after) {
  Problem problem;
  problem.spatial_rank = 1;
  problem.input_size[0] = input;
  problem.kernel_size[0] = kernel;
  problem.stride[0] = stride;
  problem.dilation[0] = dilation;
  problem.padding_before[0] = before;
  problem.padding_after[0] = after;
  return problem;
}

std::int64_t size_of(const Problem& problem) {
  std::array<std::int64_t, max_spatial_rank> size{};
  return output_size(problem, size).ok() ? size[0] : -1;
}

// Counts the positions at which the kernel fits: what the closed formula must agree with.
std::int64_t counted(std::int64_t input, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                     std::int64_t before, std::int64_t after) {
  std::int64_t count = 0;
  for (std::int64_t at = -before; at + (kernel - 1) * dilation < input + after; at += stride) ++count;
  return count == 0 ? -1 : count;
}

void test_output_size() {
  for (std::int64_t input = 0; input < 9; ++input)
    for (std::int64_t kernel = 1; kernel < 5; ++kernel)
      for (std::int64_t stride = 1; stride < 5; ++stride)
        for (std::int64_t dilation = 1; dilation < 4; ++dilation)
          for (std::int64_t before = 0; before < 4; ++before)
            for (std::int64_t after = 0; after < 3; ++after)
              CHECK(size_of(one_axis(input, kernel, stride, dilation, before, after)) ==
                    counted(input, kernel, stride, dilation, before, after));
}

void check_invalid(const Problem& problem, const char* names) {
  Geometry geometry;
  const Status status = make_geometry(problem, geometry);
  CHECK(status.code() == StatusCode::invalid);
  if (std::strstr(status.message(), names) == nullptr) std::fprintf(stderr, "message: %s\n", status.message());
  CHECK(std::strstr(status.message(), names) != nullptr);
}

void test_invalid() {
  check_invalid(one_axis(-1, 1, 1, 1, 0, 0), "input_size");
  check_invalid(one_axis(5, 0, 1, 1, 0, 0), "kernel_size");
  check_invalid(one_axis(5, 2, 0, 1, 0, 0), "stride");
  check_invalid(one_axis(5, 2, 1, 0, 0, 0), "dilation");
  check_invalid(one_axis(5, 2, 1, 1, -1, 0), "padding");
  check_invalid(one_axis(5, 3, 1, 3, 0, 0), "kernel spans 7 elements along width");
  check_invalid(one_axis(INT64_MAX, 3, 1, 1, 1, 1), "overflows");
  check_invalid(one_axis(5, INT64_MAX, 1, INT64_MAX, 1, 1), "overflows");
  Problem problem;
  problem.spatial_rank = 4;
  check_invalid(problem, "spatial_rank");
  problem = Problem{};
  problem.groups = 2;
  check_invalid(problem, "groups: 2 does not divide the 1 input channels");
  problem.in_channels = 2;
  check_invalid(problem, "output channels");
  problem = Problem{};
  problem.batch = INT64_MAX;
  problem.in_channels = 4;
  check_invalid(problem, "input: the sizes overflow");
  problem = Problem{};
  problem.data_type = static_cast<DataType>(7);
  check_invalid(problem, "data_type");
}

void test_axes_come_last() {
  Problem problem;
  problem.spatial_rank = 2;
  problem.input_size = {5, 7};
  problem.kernel_size = {2, 3};
  problem.stride = {2, 1};
  Geometry geometry;
  CHECK(make_geometry(problem, geometry).ok());
  CHECK(geometry.input[0] == 1 && geometry.input[1] == 5 && geometry.input[2] == 7);
  CHECK(geometry.output[0] == 1 && geometry.output[1] == 2 && geometry.output[2] == 5);
  CHECK(geometry.multiplications() == 2.0 * 5.0 * 2.0 * 3.0);
}

}  // namespace

int main() {
  test_output_size();
  test_invalid();
  test_axes_come_last();
  return finish();
}

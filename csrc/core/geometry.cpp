#include "core/geometry.hpp"

#include <cinttypes>

namespace convgrad {

namespace {

const char* axis_name(int spatial_rank, int axis) noexcept {
  static const char* const names[] = {"depth", "height", "width"};
  return names[axes - spatial_rank + axis];
}

Status check_axis(const Problem& problem, int axis, Index& output) noexcept {
  const auto a = static_cast<std::size_t>(axis);
  const char* name = axis_name(problem.spatial_rank, axis);
  const Index input = problem.input_size[a];
  const Index kernel = problem.kernel_size[a];
  const Index stride = problem.stride[a];
  const Index dilation = problem.dilation[a];
  const Index before = problem.padding_before[a];
  const Index after = problem.padding_after[a];
  if (input < 0) return Status::invalid("input_size: expected at least 0 along %s, got %" PRId64, name, input);
  if (kernel < 1) return Status::invalid("kernel_size: expected at least 1 along %s, got %" PRId64, name, kernel);
  if (stride < 1) return Status::invalid("stride: expected at least 1 along %s, got %" PRId64, name, stride);
  if (dilation < 1) return Status::invalid("dilation: expected at least 1 along %s, got %" PRId64, name, dilation);
  if (before < 0 || after < 0)
    return Status::invalid("padding: expected at least 0 along %s, got (%" PRId64 ", %" PRId64 ")", name, before,
                           after);

  Index padded = 0;
  Index extent = 0;
  if (input > largest_element_count) return Status::invalid("input_size: %" PRId64 " along %s overflows", input, name);
  if (kernel > largest_element_count)
    return Status::invalid("kernel_size: %" PRId64 " along %s overflows", kernel, name);
  if (add_overflows(input, before, padded) || add_overflows(padded, after, padded) || padded > largest_element_count)
    return Status::invalid("padding: the padded input overflows along %s: %" PRId64 " + %" PRId64 " + %" PRId64, name,
                           before, input, after);
  if (multiply_overflows(kernel - 1, dilation, extent) || extent >= largest_element_count)
    return Status::invalid("dilation: the dilated kernel overflows along %s: kernel_size %" PRId64
                           ", dilation %" PRId64,
                           name, kernel, dilation);
  extent += 1;
  if (extent > padded)
    return Status::invalid("kernel_size: the kernel spans %" PRId64 " elements along %s (kernel_size %" PRId64
                           ", dilation %" PRId64 "), but the padded input has only %" PRId64 " (input %" PRId64
                           ", padding (%" PRId64 ", %" PRId64 "))",
                           extent, name, kernel, dilation, padded, input, before, after);
  output = (padded - extent) / stride + 1;
  return {};
}

Status check_count(const char* what, std::initializer_list<Index> sizes) noexcept {
  Index count = 1;
  for (const Index size : sizes) {
    // An empty axis makes the tensor empty, but the other sizes must stay usable for offsets.
    if (multiply_overflows(count, larger(size, 1), count) || count > largest_element_count)
      return Status::invalid("%s: the sizes overflow: more than 2**59 elements", what);
  }
  return {};
}

Status check_axes(const Problem& problem, Geometry& geometry) noexcept {
  if (problem.spatial_rank < 1 || problem.spatial_rank > max_spatial_rank)
    return Status::invalid("spatial_rank: expected 1, 2 or 3, got %d", problem.spatial_rank);
  for (int a = 0; a < problem.spatial_rank; ++a) {
    const auto from = static_cast<std::size_t>(a);
    const int to = axes - problem.spatial_rank + a;
    if (Status status = check_axis(problem, a, geometry.output[to]); !status.ok()) return status;
    geometry.input[to] = problem.input_size[from];
    geometry.kernel[to] = problem.kernel_size[from];
    // Steps that nothing takes may be of any length: they are made short, so that no product with them overflows.
    const Index padded = problem.padding_before[from] + problem.input_size[from] + problem.padding_after[from];
    geometry.stride[to] = smaller(problem.stride[from], larger(1, padded));
    geometry.dilation[to] = problem.kernel_size[from] == 1 ? 1 : problem.dilation[from];
    geometry.padding[to] = problem.padding_before[from];
  }
  return {};
}

}  // namespace

Status make_geometry(const Problem& problem, Geometry& geometry) noexcept {
  geometry = Geometry{};
  if (problem.data_type != DataType::float32 && problem.data_type != DataType::float64)
    return Status::invalid("data_type: expected float32 or float64, got code %d", static_cast<int>(problem.data_type));
  if (problem.batch < 0) return Status::invalid("batch: expected at least 0, got %" PRId64, problem.batch);
  if (problem.in_channels < 0)
    return Status::invalid("in_channels: expected at least 0, got %" PRId64, problem.in_channels);
  if (problem.out_channels < 0)
    return Status::invalid("out_channels: expected at least 0, got %" PRId64, problem.out_channels);
  if (problem.groups < 1) return Status::invalid("groups: expected at least 1, got %" PRId64, problem.groups);
  if (problem.in_channels % problem.groups != 0)
    return Status::invalid("groups: %" PRId64 " does not divide the %" PRId64 " input channels", problem.groups,
                           problem.in_channels);
  if (problem.out_channels % problem.groups != 0)
    return Status::invalid("groups: %" PRId64 " does not divide the %" PRId64 " output channels", problem.groups,
                           problem.out_channels);
  if (Status status = check_axes(problem, geometry); !status.ok()) return status;
  geometry.batch = problem.batch;
  geometry.groups = problem.groups;
  geometry.in_channels = problem.in_channels / problem.groups;
  geometry.out_channels = problem.out_channels / problem.groups;

  const Index* input = geometry.input;
  const Index* kernel = geometry.kernel;
  const Index* output = geometry.output;
  if (Status status = check_count("input", {problem.batch, problem.in_channels, input[0], input[1], input[2]});
      !status.ok())
    return status;
  if (Status status =
          check_count("kernel", {problem.out_channels, geometry.in_channels, kernel[0], kernel[1], kernel[2]});
      !status.ok())
    return status;
  return check_count("output", {problem.batch, problem.out_channels, output[0], output[1], output[2]});
}

Status output_size(const Problem& problem, std::array<std::int64_t, max_spatial_rank>& size) noexcept {
  Geometry geometry;
  if (Status status = check_axes(problem, geometry); !status.ok()) return status;
  for (int a = 0; a < problem.spatial_rank; ++a)
    size[static_cast<std::size_t>(a)] = geometry.output[axes - problem.spatial_rank + a];
  return {};
}

}  // namespace convgrad

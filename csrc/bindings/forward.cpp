// forward, and the check of a layer's arguments, which is forward without an input.
#include "arguments.hpp"
#include "call_memory.hpp"
#include "compute.hpp"
#include "operations.hpp"

namespace convgrad::bindings {
namespace {

Array read_bias_for(py::handle object, const Array& kernel) {
  const Array bias = read_bias(object);
  require_same_data_type(bias, kernel);
  if (size_at(bias, 0) != size_at(kernel, 0)) {
    raise(PyExc_ValueError, "bias: expected one value for each of K's %lld output channels, got %lld",
          static_cast<long long>(size_at(kernel, 0)), static_cast<long long>(size_at(bias, 0)));
  }
  return bias;
}

}  // namespace

py::object forward(py::handle V, py::handle K, py::handle bias, py::handle stride, py::handle padding,
                   py::handle dilation, py::handle groups, py::handle out, py::handle algorithm) {
  const int rank = spatial_rank_of_kernel(K);
  const LayerArguments layer = parse_layer_arguments(rank, stride, padding, dilation, groups, algorithm);
  const Array input = read_activation("V", V, rank);
  const Array kernel = read_kernel(K, rank);
  require_same_data_type(kernel, input);
  const bool has_bias = !bias.is_none();
  const Array bias_array = has_bias ? read_bias_for(bias, kernel) : Array{};

  const Problem problem = make_problem(layer, input.data_type, sizes_of(input, kernel, rank));
  const Plan plan = make_plan(Pass::forward, problem, layer.algorithm);
  require_kernel_channels("K", size_at(kernel, 1), problem);

  const Shape shape =
      activation_shape(channel_axis(input, rank) == 1, problem, problem.out_channels, plan.output_size());
  Result result = make_result(out, input.data_type, shape, {&input, &kernel, has_bias ? &bias_array : nullptr});
  const CallMemory memory(plan.workspace_bytes());
  compute(plan.flops() + element_count(shape), [&] {
    return convgrad::forward(plan, view_of<ConstView>(input, rank), view_of<ConstView>(kernel, rank), bias_array.data,
                             bias_array.strides[0], view_of<View>(result.array, rank), memory.workspace());
  });
  return std::move(result.object);
}

py::object check_layer(py::handle K, py::handle bias, py::handle stride, py::handle padding, py::handle dilation,
                       py::handle groups) {
  const int rank = spatial_rank_of_kernel(K);
  const LayerArguments layer = parse_layer_arguments(rank, stride, padding, dilation, groups, py::str("auto"));
  const Array kernel = read_kernel(K, rank);
  if (!bias.is_none()) read_bias_for(bias, kernel);

  Sizes sizes;
  sizes.in_channels = channels_of_groups(size_at(kernel, 1), layer.groups);
  sizes.out_channels = size_at(kernel, 0);
  sizes.kernel = spatial_sizes(kernel.shape, rank);
  // The smallest input that the kernel fits into, so that nothing can be wrong but the layer itself.
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(rank); ++axis) {
    std::int64_t reach = 0;
    if (__builtin_mul_overflow(sizes.kernel[axis] - 1, layer.dilation[axis], &reach)) reach = 0;
    sizes.input[axis] = reach > 0 && reach < INT64_MAX ? reach + 1 : 1;
  }
  make_plan(Pass::forward, make_problem(layer, kernel.data_type, sizes), layer.algorithm);
  return py::none();
}

}  // namespace convgrad::bindings

// The gradients: grad_kernel, grad_input, grad_bias, and backward, which is all three.
#include "arguments.hpp"
#include "call_memory.hpp"
#include "compute.hpp"
#include "operations.hpp"

namespace convgrad::bindings {
namespace {

/// (out_channels, in_channels / groups, *kernel_size)
Shape kernel_shape(const Problem& problem) {
  Shape shape;
  shape.rank = problem.spatial_rank + 2;
  shape.size[0] = problem.out_channels;
  shape.size[1] = problem.in_channels / problem.groups;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(problem.spatial_rank); ++axis) {
    shape.size[axis + 2] = problem.kernel_size[axis];
  }
  return shape;
}

/// A gradient pass that is ready to run.
struct GradientCall {
  Plan plan;
  Result result;
};

GradientCall prepare_grad_kernel(const Array& grad_output, const Array& input, const Problem& problem,
                                 const AlgorithmChoice& algorithm, py::handle out) {
  GradientCall call;
  call.plan = make_plan(Pass::grad_kernel, problem, algorithm);
  const bool batched = channel_axis(input, problem.spatial_rank) == 1;
  require_grad_output_shape(grad_output,
                            activation_shape(batched, problem, problem.out_channels, call.plan.output_size()));
  call.result = make_result(out, problem.data_type, kernel_shape(problem), {&grad_output, &input});
  return call;
}

GradientCall prepare_grad_input(const Array& grad_output, const Array& kernel, const Problem& problem,
                                const AlgorithmChoice& algorithm, py::handle out) {
  GradientCall call;
  call.plan = make_plan(Pass::grad_input, problem, algorithm);
  const bool batched = channel_axis(grad_output, problem.spatial_rank) == 1;
  require_grad_output_shape(grad_output,
                            activation_shape(batched, problem, problem.out_channels, call.plan.output_size()));
  call.result =
      make_result(out, problem.data_type, activation_shape(batched, problem, problem.in_channels, problem.input_size),
                  {&grad_output, &kernel});
  return call;
}

void run_grad_kernel(const GradientCall& call, const Array& grad_output, const Array& input) {
  const int rank = call.plan.problem().spatial_rank;
  const CallMemory memory(call.plan.workspace_bytes());
  compute(call.plan.flops() + element_count(call.result.array.shape), [&] {
    return convgrad::grad_kernel(call.plan, view_of<ConstView>(grad_output, rank), view_of<ConstView>(input, rank),
                                 view_of<View>(call.result.array, rank), memory.workspace());
  });
}

void run_grad_input(const GradientCall& call, const Array& grad_output, const Array& kernel) {
  const int rank = call.plan.problem().spatial_rank;
  const CallMemory memory(call.plan.workspace_bytes());
  compute(call.plan.flops() + element_count(call.result.array.shape), [&] {
    return convgrad::grad_input(call.plan, view_of<ConstView>(grad_output, rank), view_of<ConstView>(kernel, rank),
                                view_of<View>(call.result.array, rank), memory.workspace());
  });
}

/// The rank that an array of G's or V's kind has when nothing else tells: 3 and 4 axes are read as two-dimensional.
int default_spatial_rank(const char* name, py::handle array) {
  const int axes = array_rank(name, array);
  if (axes < 2 || axes > max_rank) raise(PyExc_ValueError, "%s: expected 2 to 5 axes, got %d", name, axes);
  return axes == 2 ? 1 : axes == 5 ? 3 : 2;
}

/// A sequence tells the rank, an int does not.
int spatial_rank_from(py::handle kernel_size, py::handle V) {
  std::int64_t value = 0;
  if (read_integer("kernel_size", kernel_size, value)) return default_spatial_rank("V", V);
  const py::ssize_t size = sequence_size(kernel_size);
  if (size < 0) {
    raise(PyExc_TypeError, "kernel_size: expected an int or a sequence of ints (one per spatial axis), got %.100s",
          type_name(kernel_size));
  }
  if (size < 1 || size > max_spatial_rank) {
    raise(PyExc_ValueError, "kernel_size: expected 1, 2 or 3 values (one per spatial axis), got %zd", size);
  }
  return static_cast<int>(size);
}

py::object sum_to_bias(const Array& grad_output, int spatial_rank) {
  Shape shape;
  const int channels = channel_axis(grad_output, spatial_rank);
  shape.rank = 1;
  shape.size[0] = size_at(grad_output, channels);
  Result result = make_result(py::none(), grad_output.data_type, shape, {});
  compute(element_count(grad_output.shape) + element_count(shape), [&] {
    return convgrad::grad_bias(grad_output.data_type, spatial_rank, channels == 1 ? size_at(grad_output, 0) : 1,
                               shape.size[0], spatial_sizes(grad_output.shape, spatial_rank),
                               view_of<ConstView>(grad_output, spatial_rank), result.array.data, 1);
  });
  return result.object;
}

}  // namespace

py::object grad_kernel(py::handle G, py::handle V, py::handle kernel_size, py::handle stride, py::handle padding,
                       py::handle dilation, py::handle groups, py::handle out, py::handle algorithm) {
  const int rank = spatial_rank_from(kernel_size, V);
  Sizes sizes;
  sizes.kernel = parse_axis_values("kernel_size", kernel_size, rank);
  const LayerArguments layer = parse_layer_arguments(rank, stride, padding, dilation, groups, algorithm);
  const Array grad_output = read_activation("G", G, rank);
  const Array input = read_activation("V", V, rank);
  require_same_data_type(grad_output, input);

  sizes.batch = batch_size(input, rank);
  sizes.in_channels = size_at(input, channel_axis(input, rank));
  sizes.out_channels = size_at(grad_output, channel_axis(grad_output, rank));
  sizes.input = spatial_sizes(input.shape, rank);
  const Problem problem = make_problem(layer, input.data_type, sizes);
  GradientCall call = prepare_grad_kernel(grad_output, input, problem, layer.algorithm, out);
  run_grad_kernel(call, grad_output, input);
  return std::move(call.result.object);
}

py::object grad_input(py::handle G, py::handle K, py::handle input_size, py::handle stride, py::handle padding,
                      py::handle dilation, py::handle groups, py::handle out, py::handle algorithm) {
  const int rank = spatial_rank_of_kernel(K);
  Sizes sizes;
  sizes.input = parse_axis_values("input_size", input_size, rank);
  const LayerArguments layer = parse_layer_arguments(rank, stride, padding, dilation, groups, algorithm);
  const Array grad_output = read_activation("G", G, rank);
  const Array kernel = read_kernel(K, rank);
  require_same_data_type(kernel, grad_output);

  sizes.batch = batch_size(grad_output, rank);
  sizes.in_channels = channels_of_groups(size_at(kernel, 1), layer.groups);
  sizes.out_channels = size_at(kernel, 0);
  sizes.kernel = spatial_sizes(kernel.shape, rank);
  const Problem problem = make_problem(layer, kernel.data_type, sizes);
  GradientCall call = prepare_grad_input(grad_output, kernel, problem, layer.algorithm, out);
  run_grad_input(call, grad_output, kernel);
  return std::move(call.result.object);
}

py::object grad_bias(py::handle G, py::handle spatial_rank) {
  if (spatial_rank.is_none()) {
    const int rank = default_spatial_rank("G", G);
    return sum_to_bias(read_activation("G", G, rank), rank);
  }
  const std::int64_t rank = parse_integer("spatial_rank", spatial_rank);
  if (rank < 1 || rank > max_spatial_rank) {
    raise(PyExc_ValueError, "spatial_rank: expected 1, 2 or 3, got %lld", static_cast<long long>(rank));
  }
  return sum_to_bias(read_activation("G", G, static_cast<int>(rank)), static_cast<int>(rank));
}

py::object backward(py::handle G, py::handle V, py::handle K, py::handle stride, py::handle padding,
                    py::handle dilation, py::handle groups, py::handle algorithm) {
  const int rank = spatial_rank_of_kernel(K);
  const LayerArguments layer = parse_layer_arguments(rank, stride, padding, dilation, groups, algorithm);
  const Array grad_output = read_activation("G", G, rank);
  const Array input = read_activation("V", V, rank);
  const Array kernel = read_kernel(K, rank);
  require_same_data_type(kernel, input);
  require_same_data_type(grad_output, input);

  const Problem problem = make_problem(layer, input.data_type, sizes_of(input, kernel, rank));
  GradientCall to_kernel = prepare_grad_kernel(grad_output, input, problem, layer.algorithm, py::none());
  require_kernel_channels("K", size_at(kernel, 1), problem);
  GradientCall to_input = prepare_grad_input(grad_output, kernel, problem, layer.algorithm, py::none());
  run_grad_input(to_input, grad_output, kernel);
  run_grad_kernel(to_kernel, grad_output, input);
  return py::make_tuple(std::move(to_input.result.object), std::move(to_kernel.result.object),
                        sum_to_bias(grad_output, rank));
}

}  // namespace convgrad::bindings

// From the arguments of a Python call to a convgrad::Problem and its Plan; see arguments.hpp.
#include "arguments.hpp"

#include <cstring>

namespace convgrad::bindings {

AlgorithmChoice parse_algorithm(py::handle object) {
  PyObject* const name = object.ptr();
  if (!PyUnicode_Check(name)) raise(PyExc_TypeError, "algorithm: expected a string, got %.100s", type_name(object));
  if (PyUnicode_CompareWithASCIIString(name, "auto") == 0) return {Algorithm::automatic};
  if (PyUnicode_CompareWithASCIIString(name, "gemm") == 0) return {Algorithm::gemm};
  if (PyUnicode_CompareWithASCIIString(name, "reference") == 0) return {Algorithm::reference};
  const char* const text = PyUnicode_AsUTF8(name);
  if (text == nullptr) throw py::error_already_set();
  constexpr char prefix[] = "gemm:";
  if (std::strncmp(text, prefix, std::strlen(prefix)) == 0) return {Algorithm::gemm, text + std::strlen(prefix)};
  raise(PyExc_ValueError, "algorithm: expected 'auto', 'gemm' or 'reference', got %.60R", name);
}

LayerArguments parse_layer_arguments(int spatial_rank, py::handle stride, py::handle padding, py::handle dilation,
                                     py::handle groups, py::handle algorithm) {
  LayerArguments layer;
  layer.spatial_rank = spatial_rank;
  layer.stride = parse_axis_values("stride", stride, spatial_rank);
  layer.padding = parse_padding(padding, spatial_rank);
  layer.dilation = parse_axis_values("dilation", dilation, spatial_rank);
  layer.groups = parse_integer("groups", groups);
  layer.algorithm = parse_algorithm(algorithm);
  return layer;
}

AxisValues spatial_sizes(const Shape& shape, int spatial_rank) {
  AxisValues sizes{1, 1, 1};
  const int first = shape.rank - spatial_rank;
  for (int axis = 0; axis < spatial_rank; ++axis) {
    sizes[static_cast<std::size_t>(axis)] = shape.size[static_cast<std::size_t>(first + axis)];
  }
  return sizes;
}

std::int64_t batch_size(const Array& activation, int spatial_rank) {
  return channel_axis(activation, spatial_rank) == 1 ? size_at(activation, 0) : 1;
}

Sizes sizes_of(const Array& input, const Array& kernel, int spatial_rank) {
  Sizes sizes;
  sizes.batch = batch_size(input, spatial_rank);
  sizes.in_channels = size_at(input, channel_axis(input, spatial_rank));
  sizes.out_channels = size_at(kernel, 0);
  sizes.input = spatial_sizes(input.shape, spatial_rank);
  sizes.kernel = spatial_sizes(kernel.shape, spatial_rank);
  return sizes;
}

Problem make_problem(const LayerArguments& layer, DataType data_type, const Sizes& sizes) noexcept {
  Problem problem;
  problem.data_type = data_type;
  problem.spatial_rank = layer.spatial_rank;
  problem.batch = sizes.batch;
  problem.in_channels = sizes.in_channels;
  problem.out_channels = sizes.out_channels;
  problem.groups = layer.groups;
  problem.input_size = sizes.input;
  problem.kernel_size = sizes.kernel;
  problem.stride = layer.stride;
  problem.dilation = layer.dilation;
  apply_padding(layer.padding, problem);
  return problem;
}

Plan make_plan(Pass pass, const Problem& problem, const AlgorithmChoice& algorithm) {
  Plan plan;
  PlanOptions options;
  options.algorithm = algorithm.algorithm;
  options.way = algorithm.way;
  require(Plan::make(pass, problem, options, plan));
  return plan;
}

void require_kernel_channels(const char* name, std::int64_t channels, const Problem& problem) {
  const std::int64_t expected = problem.in_channels / problem.groups;
  if (channels == expected) return;
  raise(PyExc_ValueError, "%s: expected in_channels / groups = %lld / %lld = %lld as its second size, got %lld", name,
        static_cast<long long>(problem.in_channels), static_cast<long long>(problem.groups),
        static_cast<long long>(expected), static_cast<long long>(channels));
}

std::int64_t channels_of_groups(std::int64_t channels, std::int64_t groups) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(channels, groups, &product)) {
    raise(PyExc_ValueError, "groups: expected fewer, got %lld groups of %lld input channels",
          static_cast<long long>(groups), static_cast<long long>(channels));
  }
  // A number of groups that makes no sense is refused by the plan, which is asked before the product is used.
  return product < 0 ? channels : product;
}

Shape activation_shape(bool batched, const Problem& problem, std::int64_t channels, const AxisValues& spatial) {
  Shape shape;
  const auto append = [&shape](std::int64_t size) { shape.size[static_cast<std::size_t>(shape.rank++)] = size; };
  if (batched) append(problem.batch);
  append(channels);
  for (int axis = 0; axis < problem.spatial_rank; ++axis) append(spatial[static_cast<std::size_t>(axis)]);
  return shape;
}

void require_grad_output_shape(const Array& grad_output, const Shape& expected) {
  bool same = grad_output.shape.rank == expected.rank;
  for (int axis = 0; same && axis < expected.rank; ++axis) {
    same = size_at(grad_output, axis) == expected.size[static_cast<std::size_t>(axis)];
  }
  if (same) return;
  raise(PyExc_ValueError, "%s: expected the shape that forward gives here, %R, got %R", grad_output.name,
        shape_tuple(expected).ptr(), shape_tuple(grad_output.shape).ptr());
}

}  // namespace convgrad::bindings

// plan(...): what would run for a pass of a problem, without arrays.
#include "arguments.hpp"
#include "operations.hpp"

namespace convgrad::bindings {
namespace {

const char* algorithm_name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::gemm: return "gemm";
    case Algorithm::reference: return "reference";
    case Algorithm::automatic: break;
  }
  return "auto";
}

py::object whole_number(double value) {
  auto number = py::reinterpret_steal<py::object>(PyLong_FromDouble(value));
  if (!number) throw py::error_already_set();
  return number;
}

Pass parse_pass(py::handle object) {
  PyObject* const name = object.ptr();
  if (!PyUnicode_Check(name)) raise(PyExc_TypeError, "pass_name: expected a string, got %.100s", type_name(object));
  if (PyUnicode_CompareWithASCIIString(name, "forward") == 0) return Pass::forward;
  if (PyUnicode_CompareWithASCIIString(name, "grad_kernel") == 0) return Pass::grad_kernel;
  if (PyUnicode_CompareWithASCIIString(name, "grad_input") == 0) return Pass::grad_input;
  raise(PyExc_ValueError, "pass_name: expected 'forward', 'grad_kernel' or 'grad_input', got %.60R", name);
}

std::string description_of(const Plan& plan) {
  std::string text(plan.describe(nullptr, 0), '\0');
  plan.describe(text.data(), text.size() + 1);
  return text;
}

}  // namespace

py::tuple plan(py::handle pass_name, py::handle input_shape, py::handle kernel_shape, py::handle dtype,
               py::handle stride, py::handle padding, py::handle dilation, py::handle groups, py::handle algorithm) {
  const Pass pass = parse_pass(pass_name);
  const Shape kernel = parse_shape("kernel_shape", kernel_shape, 3, max_rank, "the shape of K");
  const int rank = kernel.rank - 2;
  const Shape input =
      parse_shape("input_shape", input_shape, rank + 1, rank + 2,
                  "the shape of V (channels and as many spatial axes as K, a batch axis before them or not)");
  const LayerArguments layer = parse_layer_arguments(rank, stride, padding, dilation, groups, algorithm);
  const bool batched = input.rank == rank + 2;

  Sizes sizes;
  sizes.batch = batched ? input.size[0] : 1;
  sizes.in_channels = input.size[batched ? 1 : 0];
  sizes.out_channels = kernel.size[0];
  sizes.input = spatial_sizes(input, rank);
  sizes.kernel = spatial_sizes(kernel, rank);
  const Problem problem = make_problem(layer, parse_data_type(dtype), sizes);
  const Plan plan = make_plan(pass, problem, layer.algorithm);
  require_kernel_channels("kernel_shape", kernel.size[1], problem);

  Shape output = kernel;
  if (pass == Pass::forward) output = activation_shape(batched, problem, sizes.out_channels, plan.output_size());
  if (pass == Pass::grad_input) output = input;
  return py::make_tuple(algorithm_name(plan.algorithm()), shape_tuple(output), whole_number(plan.flops()),
                        plan.workspace_bytes(), plan.threads(), plan.isa(), plan.error_constant(),
                        description_of(plan));
}

}  // namespace convgrad::bindings

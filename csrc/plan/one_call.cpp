// convgrad/tensor.hpp: the problem read off the tensors' sizes, then a plan for one run.
#include <convgrad/tensor.hpp>

#include <cinttypes>

#include "core/index.hpp"

namespace convgrad {

namespace {

std::int64_t at(const Extents& extents, int axis) noexcept { return extents.values[static_cast<std::size_t>(axis)]; }

Status check_tensor(const char* name, const ConstTensorView& tensor, int fewest_axes, int most_axes,
                    DataType data_type) noexcept {
  const int rank = tensor.size.rank;
  if (rank < fewest_axes || rank > most_axes)
    return Status::invalid("%s: expected %d to %d axes, got %s%d", name, fewest_axes, most_axes,
                           rank < 0 ? "more than " : "", rank < 0 ? max_rank : rank);
  if (tensor.stride.rank != rank)
    return Status::invalid("%s: expected a stride for each of its %d axes, got %d", name, rank, tensor.stride.rank);
  if (!tensor.complete) return Status::invalid("%s: its container holds fewer elements than its sizes say", name);
  if (tensor.data_type != data_type)
    return Status::invalid("%s: expected the data type of the first operand; convert one of the two", name);
  for (int a = 0; a < rank; ++a)
    if (at(tensor.size, a) < 0)
      return Status::invalid("%s: expected sizes of at least 0, got %" PRId64 " on axis %d", name, at(tensor.size, a),
                             a);
  return {};
}

Status check_size(const char* name, const char* what, std::int64_t got, std::int64_t expected) noexcept {
  if (got == expected) return {};
  return Status::invalid("%s: expected %s %" PRId64 ", got %" PRId64, name, what, expected, got);
}

Status spread(const char* name, const PerAxis& option, int spatial_rank,
              std::array<std::int64_t, max_spatial_rank>& values) noexcept {
  const int rank = option.values.rank;
  if (rank != 1 && rank != spatial_rank)
    return Status::invalid("%s: expected one value or one for each of %d spatial axes, got %d", name, spatial_rank,
                           rank);
  for (int a = 0; a < spatial_rank; ++a) values[static_cast<std::size_t>(a)] = at(option.values, rank == 1 ? 0 : a);
  return {};
}

// A tensor of images, with or without a batch axis, as one with.
struct Images {
  std::int64_t batch = 1;
  std::int64_t channels = 0;
  std::array<std::int64_t, max_spatial_rank> size{};
  std::array<std::int64_t, max_rank> strides{};
};

Images images_of(const ConstTensorView& tensor, int spatial_rank) noexcept {
  Images images;
  const int first = tensor.size.rank - spatial_rank - 1;  // the channel axis: 0 or 1
  if (first == 1) images.batch = at(tensor.size, 0);
  images.channels = at(tensor.size, first);
  for (int a = 0; a < spatial_rank; ++a) images.size[static_cast<std::size_t>(a)] = at(tensor.size, first + 1 + a);
  for (int a = first == 1 ? 0 : 1; a < spatial_rank + 2; ++a)
    images.strides[static_cast<std::size_t>(a)] = at(tensor.stride, a - (1 - first));
  return images;
}

struct Layer {
  const char* input_name;
  const ConstTensorView& input;
  const char* kernel_name;
  const ConstTensorView& kernel;
  const char* output_name;
  const ConstTensorView& output;
};

// What a pass needs beside its pointers.
struct Prepared {
  Plan plan;
  std::array<std::int64_t, max_rank> input_strides{}, output_strides{};
};

Status read_problem(const Layer& layer, const LayerOptions& options, Problem& problem, Prepared& prepared,
                    Images& output) noexcept {
  const DataType data_type = layer.input.data_type;
  if (Status status = check_tensor(layer.kernel_name, layer.kernel, 3, max_rank, data_type); !status.ok())
    return status;
  const int spatial_rank = layer.kernel.size.rank - 2;
  if (Status status = check_tensor(layer.input_name, layer.input, spatial_rank + 1, spatial_rank + 2, data_type);
      !status.ok())
    return status;
  const int input_rank = layer.input.size.rank;
  if (Status status = check_tensor(layer.output_name, layer.output, input_rank, input_rank, data_type); !status.ok())
    return status;

  const Images input = images_of(layer.input, spatial_rank);
  output = images_of(layer.output, spatial_rank);
  prepared.input_strides = input.strides;
  prepared.output_strides = output.strides;
  problem.data_type = data_type;
  problem.spatial_rank = spatial_rank;
  problem.batch = input.batch;
  problem.in_channels = input.channels;
  problem.out_channels = at(layer.kernel.size, 0);
  problem.groups = options.groups;
  problem.input_size = input.size;
  for (int a = 0; a < spatial_rank; ++a)
    problem.kernel_size[static_cast<std::size_t>(a)] = at(layer.kernel.size, 2 + a);
  if (Status status = spread("stride", options.stride, spatial_rank, problem.stride); !status.ok()) return status;
  if (Status status = spread("dilation", options.dilation, spatial_rank, problem.dilation); !status.ok()) return status;
  if (Status status = spread("padding_before", options.padding_before, spatial_rank, problem.padding_before);
      !status.ok())
    return status;
  return spread("padding_after", options.padding_after, spatial_rank, problem.padding_after);
}

Status prepare(Pass pass, const Layer& layer, const LayerOptions& options, Prepared& prepared) noexcept {
  Problem problem;
  Images output;
  if (Status status = read_problem(layer, options, problem, prepared, output); !status.ok()) return status;
  if (Status status = Plan::make(pass, problem, options.plan, prepared.plan); !status.ok()) return status;
  if (Status status = check_size(layer.kernel_name, "input channels per group", at(layer.kernel.size, 1),
                                 problem.in_channels / problem.groups);
      !status.ok())
    return status;
  if (Status status = check_size(layer.output_name, "a batch of", output.batch, problem.batch); !status.ok())
    return status;
  if (Status status = check_size(layer.output_name, "a number of channels of", output.channels, problem.out_channels);
      !status.ok())
    return status;
  for (std::size_t a = 0; a < static_cast<std::size_t>(problem.spatial_rank); ++a)
    if (Status status =
            check_size(layer.output_name, "a spatial size of", output.size[a], prepared.plan.output_size()[a]);
        !status.ok())
      return status;
  return {};
}

}  // namespace

Status forward(const ConstTensorView& input, const ConstTensorView& kernel, const TensorView& output,
               const LayerOptions& options, const ConstTensorView& bias) noexcept {
  Prepared prepared;
  if (Status status = prepare(Pass::forward, {"input", input, "kernel", kernel, "output", output}, options, prepared);
      !status.ok())
    return status;
  if (bias.size.rank != 0) {
    if (Status status = check_tensor("bias", bias, 1, 1, input.data_type); !status.ok()) return status;
    if (Status status = check_size("bias", "a number of values of", at(bias.size, 0), at(kernel.size, 0)); !status.ok())
      return status;
    if (bias.data == nullptr && at(bias.size, 0) > 0) return Status::invalid("bias: the pointer is null");
  }
  return forward(prepared.plan, ConstView{input.data, prepared.input_strides},
                 ConstView{kernel.data, kernel.stride.values}, bias.data, at(bias.stride, 0),
                 View{output.data, prepared.output_strides}, options.workspace);
}

Status grad_kernel(const ConstTensorView& grad_output, const ConstTensorView& input, const TensorView& grad_kernel,
                   const LayerOptions& options) noexcept {
  Prepared prepared;
  const Layer layer{"input", input, "grad_kernel", grad_kernel, "grad_output", grad_output};
  if (Status status = prepare(Pass::grad_kernel, layer, options, prepared); !status.ok()) return status;
  return convgrad::grad_kernel(prepared.plan, ConstView{grad_output.data, prepared.output_strides},
                               ConstView{input.data, prepared.input_strides},
                               View{grad_kernel.data, grad_kernel.stride.values}, options.workspace);
}

Status grad_input(const ConstTensorView& grad_output, const ConstTensorView& kernel, const TensorView& grad_input,
                  const LayerOptions& options) noexcept {
  Prepared prepared;
  const Layer layer{"grad_input", grad_input, "kernel", kernel, "grad_output", grad_output};
  if (Status status = prepare(Pass::grad_input, layer, options, prepared); !status.ok()) return status;
  return convgrad::grad_input(prepared.plan, ConstView{grad_output.data, prepared.output_strides},
                              ConstView{kernel.data, kernel.stride.values},
                              View{grad_input.data, prepared.input_strides}, options.workspace);
}

Status grad_bias(const ConstTensorView& grad_output, const TensorView& grad_bias,
                 const LayerOptions& options) noexcept {
  if (Status status = check_tensor("grad_output", grad_output, 3, max_rank, grad_output.data_type); !status.ok())
    return status;
  if (Status status = check_tensor("grad_bias", grad_bias, 1, 1, grad_output.data_type); !status.ok()) return status;
  if (Status status = check_size("grad_bias", "a number of values of", at(grad_bias.size, 0), at(grad_output.size, 1));
      !status.ok())
    return status;
  const int spatial_rank = grad_output.size.rank - 2;
  const Images images = images_of(grad_output, spatial_rank);
  return convgrad::grad_bias(grad_output.data_type, spatial_rank, images.batch, images.channels, images.size,
                             ConstView{grad_output.data, images.strides}, grad_bias.data, at(grad_bias.stride, 0),
                             options.plan);
}

}  // namespace convgrad

// From the arguments of a Python call to a convgrad::Problem and its Plan.
//
// Order matters. Parsing an integer may run Python code (__index__) that changes an array in place. So everything that
// is not an array is parsed first, and no Python code runs between reading an array and computing on it.
#pragma once

#include "arrays.hpp"
#include "padding.hpp"

namespace convgrad::bindings {

/// An algorithm, and for tests and measuring the way that it is to take: "gemm:pixel_rows".
struct AlgorithmChoice {
  Algorithm algorithm = Algorithm::automatic;
  const char* way = nullptr;  // lives as long as the string that it was read from
};

/// The arguments that all passes share.
struct LayerArguments {
  int spatial_rank = 2;
  AxisValues stride{};
  AxisValues dilation{};
  Padding padding;
  std::int64_t groups = 1;
  AlgorithmChoice algorithm;
};

AlgorithmChoice parse_algorithm(py::handle object);
LayerArguments parse_layer_arguments(int spatial_rank, py::handle stride, py::handle padding, py::handle dilation,
                                     py::handle groups, py::handle algorithm);

/// The sizes of V and K, which fix those of everything else.
struct Sizes {
  std::int64_t batch = 1;
  std::int64_t in_channels = 1;
  std::int64_t out_channels = 1;
  AxisValues input{};
  AxisValues kernel{};
};

std::int64_t batch_size(const Array& activation, int spatial_rank);

/// The sizes that an input and a kernel have.
Sizes sizes_of(const Array& input, const Array& kernel, int spatial_rank);

/// The spatial sizes at the end of a shape.
AxisValues spatial_sizes(const Shape& shape, int spatial_rank);

Problem make_problem(const LayerArguments& layer, DataType data_type, const Sizes& sizes) noexcept;

/// Every check that needs sizes alone is made here, by the library.
Plan make_plan(Pass pass, const Problem& problem, const AlgorithmChoice& algorithm);

/// The second size of K, `channels`, must be in_channels / groups. Needs a problem that a plan was made from.
void require_kernel_channels(const char* name, std::int64_t channels, const Problem& problem);

/// in_channels = K's second axis x groups.
std::int64_t channels_of_groups(std::int64_t channels, std::int64_t groups);

/// The shape of an activation of the problem: Z and G with out_channels and the output size, V with its own.
Shape activation_shape(bool batched, const Problem& problem, std::int64_t channels, const AxisValues& spatial);

/// G must have the shape that forward gives.
void require_grad_output_shape(const Array& grad_output, const Shape& expected);

}  // namespace convgrad::bindings

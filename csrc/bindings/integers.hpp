// Integers and short sequences of integers from Python objects. Whatever has __index__ counts as an integer, except
// bool; an integer that does not fit into 64 bits is a ValueError that names its argument.
#pragma once

#include <array>
#include <cstdint>

#include "errors.hpp"

namespace convgrad::bindings {

/// One value per spatial axis, from the front.
using AxisValues = std::array<std::int64_t, max_spatial_rank>;

/// A tensor's shape with its number of axes.
struct Shape {
  int rank = 0;
  std::array<std::int64_t, max_rank> size{};
};

/// False when the object is no integer. May run Python code (__index__).
bool read_integer(const char* name, py::handle object, std::int64_t& value);

std::int64_t parse_integer(const char* name, py::handle object);

/// The number of items, or -1 when the object is no sequence. Text and bytes are not sequences here.
py::ssize_t sequence_size(py::handle object);

/// Item `index` of a sequence whose size was read before, as a new reference.
py::object sequence_item(py::handle sequence, py::ssize_t index);

/// An int for all `rank` axes, or a sequence of `rank` ints.
AxisValues parse_axis_values(const char* name, py::handle object, int rank);

/// A whole shape: a sequence of `smallest` to `largest` ints. `meaning` names its axes in the error message.
Shape parse_shape(const char* name, py::handle object, int smallest, int largest, const char* meaning);

/// The tuple that stands for a shape in results and messages.
py::tuple shape_tuple(const std::int64_t* sizes, int rank);
inline py::tuple shape_tuple(const Shape& shape) { return shape_tuple(shape.size.data(), shape.rank); }

}  // namespace convgrad::bindings

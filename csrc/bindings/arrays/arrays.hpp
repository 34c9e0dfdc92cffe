// NumPy arrays as tensors: type, data type, number of axes and strides are checked, nothing is copied or cast.
//
// The fields of the array object are read directly. On a small problem a call costs what its arguments cost, and the
// general conversions would make that several times as much.
#pragma once

#include <initializer_list>

#include "integers.hpp"

namespace convgrad::bindings {

/// An array taken apart. It holds no reference: the caller's arguments outlive the call.
struct Array {
  const char* name = nullptr;  ///< of the argument, for messages
  DataType data_type = DataType::float32;
  Shape shape;
  std::array<std::int64_t, max_rank> strides{};  ///< in elements; 0 on an axis that is never stepped along
  void* data = nullptr;
};

/// The spatial rank of a problem whose kernel is K: K.ndim - 2.
int spatial_rank_of_kernel(py::handle K);

/// The number of axes of an argument that must be an array.
int array_rank(const char* name, py::handle object);

/// V or G, with or without a batch axis.
Array read_activation(const char* name, py::handle object, int spatial_rank);
Array read_kernel(py::handle object, int spatial_rank);
Array read_bias(py::handle object);

/// Index of the channel axis of an activation: 1 with a batch axis, 0 without.
inline int channel_axis(const Array& activation, int spatial_rank) { return activation.shape.rank - spatial_rank - 1; }
inline std::int64_t size_at(const Array& array, int axis) { return array.shape.size[static_cast<std::size_t>(axis)]; }

void require_same_data_type(const Array& array, const Array& other);

/// The view of an activation or kernel, with stride 0 for a batch axis that the array does not have.
template <class View>
View view_of(const Array& array, int spatial_rank) {
  View view;
  view.data = array.data;
  const int missing = spatial_rank + 2 - array.shape.rank;
  for (int axis = 0; axis < array.shape.rank; ++axis) {
    view.strides[static_cast<std::size_t>(axis + missing)] = array.strides[static_cast<std::size_t>(axis)];
  }
  return view;
}

/// Where a result goes: a fresh C-contiguous array, or `out` once it is known to fit and to overlap no operand.
struct Result {
  py::object object;
  Array array;
};
Result make_result(py::handle out, DataType data_type, const Shape& shape,
                   std::initializer_list<const Array*> operands);

}  // namespace convgrad::bindings

// NumPy arrays as tensors; see arrays.hpp.
#include "arrays/arrays.hpp"

#include <pybind11/numpy.h>

#include <cstring>

#include "arrays/overlap.hpp"
#include "arrays/result_memory.hpp"

namespace convgrad::bindings {
namespace {

using NumPy = py::detail::npy_api;

constexpr std::int64_t element_bytes(DataType data_type) { return data_type == DataType::float32 ? 4 : 8; }
constexpr const char* type_text(DataType data_type) { return data_type == DataType::float32 ? "float32" : "float64"; }

const py::detail::PyArray_Proxy* as_array(const char* name, py::handle object) {
  if (!NumPy::get().PyArray_Check_(object.ptr())) {
    raise(PyExc_TypeError, "%s: expected a numpy.ndarray, got %.100s; convert it with numpy.asarray", name,
          type_name(object));
  }
  // Its data is only half of it, and a computation that does not see the mask is not what it was made for.
  for (const PyTypeObject* type = Py_TYPE(object.ptr()); type != nullptr; type = type->tp_base) {
    if (std::strcmp(type->tp_name, "MaskedArray") == 0) {
      raise(PyExc_TypeError, "%s: expected a numpy.ndarray, got a masked array; use %s.filled(0) or %s.data", name,
            name, name);
    }
  }
  return py::detail::array_proxy(object.ptr());
}

py::tuple shape_of(const py::detail::PyArray_Proxy* array) {
  py::tuple shape(array->nd);
  for (int axis = 0; axis < array->nd; ++axis)
    shape[static_cast<std::size_t>(axis)] = py::int_(array->dimensions[axis]);
  return shape;
}

DataType read_data_type(const char* name, const py::detail::PyArray_Proxy* array) {
  const auto* descriptor = py::detail::array_descriptor_proxy(array->descr);
  const char swapped = PY_LITTLE_ENDIAN ? '>' : '<';
  if (descriptor->byteorder != swapped) {
    if (descriptor->type_num == NumPy::NPY_FLOAT_) return DataType::float32;
    if (descriptor->type_num == NumPy::NPY_DOUBLE_) return DataType::float64;
  }
  raise(PyExc_TypeError,
        "%s: expected dtype float32 or float64 in native byte order, got %.100S; convert it, e.g. "
        "%s.astype(numpy.float32)",
        name, array->descr, name);
}

/// Takes an array of at most max_rank axes apart.
Array read(const char* name, const py::detail::PyArray_Proxy* array) {
  Array result;
  result.name = name;
  result.data_type = read_data_type(name, array);
  result.data = array->data;
  result.shape.rank = array->nd;
  bool empty = false;
  for (int axis = 0; axis < array->nd; ++axis) {
    const py::ssize_t size = array->dimensions[axis];
    result.shape.size[static_cast<std::size_t>(axis)] = size;
    empty |= size == 0;
  }
  if (empty) return result;
  const std::int64_t bytes = element_bytes(result.data_type);
  if (reinterpret_cast<std::uintptr_t>(array->data) % static_cast<std::uintptr_t>(bytes) != 0) {
    raise(PyExc_ValueError,
          "%s: expected an array that is aligned in memory, got a misaligned one; copy it, e.g. %s.copy() "
          "(numpy.ascontiguousarray may return it as it is)",
          name, name);
  }
  for (int axis = 0; axis < array->nd; ++axis) {
    // NumPy lets the stride of an axis of one element be anything.
    if (array->dimensions[axis] == 1) continue;
    const std::int64_t stride = array->strides[axis];
    if (stride % bytes != 0) {
      raise(PyExc_ValueError,
            "%s: expected strides that are multiples of its elements' %lld bytes, got %lld; copy it, e.g. "
            "%s.copy() or numpy.ascontiguousarray(%s)",
            name, static_cast<long long>(bytes), static_cast<long long>(stride), name, name);
    }
    result.strides[static_cast<std::size_t>(axis)] = stride / bytes;
  }
  return result;
}

Elements elements(const Array& array) {
  const auto address = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(array.data));
  return {address / element_bytes(array.data_type), array.shape.rank, array.shape.size, array.strides};
}

py::object new_array(DataType data_type, const Shape& shape) {
  const NumPy& numpy = NumPy::get();
  std::array<Py_intptr_t, max_rank> sizes{};
  std::int64_t bytes = element_bytes(data_type);
  bool fits = true;
  for (int axis = 0; axis < shape.rank; ++axis) {
    const std::int64_t size = shape.size[static_cast<std::size_t>(axis)];
    sizes[static_cast<std::size_t>(axis)] = static_cast<Py_intptr_t>(size);
    fits = fits && !__builtin_mul_overflow(bytes, size, &bytes);
  }
  PyObject* const descriptor =
      numpy.PyArray_DescrFromType_(data_type == DataType::float32 ? NumPy::NPY_FLOAT_ : NumPy::NPY_DOUBLE_);
  const ResultMemory memory(fits ? static_cast<std::size_t>(bytes) : 0);
  auto array = py::reinterpret_steal<py::object>(numpy.PyArray_NewFromDescr_(
      numpy.PyArray_Type_, descriptor, shape.rank, sizes.data(), nullptr, nullptr, 0, nullptr));
  if (!array) throw py::error_already_set();
  return array;
}

void check_out(const py::detail::PyArray_Proxy* out, DataType data_type, const Shape& shape) {
  bool fits = out->nd == shape.rank;
  for (int axis = 0; fits && axis < shape.rank; ++axis) {
    fits = out->dimensions[axis] == shape.size[static_cast<std::size_t>(axis)];
  }
  if (!fits) {
    raise(PyExc_ValueError, "out: expected the shape of the result, %R, got %R", shape_tuple(shape).ptr(),
          shape_of(out).ptr());
  }
  if (read_data_type("out", out) != data_type) {
    raise(PyExc_TypeError, "out: expected the dtype of the operands, %s, got %.100S", type_text(data_type), out->descr);
  }
  if ((out->flags & NumPy::NPY_ARRAY_WRITEABLE_) == 0) {
    raise(PyExc_ValueError, "out: expected a writeable array, got a read-only one");
  }
}

}  // namespace

int array_rank(const char* name, py::handle object) { return as_array(name, object)->nd; }

int spatial_rank_of_kernel(py::handle K) {
  const auto* array = as_array("K", K);
  if (array->nd < 3 || array->nd > max_rank) {
    raise(PyExc_ValueError,
          "K: expected 3, 4 or 5 axes (out_channels, in_channels / groups and 1, 2 or 3 spatial axes), got shape %R",
          shape_of(array).ptr());
  }
  return array->nd - 2;
}

Array read_activation(const char* name, py::handle object, int spatial_rank) {
  const auto* array = as_array(name, object);
  if (array->nd != spatial_rank + 1 && array->nd != spatial_rank + 2) {
    raise(PyExc_ValueError,
          "%s: expected %d axes (channels and %d spatial) or %d (with a batch axis in front), got shape %R", name,
          spatial_rank + 1, spatial_rank, spatial_rank + 2, shape_of(array).ptr());
  }
  return read(name, array);
}

Array read_kernel(py::handle object, int spatial_rank) {
  const auto* array = as_array("K", object);
  // Parsing the other arguments may have run Python code that reshaped K in place.
  if (array->nd != spatial_rank + 2) {
    raise(PyExc_ValueError, "K: expected %d axes, got shape %R", spatial_rank + 2, shape_of(array).ptr());
  }
  return read("K", array);
}

Array read_bias(py::handle object) {
  const auto* array = as_array("bias", object);
  if (array->nd != 1) {
    raise(PyExc_ValueError, "bias: expected 1 axis (out_channels), got shape %R", shape_of(array).ptr());
  }
  return read("bias", array);
}

void require_same_data_type(const Array& array, const Array& other) {
  if (array.data_type == other.data_type) return;
  raise(PyExc_TypeError, "%s: expected the dtype of %s, %s, got %s; convert one of them, e.g. %s.astype(numpy.%s)",
        array.name, other.name, type_text(other.data_type), type_text(array.data_type), array.name,
        type_text(other.data_type));
}

Result make_result(py::handle out, DataType data_type, const Shape& shape,
                   std::initializer_list<const Array*> operands) {
  Result result;
  if (out.is_none()) {
    result.object = new_array(data_type, shape);
    result.array = read("out", py::detail::array_proxy(result.object.ptr()));
    return result;
  }
  const auto* array = as_array("out", out);
  check_out(array, data_type, shape);
  result.object = py::reinterpret_borrow<py::object>(out);
  result.array = read("out", array);
  const Elements written = elements(result.array);
  if (may_overlap_itself(written)) {
    raise(PyExc_ValueError, "out: expected one place in memory for each element, got an array that overlaps itself");
  }
  for (const Array* operand : operands) {
    if (operand != nullptr && may_overlap(written, elements(*operand))) {
      raise(PyExc_ValueError, "out: expected memory of its own, got an array that overlaps %s", operand->name);
    }
  }
  return result;
}

}  // namespace convgrad::bindings

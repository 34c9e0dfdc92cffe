// Integers and short sequences of integers from Python objects; see integers.hpp.
//
// Sequences are read item by item and never through borrowed references: the __index__ of one item may change the
// list that holds the next one.
#include "integers.hpp"

#include <cstdio>
#include <cstring>

namespace convgrad::bindings {
namespace {

std::int64_t from_long(const char* name, PyObject* number) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
  // The number itself is not shown: Python refuses to print integers of some thousands of digits.
  if (overflow != 0) raise(PyExc_ValueError, "%s: expected a signed integer of at most 64 bits, got one beyond", name);
  if (value == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return value;
}

std::int64_t parse_item(const char* name, py::handle sequence, py::ssize_t index) {
  const py::object item = sequence_item(sequence, index);
  if (PyLong_CheckExact(item.ptr())) return from_long(name, item.ptr());
  std::array<char, 64> item_name{};
  std::snprintf(item_name.data(), item_name.size(), "%s[%d]", name, static_cast<int>(index));
  return parse_integer(item_name.data(), item);
}

}  // namespace

bool read_integer(const char* name, py::handle object, std::int64_t& value) {
  if (PyLong_CheckExact(object.ptr())) {
    value = from_long(name, object.ptr());
    return true;
  }
  if (PyBool_Check(object.ptr()) || PyIndex_Check(object.ptr()) == 0) return false;
  // The bool of NumPy 1 still has an __index__, deprecated.
  if (std::strcmp(type_name(object), "numpy.bool_") == 0) return false;
  const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
  if (!number) {
    // An array has __index__ too, and raises TypeError from it unless it holds one integer.
    if (PyErr_ExceptionMatches(PyExc_TypeError) == 0) throw py::error_already_set();
    PyErr_Clear();
    return false;
  }
  value = from_long(name, number.ptr());
  return true;
}

std::int64_t parse_integer(const char* name, py::handle object) {
  std::int64_t value = 0;
  if (!read_integer(name, object, value)) {
    raise(PyExc_TypeError, "%s: expected an integer, got %.100s", name, type_name(object));
  }
  return value;
}

py::ssize_t sequence_size(py::handle object) {
  PyObject* const sequence = object.ptr();
  if (PyTuple_CheckExact(sequence)) return PyTuple_GET_SIZE(sequence);
  if (PySequence_Check(sequence) == 0 || PyUnicode_Check(sequence) || PyBytes_Check(sequence) ||
      PyByteArray_Check(sequence)) {
    return -1;
  }
  const Py_ssize_t size = PySequence_Size(sequence);
  if (size >= 0) return size;
  const bool endless = PyErr_ExceptionMatches(PyExc_OverflowError) != 0;
  // An array without axes calls itself a sequence and has no length.
  if (!endless && PyErr_ExceptionMatches(PyExc_TypeError) == 0) throw py::error_already_set();
  PyErr_Clear();
  return endless ? PY_SSIZE_T_MAX : -1;
}

py::object sequence_item(py::handle sequence, py::ssize_t index) {
  auto item = py::reinterpret_steal<py::object>(PySequence_GetItem(sequence.ptr(), index));
  if (!item) throw py::error_already_set();
  return item;
}

AxisValues parse_axis_values(const char* name, py::handle object, int rank) {
  AxisValues values{1, 1, 1};
  std::int64_t value = 0;
  if (read_integer(name, object, value)) {
    values.fill(value);
    return values;
  }
  const py::ssize_t size = sequence_size(object);
  if (size < 0) {
    raise(PyExc_TypeError, "%s: expected an int or a sequence of %d ints (one per spatial axis), got %.100s", name,
          rank, type_name(object));
  }
  if (size != rank) {
    raise(PyExc_ValueError, "%s: expected an int or a sequence of %d ints (one per spatial axis), got %zd values", name,
          rank, size);
  }
  for (int axis = 0; axis < rank; ++axis) values[static_cast<std::size_t>(axis)] = parse_item(name, object, axis);
  return values;
}

Shape parse_shape(const char* name, py::handle object, int smallest, int largest, const char* meaning) {
  const py::ssize_t size = sequence_size(object);
  if (size < 0) {
    raise(PyExc_TypeError, "%s: expected a sequence of ints, %s, got %.100s", name, meaning, type_name(object));
  }
  if (size < smallest || size > largest) {
    raise(PyExc_ValueError, "%s: expected %d to %d values, %s, got %zd", name, smallest, largest, meaning, size);
  }
  Shape shape;
  shape.rank = static_cast<int>(size);
  for (int axis = 0; axis < shape.rank; ++axis) {
    std::int64_t& value = shape.size[static_cast<std::size_t>(axis)];
    value = parse_item(name, object, axis);
    if (value < 0) {
      raise(PyExc_ValueError, "%s[%d]: expected at least 0, got %lld", name, axis, static_cast<long long>(value));
    }
  }
  return shape;
}

py::tuple shape_tuple(const std::int64_t* sizes, int rank) {
  py::tuple tuple(rank);
  for (int axis = 0; axis < rank; ++axis) tuple[static_cast<std::size_t>(axis)] = py::int_(sizes[axis]);
  return tuple;
}

}  // namespace convgrad::bindings

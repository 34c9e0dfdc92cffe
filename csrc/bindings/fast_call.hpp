// A function as a method of an extension module in the form that CPython calls fastest: positional arguments in a plain
// array. pybind11's dispatcher, made for overloads and conversions that are not used here, takes longer than a small
// convolution does.
#pragma once

#include <array>
#include <new>
#include <utility>

#include "errors.hpp"

namespace convgrad::bindings {

template <auto function>
struct FastCall;

template <class... Arguments, py::object (*function)(Arguments...)>
struct FastCall<function> {
  static PyObject* call(PyObject* /*module*/, PyObject* const* arguments, Py_ssize_t count) noexcept {
    if (count != static_cast<Py_ssize_t>(sizeof...(Arguments))) {
      return PyErr_Format(PyExc_TypeError, "expected %d arguments, got %zd", static_cast<int>(sizeof...(Arguments)),
                          count);
    }
    return call_with(arguments, std::index_sequence_for<Arguments...>{});
  }

 private:
  template <std::size_t... Index>
  static PyObject* call_with(PyObject* const* arguments, std::index_sequence<Index...>) noexcept {
    try {
      return function(py::handle(arguments[Index])...).release().ptr();
    } catch (py::error_already_set& error) {
      error.restore();
    } catch (const std::bad_alloc&) {
      PyErr_NoMemory();
    } catch (const std::exception& error) {
      PyErr_SetString(PyExc_RuntimeError, error.what());
    }
    return nullptr;
  }
};

template <auto function>
PyMethodDef fast_method(const char* name, const char* signature) {
  // CPython stores every kind of method as a PyCFunction and casts back by the flags.
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&FastCall<function>::call)), METH_FASTCALL,
          signature};
}

}  // namespace convgrad::bindings

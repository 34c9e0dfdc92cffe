// Errors of the bindings, and the one place where a Status becomes a Python exception.
#pragma once

#include <pybind11/pybind11.h>

#include "convgrad/convgrad.hpp"

namespace convgrad::bindings {

namespace py = pybind11;

/// Raises a Python exception. The format is that of PyUnicode_FromFormat, where %R and %S take objects.
[[noreturn, gnu::cold]] void raise(PyObject* type, const char* format, ...);

[[noreturn, gnu::cold]] void raise_status(const Status& status);

/// Raises ImportError. The message shows what the environment holds, which need not be UTF-8.
[[noreturn, gnu::cold]] void raise_import_error(const char* message);

/// invalid and unsupported become ValueError, out_of_memory becomes MemoryError.
inline void require(const Status& status) {
  if (!status.ok()) raise_status(status);
}

/// The type of an object as a message shows it. What an object is can always be said; its repr may be huge or may
/// raise.
inline const char* type_name(py::handle object) { return Py_TYPE(object.ptr())->tp_name; }

}  // namespace convgrad::bindings

// Errors of the bindings; see errors.hpp.
#include "errors.hpp"

#include <cstdarg>
#include <cstring>

namespace convgrad::bindings {

void raise(PyObject* type, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyErr_FormatV(type, format, arguments);
  va_end(arguments);
  throw py::error_already_set();
}

void raise_status(const Status& status) {
  PyObject* const type = status.code() == StatusCode::out_of_memory ? PyExc_MemoryError : PyExc_ValueError;
  raise(type, "%s", status.message());
}

void raise_import_error(const char* message) {
  const auto text = py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(message, static_cast<py::ssize_t>(std::strlen(message)), "replace"));
  throw py::import_error(text.cast<std::string>());
}

}  // namespace convgrad::bindings

// Threads, kernel sets, versions: what the library is made of and runs on.
#include <pybind11/numpy.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "gil.hpp"
#include "integers.hpp"
#include "operations.hpp"

namespace convgrad::bindings {
namespace {

/// "avx512, avx2" -> ("avx512", "avx2")
py::tuple split(const char* names) {
  py::list list;
  while (*names != '\0') {
    const std::size_t length = std::strcspn(names, ", ");
    if (length > 0) list.append(py::str(names, length));
    names += length;
    names += std::strspn(names, ", ");
  }
  return py::tuple(list);
}

}  // namespace

void set_num_threads(py::handle n) {
  const std::int64_t threads = parse_integer("n", n);
  const int count = static_cast<int>(std::clamp<std::int64_t>(threads, INT_MIN, INT_MAX));
  if (!convgrad::set_num_threads(count).ok()) {
    raise(PyExc_ValueError, "n: expected a number of threads from 1 to 1024, got %lld",
          static_cast<long long>(threads));
  }
}

py::list tuning_numbers() {
  py::list numbers;
  TuningNumber number{};
  for (int index = 0; tuning_number(index, number); ++index)
    numbers.append(py::make_tuple(number.name, number.unit, number.trades, number.value));
  return numbers;
}

void set_tuning_number(py::handle name, double value) {
  const std::string text = name.is_none() ? std::string() : py::cast<std::string>(name);
  require(convgrad::set_tuning_number(name.is_none() ? nullptr : text.c_str(), value));
}

std::string isa() {
  const char* name = "";
  require(active_isa(&name));
  return name;
}

py::tuple built_isas() { return split(convgrad::built_isas()); }
py::tuple supported_isas() { return split(convgrad::supported_isas()); }

std::string compiler() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#elif defined(__GNUC__)
  return "GCC " __VERSION__;
#else
  return "unknown";
#endif
}

DataType parse_data_type(py::handle dtype) {
  // numpy.dtype(None) is float64, which nobody means.
  if (!dtype.is_none()) {
    try {
      const auto descriptor = py::dtype::from_args(py::reinterpret_borrow<py::object>(dtype));
      const bool native = descriptor.byteorder() != (PY_LITTLE_ENDIAN ? '>' : '<');
      if (native && descriptor.num() == py::detail::npy_api::NPY_FLOAT_) return DataType::float32;
      if (native && descriptor.num() == py::detail::npy_api::NPY_DOUBLE_) return DataType::float64;
    } catch (const py::error_already_set& error) {
      // A text such as "," is parsed as Python is.
      if (!error.matches(PyExc_TypeError) && !error.matches(PyExc_ValueError) && !error.matches(PyExc_SyntaxError))
        throw;
    }
  }
  raise(PyExc_TypeError, "dtype: expected float32 or float64, got %.60R", dtype.ptr());
}

namespace {

// Runs measure(threads, result) without the GIL.
template <class Measure>
double measure_limit(py::handle threads, const Measure& measure) {
  const std::int64_t count = parse_integer("threads", threads);
  if (count < INT_MIN || count > INT_MAX) {
    raise(PyExc_ValueError, "threads: expected a number of threads, got %lld", static_cast<long long>(count));
  }
  double result = 0;
  Status status;
  {
    const GilRelease release;
    status = measure(static_cast<int>(count), result);
  }
  require(status);
  return result;
}

}  // namespace

double measure_peak(py::handle dtype, py::handle threads) {
  const DataType data_type = parse_data_type(dtype);
  return measure_limit(threads, [&](int count, double& flops) { return measure_peak_flops(data_type, count, flops); });
}

double measure_bandwidth(py::handle threads) {
  return measure_limit(threads, [](int count, double& bytes_per_second) {
    return convgrad::measure_bandwidth(count, bytes_per_second);
  });
}

py::dict measure_phases(py::handle function) {
  PhaseSeconds seconds;
  {
    // Whoever records around this goes on when it is over, also when the function raises.
    struct Recording {
      PhaseSeconds* before;
      explicit Recording(PhaseSeconds& to) : before(record_phases(&to)) {}
      Recording(const Recording&) = delete;
      Recording& operator=(const Recording&) = delete;
      ~Recording() { record_phases(before); }
    };
    const Recording recording(seconds);
    function();
  }
  py::dict phases;
  phases["packing_weights"] = seconds.packing_weights;
  phases["packing_input"] = seconds.packing_input;
  phases["multiplying"] = seconds.multiplying;
  phases["storing"] = seconds.storing;
  phases["adding_sums"] = seconds.adding_sums;
  phases["other"] = seconds.other;
  return phases;
}

void require_usable_isa() {
  const char* name = "";
  const Status status = active_isa(&name);
  if (status.ok()) return;
  raise_import_error(status.message());
}

}  // namespace convgrad::bindings

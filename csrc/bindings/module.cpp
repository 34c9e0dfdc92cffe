// The extension module convgrad._core. Only registers: what a function does is in the file of its subject.
//
// Functions take their arguments by position and as plain objects and read them themselves: pybind11's converters know
// nothing about convolution, and neither would their messages.
#include "fast_call.hpp"
#include "operations.hpp"
#include "result_memory.hpp"

namespace convgrad::bindings {
namespace {

// CPython keeps pointers into this table. A signature comes first in the text, as in CPython's own functions.
std::array<PyMethodDef, 7> fast_methods{
    fast_method<forward>("forward",
                         "forward($module, V, K, bias, stride, padding, dilation, groups, out, algorithm, /)\n--\n\n"),
    fast_method<grad_kernel>(
        "grad_kernel",
        "grad_kernel($module, G, V, kernel_size, stride, padding, dilation, groups, out, algorithm, /)\n--\n\n"),
    fast_method<grad_input>(
        "grad_input",
        "grad_input($module, G, K, input_size, stride, padding, dilation, groups, out, algorithm, /)\n--\n\n"),
    fast_method<grad_bias>("grad_bias", "grad_bias($module, G, spatial_rank, /)\n--\n\n"),
    fast_method<backward>("backward",
                          "backward($module, G, V, K, stride, padding, dilation, groups, algorithm, /)\n--\n\n"),
    fast_method<check_layer>("check_layer",
                             "check_layer($module, K, bias, stride, padding, dilation, groups, /)\n--\n\n"),
    PyMethodDef{}};

}  // namespace
}  // namespace convgrad::bindings

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  using namespace convgrad;
  module.doc() = "Compiled part of convgrad. Private: use the functions of the package.";
  bindings::require_usable_isa();
  bindings::require_usable_kept_memory();

  if (PyModule_AddFunctions(module.ptr(), bindings::fast_methods.data()) != 0) throw pybind11::error_already_set();
  module.def("plan", &bindings::plan);

  module.def("tuning_numbers", &bindings::tuning_numbers);
  module.def("set_tuning_number", &bindings::set_tuning_number);

  module.def("set_num_threads", &bindings::set_num_threads);
  module.def("get_num_threads", &get_num_threads);
  module.def("isa", &bindings::isa);
  module.def("built_isas", &bindings::built_isas);
  module.def("supported_isas", &bindings::supported_isas);
  module.def("version", &version);
  module.def("bits_version", &bits_version);
  module.def("compiler", &bindings::compiler);
  module.def("measure_peak_flops", &bindings::measure_peak);
  module.def("measure_bandwidth", &bindings::measure_bandwidth);
  module.def("measure_phases", &bindings::measure_phases);
}

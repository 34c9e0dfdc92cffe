// What module.cpp registers. Arguments come as the caller wrote them, in the order of the public functions.
#pragma once

#include <string>

#include "errors.hpp"

namespace convgrad::bindings {

py::object forward(py::handle V, py::handle K, py::handle bias, py::handle stride, py::handle padding,
                   py::handle dilation, py::handle groups, py::handle out, py::handle algorithm);
py::object grad_kernel(py::handle G, py::handle V, py::handle kernel_size, py::handle stride, py::handle padding,
                       py::handle dilation, py::handle groups, py::handle out, py::handle algorithm);
py::object grad_input(py::handle G, py::handle K, py::handle input_size, py::handle stride, py::handle padding,
                      py::handle dilation, py::handle groups, py::handle out, py::handle algorithm);
py::object grad_bias(py::handle G, py::handle spatial_rank);
/// (dV, dK, db)
py::object backward(py::handle G, py::handle V, py::handle K, py::handle stride, py::handle padding,
                    py::handle dilation, py::handle groups, py::handle algorithm);
/// Raises what forward would raise for any input of a layer with these arguments.
py::object check_layer(py::handle K, py::handle bias, py::handle stride, py::handle padding, py::handle dilation,
                       py::handle groups);

/// (algorithm, output_shape, flops, workspace_bytes, threads, isa, error_constant, description), the fields of
/// convgrad.Plan.
py::tuple plan(py::handle pass_name, py::handle input_shape, py::handle kernel_shape, py::handle dtype,
               py::handle stride, py::handle padding, py::handle dilation, py::handle groups, py::handle algorithm);

/// The table of numbers that only speed depends on: (name, unit, what it trades, value) each.
py::list tuning_numbers();
/// name = None sets all numbers back.
void set_tuning_number(py::handle name, double value);

void set_num_threads(py::handle n);
std::string isa();
py::tuple built_isas();
py::tuple supported_isas();
std::string compiler();
double measure_peak(py::handle dtype, py::handle threads);
double measure_bandwidth(py::handle threads);
/// Calls the function; what this thread has spent in runs meanwhile, in seconds by name of the phase.
py::dict measure_phases(py::handle function);
/// Raises ImportError when CONVGRAD_ISA asks for a kernel set that is not to be had, or CONVGRAD_CACHE_MIB is no
/// number.
void require_usable_isa();

/// float32 or float64 from whatever numpy.dtype takes.
DataType parse_data_type(py::handle dtype);

}  // namespace convgrad::bindings

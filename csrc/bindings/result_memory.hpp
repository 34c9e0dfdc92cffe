// Memory for results of 64 KiB or more. NumPy's arrays begin anywhere in a cache line, so that every vector stored ends
// in the next: three per cent of a layer with large maps. These begin where a line does.
//
// The C library takes arrays beyond 32 MiB from the system one by one and gives them back, and the system clears every
// page before it hands it out again: for a layer with few input channels that takes as long as computing does. So some
// of what large results leave behind is kept for the next ones.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

namespace convgrad::bindings {

namespace py = pybind11;

/// What the owner of a result's memory is, and where the memory begins; no owner where there is no memory to be had, or
/// the result is small. The memory is kept or given back with its owner.
struct ResultMemory {
  py::object owner;
  void* data = nullptr;
};
ResultMemory take_result_memory(std::size_t bytes);

/// Raises ImportError when CONVGRAD_KEPT_MIB in the environment is no number of mebibytes to keep at most.
void require_usable_kept_memory();

}  // namespace convgrad::bindings

// Memory for results of 64 KiB or more. NumPy's own arrays begin anywhere in a cache line, so that every vector stored
// ends in the next: three per cent of a layer with large maps. These begin where a line does.
//
// The C library takes arrays beyond 32 MiB from the system one by one and gives them back, and those of half that size
// as soon as a program has let go of a few. The system clears every page before it hands it out again: for a layer with
// few input channels that takes as long as computing does. So some of what large results leave behind is kept for the
// next ones.
//
// NumPy lets arrays have an allocator (NEP 49), so that results own their memory, may be resized, and are seen by
// tracemalloc, as all arrays are.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

namespace convgrad::bindings {

namespace py = pybind11;

/// While it lives, NumPy takes what new arrays of this thread need from here, if the result has that many bytes; unless
/// the program has chosen an allocator of its own.
class ResultMemory {
 public:
  explicit ResultMemory(std::size_t bytes);
  ~ResultMemory();
  ResultMemory(const ResultMemory&) = delete;
  ResultMemory& operator=(const ResultMemory&) = delete;

 private:
  py::object replaced_;  ///< the allocator to return to; none where nothing was replaced
};

/// As many bytes as CONVGRAD_KEPT_MIB in the environment allows to keep.
std::size_t most_kept_bytes();

/// Raises ImportError when CONVGRAD_KEPT_MIB in the environment is no number of mebibytes to keep at most.
void require_usable_kept_memory();

}  // namespace convgrad::bindings

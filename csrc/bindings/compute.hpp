// Running the library from Python: when to let go of the GIL.
#pragma once

#include "arrays/arrays.hpp"
#include "gil.hpp"

namespace convgrad::bindings {

/// Handing the GIL over and taking it back costs as much as some ten thousand operations, and much more when another
/// thread grabs it in between. Shorter computations keep it.
inline constexpr double work_that_releases_the_gil = 20000.0;

/// Calls `function`, which returns a Status and must not touch Python. Results are allocated before, so that running
/// out of memory is noticed before anything is computed.
template <class Function>
void compute(double work, Function function) {
  Status status;
  if (work < work_that_releases_the_gil) {
    status = function();
  } else {
    const GilRelease release;
    status = function();
  }
  require(status);
}

/// Elements of a shape, which take time too: most of an input's gradient may be zeros that no operation is counted for.
inline double element_count(const Shape& shape) {
  double count = 1.0;
  for (int axis = 0; axis < shape.rank; ++axis)
    count *= static_cast<double>(shape.size[static_cast<std::size_t>(axis)]);
  return count;
}

}  // namespace convgrad::bindings

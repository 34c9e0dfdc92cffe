// The ways to copy a plane of the input, all channels of it, into a strip. Which of them serves follows from how the
// two lie in memory, and is asked once for a block of pixels and taps; a plane then costs one call.
#pragma once

#include "core/index.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad {

// Elements from one channel, row or column to the next.
struct PlaneSteps {
  Index channel;
  Index row;
  Index column;
};

// The part of a plane that lies inside the input, and where it goes. In the strip the columns of a row may be dealt out
// by column modulo `classes` (StripShape::Order::pixels_adjacent): those of a class are neighbors then, and classes lie
// `class_pitch` apart.
struct StripPlane {
  Index channels;
  Index rows;
  Index columns;
  PlaneSteps from;
  PlaneSteps to;
  Index first_column;  // of the strip's row
  Index classes;
  Index class_pitch;
};

// `from` is the first element that is copied, and `to` the beginning of the strip's row that it goes to.
template <class T>
using CopyPlane = void (*)(const kernels::KernelSet<T>& kernels, const StripPlane& plane, const T* from, T* to);

// The way that serves. Rows that go on without a gap on both sides become one row of `plane`.
template <class T>
CopyPlane<T> bind_copy(const kernels::KernelSet<T>& kernels, bool channels_inner, StripPlane& plane) noexcept;

}  // namespace convgrad

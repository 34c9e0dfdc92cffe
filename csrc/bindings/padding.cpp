// The padding argument; see padding.hpp.
#include "padding.hpp"

#include <algorithm>
#include <cstdio>

namespace convgrad::bindings {
namespace {

[[noreturn]] void raise_type(py::handle object, int rank) {
  raise(PyExc_TypeError,
        "padding: expected an int, %d ints, %d pairs (before, after), 'valid', 'same' or 'full', got %.100s", rank,
        rank, type_name(object));
}

Padding parse_name(py::handle name) {
  Padding padding;
  if (PyUnicode_CompareWithASCIIString(name.ptr(), "valid") == 0) return padding;
  if (PyUnicode_CompareWithASCIIString(name.ptr(), "same") == 0) {
    padding.rule = PaddingRule::same;
  } else if (PyUnicode_CompareWithASCIIString(name.ptr(), "full") == 0) {
    padding.rule = PaddingRule::full;
  } else {
    raise(PyExc_ValueError, "padding: expected 'valid', 'same' or 'full' when it is a string, got %.60R", name.ptr());
  }
  return padding;
}

Padding parse_pairs(py::handle pairs, int rank) {
  Padding padding;
  for (int axis = 0; axis < rank; ++axis) {
    const py::object pair = sequence_item(pairs, axis);
    std::array<char, 64> name{};
    std::snprintf(name.data(), name.size(), "padding[%d]", axis);
    const py::ssize_t size = sequence_size(pair);
    if (size < 0) {
      raise(PyExc_TypeError, "%s: expected a pair (before, after) like padding[0], got %.100s", name.data(),
            type_name(pair));
    }
    if (size != 2) raise(PyExc_ValueError, "%s: expected a pair (before, after), got %zd values", name.data(), size);
    const auto index = static_cast<std::size_t>(axis);
    padding.before[index] = parse_integer(name.data(), sequence_item(pair, 0));
    padding.after[index] = parse_integer(name.data(), sequence_item(pair, 1));
  }
  return padding;
}

}  // namespace

Padding parse_padding(py::handle object, int rank) {
  Padding padding;
  std::int64_t value = 0;
  if (read_integer("padding", object, value)) {
    padding.before.fill(value);
    padding.after.fill(value);
    return padding;
  }
  if (PyUnicode_Check(object.ptr())) return parse_name(object);
  const py::ssize_t size = sequence_size(object);
  if (size < 0) raise_type(object, rank);
  if (size != rank) {
    raise(PyExc_ValueError, "padding: expected an int, %d ints or %d pairs (before, after), got %zd values", rank, rank,
          size);
  }
  if (sequence_size(sequence_item(object, 0)) >= 0) return parse_pairs(object, rank);
  padding.before = parse_axis_values("padding", object, rank);
  padding.after = padding.before;
  return padding;
}

void apply_padding(const Padding& padding, Problem& problem) noexcept {
  problem.padding_before = padding.before;
  problem.padding_after = padding.after;
  if (padding.rule == PaddingRule::given) return;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(problem.spatial_rank); ++axis) {
    const std::int64_t input = problem.input_size[axis];
    const std::int64_t stride = problem.stride[axis];
    const std::int64_t dilation = problem.dilation[axis];
    const std::int64_t taps = problem.kernel_size[axis];
    std::int64_t reach = 0;  // effective kernel size - 1
    // Sizes that make no sense keep a padding of zero; the plan refuses them with a message about the size itself.
    if (input < 0 || stride < 1 || dilation < 1 || taps < 1) continue;
    if (__builtin_mul_overflow(taps - 1, dilation, &reach)) continue;
    if (padding.rule == PaddingRule::full) {
      problem.padding_before[axis] = reach;
      problem.padding_after[axis] = reach;
      continue;
    }
    // The last window starts at the last multiple of the stride inside the input and reaches `reach` further.
    const std::int64_t last_start = input == 0 ? -stride : (input - 1) / stride * stride;
    const std::int64_t beyond_start = input - 1 - last_start;
    const std::int64_t total = std::max<std::int64_t>(0, reach - beyond_start);
    problem.padding_before[axis] = total / 2;
    problem.padding_after[axis] = total - total / 2;
  }
}

}  // namespace convgrad::bindings

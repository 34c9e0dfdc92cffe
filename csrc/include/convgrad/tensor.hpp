// The three passes as one call each, on pointers that know their sizes:
//
//   std::vector<float> V(3 * 32 * 32), K(8 * 3 * 5 * 5), Z(8 * 14 * 14);
//   convgrad::LayerOptions options;
//   options.stride = 2;
//   convgrad::Status status = convgrad::forward({V, {3, 32, 32}}, {K, {8, 3, 5, 5}}, {Z, {8, 14, 14}}, options);
//
// Each call makes a Plan and throws it away, which costs some microseconds and allocates. A loop that runs the same
// layer again and again keeps its plan (convgrad.hpp).
#pragma once

#include <convgrad/convgrad.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

namespace convgrad {

/// Sizes or strides of a tensor, at most max_rank of them.
struct Extents {
  int rank = 0;  ///< -1: there were more than fit
  std::array<std::int64_t, max_rank> values{};

  Extents() noexcept = default;
  Extents(std::initializer_list<std::int64_t> list) noexcept {
    for (const std::int64_t value : list) append(value);
  }
  void append(std::int64_t value) noexcept {
    if (rank < 0 || rank >= max_rank)
      rank = -1;
    else
      values[static_cast<std::size_t>(rank++)] = value;
  }
};

/// A pointer to float or double, its sizes, and its strides in elements. Axes: (batch, channel, *spatial) or, for one
/// image, (channel, *spatial) for V, Z and G; (out, in / groups, *kernel) for K and dK; (channel) for biases.
template <class Pointer>
struct BasicTensorView {
  Pointer data = nullptr;
  DataType data_type = DataType::float32;
  Extents size;
  Extents stride;
  bool complete = true;  ///< false: the container that it was made of is too small for its sizes

  BasicTensorView() noexcept = default;

  /// Elements without gaps, the last axis innermost.
  template <class Element, class = std::enable_if_t<std::is_convertible_v<Element*, Pointer>>>
  BasicTensorView(Element* elements, const Extents& sizes) noexcept
      : BasicTensorView(elements, sizes, dense_strides(sizes)) {}

  template <class Element, class = std::enable_if_t<std::is_convertible_v<Element*, Pointer>>>
  BasicTensorView(Element* elements, const Extents& sizes, const Extents& strides) noexcept
      : data(elements), data_type(type_of<Element>()), size(sizes), stride(strides) {}

  /// All of a std::vector, std::array, std::span: whatever has data() and size().
  template <class Container, class = std::enable_if_t<
                                 std::is_convertible_v<decltype(static_cast<Container*>(nullptr)->data()), Pointer>>>
  BasicTensorView(Container& container, const Extents& sizes) noexcept : BasicTensorView(container.data(), sizes) {
    std::size_t left = container.size();
    for (int a = 0; a < sizes.rank; ++a) {
      const std::int64_t extent = sizes.values[static_cast<std::size_t>(a)];
      if (extent > 0) left /= static_cast<std::size_t>(extent);
    }
    complete = left > 0 || has_no_elements(sizes);
  }

  /// A std::mdspan, or whatever has data_handle(), rank(), extent(axis) and stride(axis).
  template <class Mdspan, class = std::enable_if_t<std::is_convertible_v<
                              decltype(static_cast<const Mdspan*>(nullptr)->data_handle()), Pointer>>>
  BasicTensorView(const Mdspan& tensor) noexcept
      : data(tensor.data_handle()), data_type(type_of<std::remove_pointer_t<decltype(tensor.data_handle())>>()) {
    for (std::size_t axis = 0; axis < tensor.rank(); ++axis) {
      size.append(static_cast<std::int64_t>(tensor.extent(axis)));
      stride.append(static_cast<std::int64_t>(tensor.stride(axis)));
    }
  }

  /// What can be written can be read.
  template <class Other, class = std::enable_if_t<std::is_convertible_v<Other, Pointer>>>
  BasicTensorView(const BasicTensorView<Other>& other) noexcept
      : data(other.data),
        data_type(other.data_type),
        size(other.size),
        stride(other.stride),
        complete(other.complete) {}

 private:
  template <class Element>
  static constexpr DataType type_of() noexcept {
    using Value = std::remove_cv_t<Element>;
    static_assert(std::is_same_v<Value, float> || std::is_same_v<Value, double>, "convgrad takes float and double");
    return std::is_same_v<Value, float> ? DataType::float32 : DataType::float64;
  }
  static bool has_no_elements(const Extents& sizes) noexcept {
    for (int a = 0; a < sizes.rank; ++a)
      if (sizes.values[static_cast<std::size_t>(a)] == 0) return true;
    return false;
  }
  static Extents dense_strides(const Extents& sizes) noexcept {
    Extents strides = sizes;
    // Unsigned, so that sizes beyond all bounds, which every call refuses, do no harm here.
    std::uint64_t step = 1;
    for (int a = sizes.rank - 1; a >= 0; --a) {
      strides.values[static_cast<std::size_t>(a)] = static_cast<std::int64_t>(step);
      step *= static_cast<std::uint64_t>(sizes.values[static_cast<std::size_t>(a)]);
    }
    return strides;
  }
};
using TensorView = BasicTensorView<void*>;
using ConstTensorView = BasicTensorView<const void*>;

/// One value for each spatial axis, or one for all of them: `2`, or `{2, 1}`.
struct PerAxis {
  Extents values;  ///< as many as there are spatial axes, or one

  PerAxis(std::int64_t all) noexcept : values{all} {}
  PerAxis(std::initializer_list<std::int64_t> each) noexcept : values(each) {}
};

/// What a layer is beyond the sizes of its tensors.
struct LayerOptions {
  PerAxis stride = 1;
  PerAxis dilation = 1;
  PerAxis padding_before = 0;  ///< zeros before the first element
  PerAxis padding_after = 0;   ///< and after the last
  std::int64_t groups = 1;
  PlanOptions plan;
  Workspace workspace;  ///< null = each call allocates its own

  /// The same number of zeros on both sides.
  LayerOptions& pad(const PerAxis& both) noexcept {
    padding_before = both;
    padding_after = both;
    return *this;
  }
};

/// Z = forward(V, K), plus a bias of one value per output channel unless it has no axes. Invalid: ranks, sizes, strides
/// or data types that do not fit together, null pointers, and what Plan::make and run refuse; the message names the
/// argument. `output` must not overlap an operand.
CONVGRAD_API Status forward(const ConstTensorView& input, const ConstTensorView& kernel, const TensorView& output,
                            const LayerOptions& options = {}, const ConstTensorView& bias = {}) noexcept;
/// dK from G and V.
CONVGRAD_API Status grad_kernel(const ConstTensorView& grad_output, const ConstTensorView& input,
                                const TensorView& grad_kernel, const LayerOptions& options = {}) noexcept;
/// dV from G and K.
CONVGRAD_API Status grad_input(const ConstTensorView& grad_output, const ConstTensorView& kernel,
                               const TensorView& grad_input, const LayerOptions& options = {}) noexcept;
/// db, of one axis, from G with a batch axis; of the options, only `plan` counts.
CONVGRAD_API Status grad_bias(const ConstTensorView& grad_output, const TensorView& grad_bias,
                              const LayerOptions& options = {}) noexcept;

}  // namespace convgrad

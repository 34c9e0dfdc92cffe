// A Problem in the form the algorithms work on: always three spatial axes (absent ones come first, with size 1),
// channel counts per group.
#pragma once

#include "convgrad/convgrad.hpp"
#include "core/index.hpp"

namespace convgrad {

inline constexpr int axes = max_spatial_rank;

struct Geometry {
  Index batch = 0;
  Index groups = 1;
  Index in_channels = 0;   // per group
  Index out_channels = 0;  // per group
  Index input[axes] = {1, 1, 1};
  Index kernel[axes] = {1, 1, 1};
  Index output[axes] = {1, 1, 1};
  Index stride[axes] = {1, 1, 1};
  Index dilation[axes] = {1, 1, 1};
  Index padding[axes] = {0, 0, 0};  // before; negative crops. What stands after follows from `output`.

  [[nodiscard]] Index taps_per_channel() const noexcept { return kernel[0] * kernel[1] * kernel[2]; }
  [[nodiscard]] Index output_pixels() const noexcept { return output[0] * output[1] * output[2]; }
  // Of the whole pass, taps on the border counted.
  [[nodiscard]] double multiplications() const noexcept {
    return static_cast<double>(batch * output_pixels()) * static_cast<double>(groups * out_channels) *
           static_cast<double>(in_channels * taps_per_channel());
  }
};

// What V takes, and what Z or G takes, if there is nothing between their elements.
template <class T>
double input_bytes(const Geometry& geometry) noexcept {
  double bytes = static_cast<double>(geometry.batch * geometry.groups * geometry.in_channels * Index{sizeof(T)});
  for (const Index extent : geometry.input) bytes *= static_cast<double>(extent);
  return bytes;
}

template <class T>
double output_bytes(const Geometry& geometry) noexcept {
  return static_cast<double>(geometry.batch * geometry.output_pixels()) *
         static_cast<double>(geometry.groups * geometry.out_channels * Index{sizeof(T)});
}

// A tensor's memory on those axes. `outer` and `inner` are (batch, channel) of V, Z and G, and (out channel, in
// channel) of K and dK.
template <class T>
struct Tensor {
  T* data = nullptr;
  Index outer = 0;
  Index inner = 0;
  Index axis[axes] = {0, 0, 0};
};

// Checks everything that depends on sizes alone, overflow included, and converts.
Status make_geometry(const Problem& problem, Geometry& geometry) noexcept;

template <class T, class Pointer>
Tensor<T> make_tensor(const BasicView<Pointer>& view, int spatial_rank) noexcept {
  Tensor<T> tensor;
  tensor.data = static_cast<T*>(view.data);
  tensor.outer = view.strides[0];
  tensor.inner = view.strides[1];
  for (int a = 0; a < spatial_rank; ++a)
    tensor.axis[axes - spatial_rank + a] = view.strides[static_cast<std::size_t>(2 + a)];
  return tensor;
}

}  // namespace convgrad

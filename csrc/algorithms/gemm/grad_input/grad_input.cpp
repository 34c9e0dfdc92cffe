#include "algorithms/gemm/grad_input/grad_input.hpp"

#include "algorithms/common/visit_way.hpp"

namespace convgrad::gemm {

namespace {

template <class T>
std::variant<GradInputResidues<T>, GradInputColumns<T>, GradInputPatches<T>> choose(
    const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept {
  if (has_patches(geometry)) return GradInputPatches<T>(geometry, kernels, threads);
  if (prefers_columns(geometry)) return GradInputColumns<T>(geometry, kernels, threads);
  return GradInputResidues<T>(geometry, kernels, threads);
}

}  // namespace

template <class T>
GradInput<T>::GradInput(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : way_(choose(geometry, kernels, threads)) {}

template <class T>
int GradInput<T>::threads() const noexcept {
  return visit_way(way_, [](const auto& way) { return way.threads(); });
}

template <class T>
std::size_t GradInput<T>::workspace_bytes() const noexcept {
  return visit_way(way_, [](const auto& way) { return way.workspace_bytes(); });
}

template <class T>
void GradInput<T>::describe(Text& text) const noexcept {
  visit_way(way_, [&](const auto& way) { way.describe(text); });
}

template <class T>
void GradInput<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& kernel, const T* packed,
                       const Tensor<T>& grad_input, void* workspace) const noexcept {
  visit_way(way_, [&](const auto& way) { way.run(grad_output, kernel, packed, grad_input, workspace); });
}

template <class T>
Index GradInput<T>::packed_elements() const noexcept {
  return visit_way(way_, [](const auto& way) { return way.packed_elements(); });
}

template <class T>
bool GradInput<T>::reads_kernel_in_place() const noexcept {
  return visit_way(way_, [](const auto& way) { return way.reads_kernel_in_place(); });
}

template <class T>
void GradInput<T>::pack(const Tensor<const T>& kernel, T* packed) const noexcept {
  visit_way(way_, [&](const auto& way) { way.pack(kernel, packed); });
}

template class GradInput<float>;
template class GradInput<double>;

}  // namespace convgrad::gemm

#include "algorithms/gemm/grad_kernel.hpp"

namespace convgrad::gemm {

namespace {

constexpr Index few_channels = 8;

template <class T>
std::variant<GradKernelChannelLanes<T>, GradKernelPixelLanes<T>> choose(const Geometry& geometry,
                                                                        const kernels::KernelSet<T>& kernels,
                                                                        int threads) noexcept {
  if (geometry.out_channels <= few_channels) return GradKernelPixelLanes<T>(geometry, kernels, threads);
  return GradKernelChannelLanes<T>(geometry, kernels, threads);
}

}  // namespace

template <class T>
GradKernel<T>::GradKernel(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : lanes_(choose(geometry, kernels, threads)) {}

template <class T>
int GradKernel<T>::threads() const noexcept {
  return std::visit([](const auto& lanes) { return lanes.threads(); }, lanes_);
}

template <class T>
std::size_t GradKernel<T>::workspace_bytes() const noexcept {
  return std::visit([](const auto& lanes) { return lanes.workspace_bytes(); }, lanes_);
}

template <class T>
void GradKernel<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& input, const Tensor<T>& grad_kernel,
                        void* workspace) const noexcept {
  std::visit([&](const auto& lanes) { lanes.run(grad_output, input, grad_kernel, workspace); }, lanes_);
}

template class GradKernel<float>;
template class GradKernel<double>;

}  // namespace convgrad::gemm

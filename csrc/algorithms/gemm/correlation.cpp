#include "algorithms/gemm/correlation.hpp"

#include <cstdlib>

namespace convgrad::gemm {

namespace {

// Cycles beyond the multiplications themselves, per vector of results and tap; measured on a Zen 5 core.
template <class T>
bool pixels_win(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  if (const char* f = std::getenv("LANES")) return *f == 'p';
  const double lanes = kernels.lanes;
  const double channels = static_cast<double>(larger(1, geometry.out_channels));
  const double taps = static_cast<double>(larger(1, geometry.in_channels * geometry.taps_per_channel()));
  const double pixels = static_cast<double>(larger(1, geometry.batch * geometry.output_pixels()));
  // Copying a vector of a panel, shared by all output channels.
  const double expand = 1.8 / channels;
  // Transposing the results, and packing the weights, shared by all pixels; and lanes that no channel fills.
  const double transpose = 3.2 / taps;
  const double pack = 5.0 / pixels;
  const double padded = static_cast<double>(round_up(geometry.out_channels, kernels.lanes)) / channels;
  const double idle = 0.5 * (padded - 1);
  (void)lanes;
  return expand < transpose + pack + idle;
}

template <class T>
std::variant<ChannelLanes<T>, PixelLanes<T>, StripLanes<T>> choose(const Geometry& geometry,
                                                                   const kernels::KernelSet<T>& kernels,
                                                                   int threads) noexcept {
  if (const char* f = std::getenv("LANES")) {
    if (*f == 's') return StripLanes<T>(geometry, kernels, threads);
  } else if (geometry.out_channels <= 8)
    return StripLanes<T>(geometry, kernels, threads);
  if (pixels_win(geometry, kernels)) return PixelLanes<T>(geometry, kernels, threads);
  return ChannelLanes<T>(geometry, kernels, threads);
}

}  // namespace

template <class T>
Correlation<T>::Correlation(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept
    : lanes_(choose(geometry, kernels, threads)) {}

template <class T>
int Correlation<T>::threads() const noexcept {
  return std::visit([](const auto& lanes) { return lanes.threads(); }, lanes_);
}

template <class T>
std::size_t Correlation<T>::workspace_bytes() const noexcept {
  return std::visit([](const auto& lanes) { return lanes.workspace_bytes(); }, lanes_);
}

template <class T>
void Correlation<T>::run(const Tensor<const T>& input, const Weights<T>& weights, const T* bias, Index bias_stride,
                         const Tensor<T>& output, void* workspace) const noexcept {
  std::visit([&](const auto& lanes) { lanes.run(input, weights, bias, bias_stride, output, workspace); }, lanes_);
}

template class Correlation<float>;
template class Correlation<double>;

}  // namespace convgrad::gemm

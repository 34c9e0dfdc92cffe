#include "algorithms/gemm/grad_kernel/grad_kernel.hpp"

#include <utility>

#include "algorithms/common/visit_way.hpp"
#include "algorithms/gemm/sum_order.hpp"

namespace convgrad::gemm {

namespace {

namespace order = sum_order::grad_kernel;

// Whether G and V are alike: one matrix product, in which they may change places.
bool may_swap(const Geometry& geometry) noexcept {
  if (geometry.groups != 1) return false;
  for (int a = 0; a < axes; ++a)
    if (geometry.kernel[a] != 1 || geometry.stride[a] != 1 || geometry.padding[a] != 0 ||
        geometry.input[a] != geometry.output[a])
      return false;
  return true;
}

// dK of a 1x1 kernel is one matrix product, in which G and V are alike, so either can be the one that is transposed,
// and whose channels are lanes: the smaller one, unless it leaves many lanes of 64 bytes unused, as 24 channels do. The
// sum over the pixels is the same, term by term, but may be cut into other parts: by shape alone.
template <class T>
bool better_swapped(const Geometry& geometry) noexcept {
  if (!may_swap(geometry)) return false;
  const Index in = geometry.in_channels;
  const Index out = geometry.out_channels;
  if (in <= order::few_channels || out <= order::few_channels) return false;
  const auto cost = [](Index lanes, Index others) {
    return divide_up(lanes, kernels::sum_lanes<T>) * (others + order::transposing_when_swapped);
  };
  const Index kept = cost(out, in);
  const Index swapped = cost(in, out);
  return swapped < kept || (swapped == kept && in < out);
}

// With channels as lanes G is transposed: that takes as long as some taps. With pixels as lanes it is not, but each row
// ends with a vector that is not full, and starts anew; and most loads of the input cross cache lines. Every sum has a
// vector of its own, and all of them have to stay near.
template <class T>
bool prefers_pixel_sums(const Geometry& geometry) noexcept {
  if (geometry.out_channels <= order::few_channels) return true;
  constexpr Index lanes = kernels::sum_lanes<T>;
  constexpr Index most_sums = order::most_lane_bytes / (lanes * Index{sizeof(T)});
  const Index taps = geometry.in_channels * geometry.taps_per_channel();
  if (geometry.out_channels * taps > most_sums) return false;
  const auto columns = static_cast<double>(larger(1, geometry.output[2]));
  const auto taken = static_cast<double>(round_up(geometry.output[2], lanes) + order::starting);
  return static_cast<double>(taps) * order::crossing * taken <
         (static_cast<double>(taps) + order::transposing) * columns;
}

Geometry swap_channels(Geometry geometry) noexcept {
  std::swap(geometry.in_channels, geometry.out_channels);
  return geometry;
}

// Many groups of few channels: groups side by side fill the lanes, and no lanes are added up.
bool prefers_group_sums(const Geometry& geometry) noexcept {
  namespace order = sum_order::group_sums;
  const Index products = saturating_product(geometry.in_channels, geometry.out_channels);
  return products == 1 ? geometry.groups >= order::fewest_groups_of_depthwise
                       : products <= order::most_products && geometry.groups >= order::fewest_groups;
}

template <class T>
Way choose(const Geometry& geometry) noexcept {
  if (prefers_group_sums(geometry)) return Way::group_sums;
  if (better_swapped<T>(geometry)) return Way::channel_sums_swapped;
  return prefers_pixel_sums<T>(geometry) ? Way::pixel_sums : Way::channel_sums;
}

template <class T>
std::variant<ChannelSums<T>, PixelSums<T>, GroupSums<T>> make_way(const Geometry& geometry,
                                                                  const kernels::KernelSet<T>& kernels, int threads,
                                                                  Way way) noexcept {
  if (way == Way::pixel_sums) return PixelSums<T>(geometry, kernels, threads);
  if (way == Way::group_sums) return GroupSums<T>(geometry, kernels, threads);
  const bool swapped = way == Way::channel_sums_swapped;
  return ChannelSums<T>(swapped ? swap_channels(geometry) : geometry, kernels, threads);
}

}  // namespace

template <class T>
bool GradKernel<T>::serves(Way way, const Geometry& geometry) noexcept {
  switch (way) {
    case Way::automatic:
    case Way::channel_sums:
    case Way::pixel_sums: return true;
    case Way::channel_sums_swapped: return may_swap(geometry);
    case Way::group_sums: return geometry.groups > 1;
    default: return false;
  }
}

template <class T>
GradKernel<T>::GradKernel(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads, Way way) noexcept
    : swapped_((way == Way::automatic ? choose<T>(geometry) : way) == Way::channel_sums_swapped),
      lanes_(make_way(geometry, kernels, threads, way == Way::automatic ? choose<T>(geometry) : way)) {}

template <class T>
int GradKernel<T>::threads() const noexcept {
  return visit_way(lanes_, [](const auto& lanes) { return lanes.threads(); });
}

template <class T>
std::size_t GradKernel<T>::workspace_bytes() const noexcept {
  return visit_way(lanes_, [](const auto& lanes) { return lanes.workspace_bytes(); });
}

template <class T>
void GradKernel<T>::describe(Text& text) const noexcept {
  if (swapped_) text.line("swapped", "G and V have changed places");
  visit_way(lanes_, [&](const auto& lanes) { lanes.describe(text); });
}

template <class T>
void GradKernel<T>::run(const Operands<T>& operands, void* workspace) const noexcept {
  const Tensor<const T>& grad_output = operands.first;
  const Tensor<const T>& input = operands.second;
  if (swapped_) {
    Tensor<T> transposed = operands.result;
    std::swap(transposed.outer, transposed.inner);
    std::get_if<ChannelSums<T>>(&lanes_)->run(input, grad_output, transposed, workspace);
    return;
  }
  visit_way(lanes_, [&](const auto& lanes) { lanes.run(grad_output, input, operands.result, workspace); });
}

template class GradKernel<float>;
template class GradKernel<double>;

}  // namespace convgrad::gemm

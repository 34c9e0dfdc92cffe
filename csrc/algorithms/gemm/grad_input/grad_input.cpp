#include "algorithms/gemm/grad_input/grad_input.hpp"

#include "algorithms/common/visit_way.hpp"
#include "algorithms/gemm/grad_input/choose_columns.hpp"
#include "algorithms/gemm/sum_order.hpp"

namespace convgrad::gemm {

namespace {

// Many groups of few channels and a stride: by shape alone, since columns have another order of sums.
bool prefers_group_residues(const Geometry& geometry) noexcept {
  namespace order = sum_order::group_residues;
  const bool strided = geometry.stride[0] > 1 || geometry.stride[1] > 1 || geometry.stride[2] > 1;
  return strided && geometry.groups >= order::fewest_groups &&
         saturating_product(geometry.in_channels, geometry.out_channels) <= order::most_products;
}

template <class T>
Way choose(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  // Residues one by one have the same bits.
  if (prefers_group_residues(geometry))
    return GroupResidues<T>::serves(geometry, kernels) ? Way::group_residues : Way::automatic;
  if (has_patches(geometry)) return Way::patches;
  return prefers_columns(geometry) ? Way::columns : Way::automatic;
}

template <class T>
std::variant<GradInputResidues<T>, GradInputColumns<T>, GradInputPatches<T>, GroupResidues<T>> make_way(
    const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads, Way way) noexcept {
  if (way == Way::patches) return GradInputPatches<T>(geometry, kernels, threads);
  if (way == Way::columns) return GradInputColumns<T>(geometry, kernels, threads);
  if (way == Way::group_residues) return GroupResidues<T>(geometry, kernels, threads);
  return GradInputResidues<T>(geometry, kernels, threads, way);
}

}  // namespace

template <class T>
bool GradInput<T>::serves(Way way, const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  if (way == Way::patches) return has_patches(geometry);
  if (way == Way::columns) return columns_serve(geometry);
  if (way == Way::group_residues) return GroupResidues<T>::serves(geometry, kernels);
  return GradInputResidues<T>::serves(way, geometry, kernels);
}

// Any way but patches and columns is one for each residue.
template <class T>
GradInput<T>::GradInput(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads, Way way) noexcept
    : way_(make_way(geometry, kernels, threads, way == Way::automatic ? choose(geometry, kernels) : way)) {}

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
void GradInput<T>::run(const Operands<T>& operands, void* workspace) const noexcept {
  visit_way(way_, [&](const auto& way) {
    way.run(operands.first, operands.second, static_cast<const T*>(operands.packed), operands.result, workspace);
  });
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

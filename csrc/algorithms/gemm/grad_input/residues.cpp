#include "algorithms/gemm/grad_input/residues.hpp"

#include <new>

#include "core/phases.hpp"

namespace convgrad::gemm {

namespace {

// Structural: memory. A plan keeps so many correlations, of five kilobytes each, rather than plan them again in every
// run: those of a stride of four in three dimensions, or of eight in two. A description shows fewer.
constexpr Index most_kept_residues = 64;
constexpr Index most_described_residues = 8;

template <class T>
void fill_zero(const Geometry& g, const Tensor<T>& to) noexcept {
  const PhaseTimer timer(Phase::storing);
  for (Index n = 0; n < g.batch; ++n)
    for (Index c = 0; c < g.groups * g.in_channels; ++c)
      for (Index i = 0; i < g.input[0]; ++i)
        for (Index j = 0; j < g.input[1]; ++j) {
          T* row = to.data + n * to.outer + c * to.inner + i * to.axis[0] + j * to.axis[1];
          for (Index k = 0; k < g.input[2]; ++k) row[k * to.axis[2]] = T{0};
        }
}

}  // namespace

template <class T>
bool GradInputResidues<T>::serves(Way way, const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  bool all = is_of_correlation(way);
  for_each_residue(geometry, [&](const Residue(&residue)[axes]) {
    all = all && serves_correlation(way, residue_geometry(geometry, residue), kernels);
  });
  return all;
}

template <class T>
GradInputResidues<T>::GradInputResidues(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads,
                                        Way way) noexcept
    : geometry_(geometry), kernels_(&kernels), threads_(threads), forced_(way) {
  Index met = 1;
  for (int a = 0; a < axes; ++a) met = saturating_product(met, count_residues(geometry, a));
  if (met <= most_kept_residues)
    kept_.reset(new (std::nothrow) std::optional<Correlation<T>>[static_cast<std::size_t>(met)]);
  std::size_t number = 0;
  leaves_zeros_ = for_each_residue(geometry_, [&](const Residue(&residue)[axes]) {
    const Correlation<T> part = plan(residue);
    if (kept_) kept_[number++].emplace(part);
    if (part.threads() > most_threads_) most_threads_ = part.threads();
    if (part.workspace_bytes() > workspace_bytes_) workspace_bytes_ = part.workspace_bytes();
    packed_elements_ += part.packed_elements();
    reads_in_place_ = reads_in_place_ || part.packed_elements() == 0;
  });
  // Also where no tap meets dV, so that a packed kernel is never nothing at all.
  reads_in_place_ = reads_in_place_ || packed_elements_ == 0;
}

template <class T>
Correlation<T> GradInputResidues<T>::plan(const Residue (&residue)[axes]) const noexcept {
  const bool all_taps = geometry_.stride[0] == 1 && geometry_.stride[1] == 1 && geometry_.stride[2] == 1;
  const WeightOrder order = all_taps ? WeightOrder::channels_first : WeightOrder::channels_first_some_taps;
  return Correlation<T>(residue_geometry(geometry_, residue), *kernels_, order, threads_, forced_);
}

template <class T>
Weights<T> GradInputResidues<T>::weights(const Residue (&residue)[axes], const Tensor<const T>& kernel) const noexcept {
  Weights<T> weights;
  weights.group = geometry_.out_channels * kernel.outer;
  weights.lane = kernel.inner;
  weights.channel = kernel.outer;
  residue_taps(residue, kernel, weights.data, weights.axis);
  return weights;
}

template <class T>
template <class Visit>
void GradInputResidues<T>::for_each_correlation(const Visit& visit) const noexcept {
  std::size_t number = 0;
  for_each_residue(geometry_, [&](const Residue(&residue)[axes]) {
    if (kept_)
      visit(residue, *kept_[number++]);
    else
      visit(residue, plan(residue));
  });
}

template <class T>
void GradInputResidues<T>::describe(Text& text) const noexcept {
  Index number = 0;
  for_each_correlation([&](const Residue(&)[axes], const Correlation<T>& part) {
    if (geometry_.stride[0] * geometry_.stride[1] * geometry_.stride[2] > 1)
      text.line("residue", "%lld", static_cast<long long>(number));
    ++number;
    if (number <= most_described_residues) part.describe(text);
  });
}

template <class T>
void GradInputResidues<T>::pack(const Tensor<const T>& kernel, T* packed) const noexcept {
  for_each_correlation([&](const Residue(&residue)[axes], const Correlation<T>& part) {
    part.pack(weights(residue, kernel), packed);
    packed += part.packed_elements();
  });
}

template <class T>
void GradInputResidues<T>::run(const Tensor<const T>& grad_output, const Tensor<const T>& kernel, const T* packed,
                               const Tensor<T>& grad_input, void* workspace) const noexcept {
  if (leaves_zeros_) fill_zero(geometry_, grad_input);
  for_each_correlation([&](const Residue(&residue)[axes], const Correlation<T>& part) {
    part.run({grad_output, weights(residue, kernel), packed, {}, residue_positions(geometry_, residue, grad_input)},
             workspace);
    if (packed != nullptr) packed += part.packed_elements();
  });
}

template class GradInputResidues<float>;
template class GradInputResidues<double>;

}  // namespace convgrad::gemm

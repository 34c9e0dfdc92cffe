#include "algorithms/gemm/grad_input/residues.hpp"

#include <new>
#include <numeric>
#include <utility>

#include "algorithms/read/weights.hpp"
#include "core/phases.hpp"

namespace convgrad::gemm {

namespace {

// As many as a stride of two has in three dimensions. Each takes some kilobytes, and up to some ten microseconds to be
// made for several threads.
constexpr Index most_kept_residues = 8;

Index modulo(Index value, Index modulus) noexcept {
  const Index rest = value % modulus;
  return rest < 0 ? rest + modulus : rest;
}

// Bit by bit, since the product itself may overflow. Both are below the modulus, which is below 2**62.
Index product_modulo(Index a, Index b, Index modulus) noexcept {
  Index sum = 0;
  for (; b > 0; b >>= 1, a = (a + a) % modulus)
    if (b % 2 == 1) sum = (sum + a) % modulus;
  return sum;
}

// By Euclid's algorithm; value and modulus have no common divisor. 0 modulo 1.
Index modular_inverse(Index value, Index modulus) noexcept {
  Index rest = modulus, next_rest = value;
  Index factor = 0, next_factor = 1;
  while (next_rest != 0) {
    const Index quotient = rest / next_rest;
    rest = std::exchange(next_rest, rest - quotient * next_rest);
    factor = std::exchange(next_factor, factor - quotient * next_factor);
  }
  return modulo(factor, modulus);
}

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

// Position j meets tap m where (j + p - m d) is a multiple of s, at G's pixel (j + p - m d) / s.
Residue find_residue(Index first, Index input, Index kernel, Index stride, Index dilation, Index padding) noexcept {
  Residue residue{};
  residue.first = first;
  residue.count = divide_up(input - first, stride);
  const Index divisor = std::gcd(stride, dilation);
  residue.tap_step = stride / divisor;
  residue.dilation = dilation / divisor;
  // m d = first + p modulo s; without the divisor that all three need, d has an inverse.
  if ((first + padding) % divisor != 0) return residue;
  const Index inverse = modular_inverse(residue.dilation % residue.tap_step, residue.tap_step);
  const Index wanted = modulo((first + padding) / divisor, residue.tap_step);
  const Index m = product_modulo(wanted, inverse, residue.tap_step);
  if (m >= kernel) return residue;
  residue.first_tap = m;
  residue.taps = divide_up(kernel - m, residue.tap_step);
  residue.reach = (first + padding - m * dilation) / stride;
  return residue;
}

Geometry residue_geometry(const Geometry& geometry, const Residue (&residue)[axes]) noexcept {
  Geometry part;
  part.batch = geometry.batch;
  part.groups = geometry.groups;
  part.in_channels = geometry.out_channels;
  part.out_channels = geometry.in_channels;
  for (int a = 0; a < axes; ++a) {
    part.input[a] = geometry.output[a];
    part.kernel[a] = residue[a].taps;
    part.output[a] = residue[a].count;
    part.dilation[a] = residue[a].dilation;
    part.padding[a] = (residue[a].taps - 1) * residue[a].dilation - residue[a].reach;
  }
  return part;
}

namespace {

// Calls visit(residue along each axis) for all that some tap meets; whether there are others.
template <class Visit>
bool for_each_residue(const Geometry& g, const Visit& visit) noexcept {
  bool others = false;
  Residue residue[axes];
  const auto along = [&](int a, const auto& next) {
    // With a stride beyond the kernel most positions are met by no tap at all: a position that is, is found from its
    // tap.
    const Index positions = smaller(g.stride[a], g.input[a]);
    if (g.stride[a] > g.kernel[a]) {
      others = others || positions > 0;
      for (Index m = 0; m < g.kernel[a]; ++m) {
        const Index offset = (m * g.dilation[a] - g.padding[a]) % g.stride[a];
        const Index first = offset < 0 ? offset + g.stride[a] : offset;
        if (first >= positions) continue;
        residue[a] = find_residue(first, g.input[a], g.kernel[a], g.stride[a], g.dilation[a], g.padding[a]);
        if (residue[a].first_tap == m) next();
      }
      return;
    }
    for (Index first = 0; first < positions; ++first) {
      residue[a] = find_residue(first, g.input[a], g.kernel[a], g.stride[a], g.dilation[a], g.padding[a]);
      if (residue[a].taps > 0)
        next();
      else
        others = true;
    }
  };
  along(0, [&] { along(1, [&] { along(2, [&] { visit(residue); }); }); });
  return others;
}

}  // namespace

template <class T>
bool GradInputResidues<T>::serves(Way way, const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  bool all = way <= Way::groups_by_lane;
  for_each_residue(geometry, [&](const Residue(&residue)[axes]) {
    all = all && serves_correlation(way, residue_geometry(geometry, residue), kernels);
  });
  return all;
}

template <class T>
GradInputResidues<T>::GradInputResidues(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads,
                                        Way way) noexcept
    : geometry_(geometry), kernels_(&kernels), threads_(threads), forced_(way) {
  Index most = 1;
  for (int a = 0; a < axes; ++a) most = saturating_product(most, smaller(geometry.stride[a], geometry.input[a]));
  if (most <= most_kept_residues)
    kept_.reset(new (std::nothrow) std::optional<Correlation<T>>[static_cast<std::size_t>(most)]);
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
  weights.data = kernel.data;
  weights.group = geometry_.out_channels * kernel.outer;
  weights.lane = kernel.inner;
  weights.channel = kernel.outer;
  for (int a = 0; a < axes; ++a) {
    weights.data += (residue[a].first_tap + (residue[a].taps - 1) * residue[a].tap_step) * kernel.axis[a];
    weights.axis[a] = -residue[a].tap_step * kernel.axis[a];
  }
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
    if (number <= most_kept_residues) part.describe(text);
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
    Tensor<T> output = grad_input;
    for (int a = 0; a < axes; ++a) {
      output.data += residue[a].first * grad_input.axis[a];
      output.axis[a] *= geometry_.stride[a];
    }
    part.run({grad_output, weights(residue, kernel), packed, {}, output}, workspace);
    if (packed != nullptr) packed += part.packed_elements();
  });
}

template class GradInputResidues<float>;
template class GradInputResidues<double>;

}  // namespace convgrad::gemm

#include "algorithms/gemm/column_sums.hpp"

#include <cstring>
#include <numeric>

#include "algorithms/gemm/panel.hpp"

namespace convgrad::gemm {

namespace {

// Positions from the first that `size` pixels meet to the last before the next pixel's, or to the end of dV.
Index positions(const Geometry& geometry, int axis, Index size) noexcept {
  return (size - 1) * geometry.stride[axis] + extent_of(geometry, axis) + geometry.stride[axis] - 1;
}

}  // namespace

Index extent_of(const Geometry& geometry, int axis) noexcept {
  return (geometry.kernel[axis] - 1) * geometry.dilation[axis] + 1;
}

template <class T>
ColumnSums<T>::ColumnSums(const Geometry& geometry, Index images, const Index (&size)[axes], Index channels) noexcept
    : geometry_(&geometry), images_(images), size_{size[0], size[1], size[2]}, channels_(channels) {
  phase_pitch_ = divide_up(positions(geometry, 2, size[2]), geometry.stride[2]);
  row_pitch_ = geometry.stride[2] * phase_pitch_;
  plane_pitch_ = saturating_product(positions(geometry, 1, size[1]), row_pitch_);
  channel_pitch_ = saturating_product(positions(geometry, 0, size[0]), plane_pitch_);
}

template <class T>
void ColumnSums<T>::add(const kernels::KernelSet<T>& kernels, const T* products, Index product_pitch, Index first,
                        Index last, T* sums) const noexcept {
  const Geometry& g = *geometry_;
  // Taps of one row of the kernel together, and of these the ones that add to the same phase: every q-th.
  const Index q = g.stride[2] / std::gcd(g.stride[2], g.dilation[2]);
  for (Index row = last; row > first;) {
    const Index begin = larger(first, (row - 1) / g.kernel[2] * g.kernel[2]);
    for (Index end = row; end > begin && end > row - q; --end) {
      kernels::ShiftedTerm terms[kernels::max_shifted_terms];
      Index count = 0;
      const Index phase = (end - 1) % g.kernel[2] * g.dilation[2] % g.stride[2];
      for (Index r = end - 1; r >= begin; r -= q) {
        terms[count++] = {(r - first) * product_pitch, r % g.kernel[2] * g.dilation[2] / g.stride[2]};
        if (count < kernels::max_shifted_terms) continue;
        add_terms(kernels, products, terms, count, begin, phase, sums);
        count = 0;
      }
      if (count > 0) add_terms(kernels, products, terms, count, begin, phase, sums);
    }
    row = begin;
  }
}

// To one phase of the rows that the taps in the kernel's row of P's row `row` meet.
template <class T>
void ColumnSums<T>::add_terms(const kernels::KernelSet<T>& kernels, const T* products,
                              const kernels::ShiftedTerm* terms, Index count, Index row, Index phase,
                              T* sums) const noexcept {
  const Geometry& g = *geometry_;
  const Index line = row / g.kernel[2] % g.kernel[1] * g.dilation[1];
  const Index plane = row / (g.kernel[2] * g.kernel[1]) % g.kernel[0] * g.dilation[0];
  sums += row / g.taps_per_channel() * channel_pitch_ + plane * plane_pitch_ + line * row_pitch_ + phase * phase_pitch_;
  for (Index n = 0; n < images_; ++n)
    for (Index i = 0; i < size_[0]; ++i, products += size_[1] * size_[2])
      kernels.add_shifted(products, terms, count, size_[2], size_[1], size_[2],
                          sums + n * channels_ * channel_pitch_ + i * g.stride[0] * plane_pitch_,
                          g.stride[1] * row_pitch_);
}

template <class T>
void ColumnSums<T>::start(const kernels::KernelSet<T>& kernels, const SumSpan (&span)[axes],
                          const Tensor<T>& grad_input, T* sums) const noexcept {
  std::memset(sums, 0, static_cast<std::size_t>(elements()) * sizeof(T));
  if (span[0].begun <= span[0].begin && span[1].begun <= span[1].begin && span[2].begun <= span[2].begin) return;
  const Index phases = geometry_->stride[2];
  const Index step = grad_input.axis[2];
  for (Index n = 0; n < images_; ++n)
    for (Index c = 0; c < channels_; ++c, sums += channel_pitch_)
      for (Index i = span[0].begin; i < span[0].end; ++i)
        for (Index j = span[1].begin; j < span[1].end; ++j) {
          const Index end = i < span[0].begun || j < span[1].begun ? span[2].end : span[2].begun;
          const T* from = grad_input.data + n * grad_input.outer + c * grad_input.inner + i * grad_input.axis[0] +
                          j * grad_input.axis[1];
          T* to = sums + (i - span[0].origin) * plane_pitch_ + (j - span[1].origin) * row_pitch_;
          for (Index k = span[2].begin; k < smaller(end, span[2].begin + phases); ++k) {
            const Index column = k - span[2].origin;
            kernels.copy_strided(from + k * step, 0, phases * step, 1, divide_up(end - k, phases),
                                 to + column % phases * phase_pitch_ + column / phases, 0);
          }
        }
}

template <class T>
void ColumnSums<T>::store(const kernels::KernelSet<T>& kernels, const SumSpan (&span)[axes], const T* sums, T* row,
                          const Tensor<T>& grad_input) const noexcept {
  const Index first = span[2].begin - span[2].origin;
  const Index last = span[2].end - span[2].origin;
  // One channel's rows after the other where they are rows in memory, too; all channels of a row together otherwise.
  const Index at_once = grad_input.axis[2] == 1 ? 1 : channels_;
  for (Index n = 0; n < images_; ++n)
    for (Index c = 0; c < channels_; c += at_once, sums += at_once * channel_pitch_)
      for (Index i = span[0].begin; i < span[0].end; ++i)
        for (Index j = span[1].begin; j < span[1].end; ++j) {
          Tensor<T> to = grad_input;
          to.data += n * to.outer + c * to.inner + i * to.axis[0] + j * to.axis[1] + span[2].begin * to.axis[2];
          store_row(kernels, at_once, first, last,
                    sums + (i - span[0].origin) * plane_pitch_ + (j - span[1].origin) * row_pitch_, row, to);
        }
}

template <class T>
void ColumnSums<T>::store_row(const kernels::KernelSet<T>& kernels, Index channels, Index first, Index last,
                              const T* sums, T* row, const Tensor<T>& to) const noexcept {
  const Index phases = geometry_->stride[2];
  const PixelBox box{1, {1, 1, last - first}};
  if (phases == 1) {
    unpack_channels(kernels, sums + first, channel_pitch_, box, 0, box.count(), channels, to);
    return;
  }
  if (to.axis[2] == 1 && channels == 1) {
    kernels.interleave(sums, phase_pitch_, phases, first, last, to.data);
    return;
  }
  for (Index c = 0; c < channels; ++c)
    kernels.interleave(sums + c * channel_pitch_, phase_pitch_, phases, first, last, row + c * row_pitch_);
  unpack_channels(kernels, row, row_pitch_, box, 0, box.count(), channels, to);
}

template <class T>
Ahead<T> ColumnSums<T>::ahead(const SumSpan (&span)[axes], const Tensor<T>& grad_input, Index steps) const noexcept {
  // Only one plane's rows of neighbors in memory, or, as in an NHWC array, of all its channels.
  const Index rows = span[1].end - span[1].begin;
  const Index columns = span[2].end - span[2].begin;
  if (images_ > 1 || span[0].end - span[0].begin > 1 || rows == 0) return {};
  const T* first = grad_input.data + span[0].begin * grad_input.axis[0] + span[1].begin * grad_input.axis[1] +
                   span[2].begin * grad_input.axis[2];
  if (grad_input.inner == 1 && grad_input.axis[2] == channels_)
    return {{first, grad_input.axis[1], rows, columns * channels_}, steps};
  if (grad_input.axis[2] != 1) return {};
  if (grad_input.axis[1] == columns) return {{first, grad_input.inner, channels_, rows * columns}, steps};
  return {{first, grad_input.axis[1], rows, columns}, channels_, grad_input.inner, steps};
}

template class ColumnSums<float>;
template class ColumnSums<double>;

}  // namespace convgrad::gemm

#include "algorithms/gemm/grad_input/column_sums.hpp"

#include <cstring>

#include "algorithms/common/pixel_box.hpp"
#include "algorithms/gemm/write/unpack.hpp"

namespace convgrad::gemm {

Index extent_of(const Geometry& geometry, int axis) noexcept {
  return (geometry.kernel[axis] - 1) * geometry.dilation[axis] + 1;
}

Index positions_of(const Geometry& geometry, int axis, Index size) noexcept {
  return (size - 1) * geometry.stride[axis] + extent_of(geometry, axis) + geometry.stride[axis] - 1;
}

template <class T>
ColumnSums<T>::ColumnSums(const Geometry& geometry, Index images, const Index (&size)[axes], Index channels,
                          Index product_pitch) noexcept
    : geometry_(&geometry),
      images_(images),
      size_{size[0], size[1], size[2]},
      channels_(channels),
      product_pitch_(product_pitch) {
  phase_pitch_ = round_up(divide_up(positions_of(geometry, 2, size[2]), geometry.stride[2]), unit);
  row_pitch_ = geometry.stride[2] * phase_pitch_;
}

// The last tap first: each sum then meets G's pixels in their order.
template <class T>
void ColumnSums<T>::fill_terms(const Room& room) const noexcept {
  const Geometry& g = *geometry_;
  const auto phase_of = [&](Index tap) { return tap * g.dilation[2] % g.stride[2]; };
  // Where each phase's end, and after the loop below where they begin.
  for (Index phase = 0; phase <= phases(); ++phase) room.phase[phase] = 0;
  for (Index tap = 0; tap < g.kernel[2]; ++tap) ++room.phase[phase_of(tap)];
  for (Index phase = 1; phase <= phases(); ++phase) room.phase[phase] += room.phase[phase - 1];
  for (Index tap = 0; tap < g.kernel[2]; ++tap)
    room.term[--room.phase[phase_of(tap)]] = {tap * product_pitch_, tap * g.dilation[2] / g.stride[2]};
}

template <class T>
typename ColumnSums<T>::Pixels ColumnSums<T>::pixels_under(int axis, Index position) const noexcept {
  const Geometry& g = *geometry_;
  const Index beyond = position - (g.kernel[axis] - 1) * g.dilation[axis];
  return {beyond <= 0 ? 0 : divide_up(beyond, g.stride[axis]), smaller(size_[axis], position / g.stride[axis] + 1)};
}

// The rows of the kernel, and the pixels' under them, that meet a row of positions, in the order of G's pixels.
template <class T>
Index ColumnSums<T>::find_lines(Index image, Index plane, Index row, Index* line) const noexcept {
  const Geometry& g = *geometry_;
  const Pixels planes = pixels_under(0, plane);
  const Pixels rows = pixels_under(1, row);
  Index count = 0;
  for (Index i = planes.first; i < planes.last; ++i) {
    const Index depth = (plane - i * g.stride[0]) / g.dilation[0];
    if (depth * g.dilation[0] != plane - i * g.stride[0]) continue;
    for (Index j = rows.first; j < rows.last; ++j) {
      const Index tap_row = (row - j * g.stride[1]) / g.dilation[1];
      if (tap_row * g.dilation[1] != row - j * g.stride[1]) continue;
      line[count++] = (depth * g.kernel[1] + tap_row) * g.kernel[2] * product_pitch_ +
                      ((image * size_[0] + i) * size_[1] + j) * size_[2];
    }
  }
  return count;
}

// One channel's rows after the other where they are rows in memory, too; all channels of a row together otherwise. Rows
// that meet the same rows of the kernel, a stride apart, are added up together.
template <class T>
void ColumnSums<T>::store(const kernels::KernelSet<T>& kernels, const T* products, const SumSpan (&span)[axes],
                          const Room& room, const Tensor<T>& grad_input) const noexcept {
  const Index first = span[2].begin - span[2].origin;
  const Index last = span[2].end - span[2].origin;
  const Index length = divide_up(last, phases());
  const Index at_once = grad_input.axis[2] == 1 ? 1 : channels_;
  const Index most_rows = rows_at_once(at_once);
  const Index row_step = geometry_->stride[1];
  const Index product_step = geometry_->taps_per_channel() * product_pitch_;
  const Index sums_step = at_once * row_pitch_;
  for (Index n = 0; n < images_; ++n)
    for (Index c = 0; c < channels_; c += at_once)
      for (Index i = span[0].begin; i < span[0].end; ++i)
        for (Index start = span[1].begin; start < smaller(span[1].end, span[1].begin + row_step); ++start)
          for (Index j = start, rows = 0; j < span[1].end; j += rows * row_step) {
            const auto row_at = [&](Index row) {
              Tensor<T> to = grad_input;
              to.data += n * to.outer + c * to.inner + i * to.axis[0] + row * to.axis[1] + span[2].begin * to.axis[2];
              return to;
            };
            const auto begun = [&](Index row) {
              return i < span[0].begun || row < span[1].begun ? span[2].end : span[2].begun;
            };
            const Pixels under = pixels_under(1, j - span[1].origin);
            rows = 1;
            for (Index row = j + row_step; rows < most_rows && row < span[1].end && begun(row) == begun(j);
                 row += row_step) {
              const Pixels here = pixels_under(1, row - span[1].origin);
              if (here.first != under.first + rows || here.last != under.last + rows) break;
              ++rows;
            }
            const bool starts = begun(j) > span[2].begin;
            for (Index r = 0; starts && r < rows; ++r)
              load_row(kernels, at_once, first, begun(j) - span[2].origin, row_at(j + r * row_step),
                       room.sums + r * sums_step);
            const Index lines = find_lines(n, i - span[0].origin, j - span[1].origin, room.line);
            for (Index channel = 0; channel < at_once; ++channel)
              for (Index phase = 0; phase < phases(); ++phase) {
                const Index term = room.phase[phase];
                kernels.add_columns(products + (c + channel) * product_step,
                                    {room.line, lines, room.term + term, room.phase[phase + 1] - term, size_[2], rows,
                                     size_[2], sums_step},
                                    length, starts, room.sums + channel * row_pitch_ + phase * phase_pitch_);
              }
            store_rows(kernels, at_once, first, last, rows, room, row_at(j));
          }
}

// What is begun of a row, and zeros.
template <class T>
void ColumnSums<T>::load_row(const kernels::KernelSet<T>& kernels, Index channels, Index first, Index last,
                             const Tensor<T>& from, T* sums) const noexcept {
  const Index step = from.axis[2];
  std::memset(sums, 0, static_cast<std::size_t>(channels * row_pitch_) * sizeof(T));
  for (Index c = 0; c < channels; ++c, sums += row_pitch_)
    for (Index k = first; k < smaller(last, first + phases()); ++k)
      kernels.copy_strided(from.data + c * from.inner + (k - first) * step, 0, phases() * step, 1,
                           divide_up(last - k, phases()), sums + k % phases() * phase_pitch_ + k / phases(), 0);
}

// Rows a stride apart, of which `to` is the first.
template <class T>
void ColumnSums<T>::store_rows(const kernels::KernelSet<T>& kernels, Index channels, Index first, Index last,
                               Index rows, const Room& room, Tensor<T> to) const noexcept {
  const Index sums_step = channels * row_pitch_;
  const Index step = geometry_->stride[1] * to.axis[1];
  if (to.axis[2] == 1 && channels == 1) {
    if (phases() == 1)
      kernels.copy_rows(room.sums + first, sums_step, rows, last - first, to.data, step);
    else
      kernels.interleave(room.sums, phase_pitch_, phases(), first, last, rows, sums_step, to.data, step);
    return;
  }
  const PixelBox box{1, {1, 1, last - first}};
  for (Index r = 0; r < rows; ++r, to.data += step) {
    const T* sums = room.sums + r * sums_step;
    if (phases() == 1) {
      unpack_channels(kernels, sums + first, row_pitch_, box, 0, box.count(), channels, to);
      continue;
    }
    kernels.interleave(sums, phase_pitch_, phases(), first, last, channels, row_pitch_, room.row, row_pitch_);
    unpack_channels(kernels, static_cast<const T*>(room.row), row_pitch_, box, 0, box.count(), channels, to);
  }
}

template <class T>
Prefetch<T> ColumnSums<T>::ahead(const SumSpan (&span)[axes], const Tensor<T>& grad_input, Index steps) const noexcept {
  const Index planes = span[0].end - span[0].begin;
  const Index rows = span[1].end - span[1].begin;
  const Index columns = span[2].end - span[2].begin;
  const Tensor<T>& to = grad_input;
  if (planes == 0 || rows == 0) return {};
  const T* first = to.data + span[0].begin * to.axis[0] + span[1].begin * to.axis[1] + span[2].begin * to.axis[2];
  // Whole rows and planes go on without a gap.
  if (to.axis[2] == 1 && (rows == 1 || to.axis[1] == columns) && (planes == 1 || to.axis[0] == rows * columns))
    return {{first, to.inner, channels_, planes * rows * columns}, images_, to.outer, steps};
  // Otherwise only one plane's rows of neighbors, or, as in an NHWC array, of all its channels.
  if (images_ > 1 || planes > 1) return {};
  if (to.inner == 1 && to.axis[2] == channels_) return {{first, to.axis[1], rows, columns * channels_}, steps};
  if (to.axis[2] != 1) return {};
  return {{first, to.axis[1], rows, columns}, channels_, to.inner, steps};
}

template class ColumnSums<float>;
template class ColumnSums<double>;

}  // namespace convgrad::gemm

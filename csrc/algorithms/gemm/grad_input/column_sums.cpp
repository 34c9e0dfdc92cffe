#include "algorithms/gemm/grad_input/column_sums.hpp"

#include <cstring>

#include "algorithms/common/pixel_box.hpp"
#include "algorithms/gemm/write/unpack.hpp"

namespace convgrad::gemm {

namespace {

// Where the columns of a row end that earlier blocks have begun.
Index begun_columns(const SumSpan (&span)[axes], Index plane, Index row) noexcept {
  return plane < span[0].begun || row < span[1].begun ? span[2].end : span[2].begun;
}

}  // namespace

Index extent_of(const Geometry& geometry, int axis) noexcept {
  return (geometry.kernel[axis] - 1) * geometry.dilation[axis] + 1;
}

Index positions_of(const Geometry& geometry, int axis, Index size) noexcept {
  return (size - 1) * geometry.stride[axis] + extent_of(geometry, axis) + geometry.stride[axis] - 1;
}

template <class T>
struct ColumnSums<T>::Store {
  const kernels::KernelSet<T>& kernels;
  const T* products;
  const SumSpan (&span)[axes];
  const Area& area;
  const Tensor<T>& grad_input;
  Index channels;     // whose rows are stored together
  Index most_rows;    // that are added up together
  Index row_step;     // from one row of sums to the next of these
  Index first, last;  // columns of a row of sums that are stored
};

template <class T>
ColumnSums<T>::ColumnSums(const Geometry& geometry, const ColumnSumLimits& limits, Index images,
                          const Index (&size)[axes], Index channels) noexcept
    : geometry_(&geometry), limits_(limits), images_(images), size_{size[0], size[1], size[2]}, channels_(channels) {
  class_pitch_ = round_up(divide_up(positions_of(geometry, 2, size[2]), geometry.stride[2]), line);
  row_pitch_ = geometry.stride[2] * class_pitch_;
}

template <class T>
AreaLayout<typename ColumnSums<T>::Area> ColumnSums<T>::layout() const noexcept {
  AreaLayout<Area> layout;
  layout.reserve(&Area::terms, terms());
  layout.reserve(&Area::classes, classes() + 1);
  layout.reserve(&Area::lines, lines());
  layout.reserve(&Area::sums, sum_elements());
  layout.reserve(&Area::row, row_elements());
  return layout;
}

// The last tap first: each sum then meets G's pixels in their order.
template <class T>
void ColumnSums<T>::fill_terms(const Area& area) const noexcept {
  const Geometry& g = *geometry_;
  const auto class_of = [&](Index tap) { return tap * g.dilation[2] % g.stride[2]; };
  // Where each class's end, and after the loop below where they begin.
  for (Index i = 0; i <= classes(); ++i) area.classes[i] = 0;
  for (Index tap = 0; tap < g.kernel[2]; ++tap) ++area.classes[class_of(tap)];
  for (Index i = 1; i <= classes(); ++i) area.classes[i] += area.classes[i - 1];
  for (Index tap = 0; tap < g.kernel[2]; ++tap)
    area.terms[--area.classes[class_of(tap)]] = {tap * limits_.product_pitch, tap * g.dilation[2] / g.stride[2]};
}

template <class T>
typename ColumnSums<T>::Pixels ColumnSums<T>::pixels_under(int axis, Index position) const noexcept {
  const Geometry& g = *geometry_;
  const Index beyond = position - (g.kernel[axis] - 1) * g.dilation[axis];
  return {beyond <= 0 ? 0 : divide_up(beyond, g.stride[axis]), smaller(size_[axis], position / g.stride[axis] + 1)};
}

// The rows of the kernel, and the pixels' under them, that meet a row of positions, in the order of G's pixels.
template <class T>
Index ColumnSums<T>::find_lines(const Store& store, const Row& at) const noexcept {
  const Geometry& g = *geometry_;
  const Index plane = at.plane - store.span[0].origin;
  const Index row = at.row - store.span[1].origin;
  const Pixels planes = pixels_under(0, plane);
  const Pixels rows = pixels_under(1, row);
  Index count = 0;
  for (Index i = planes.first; i < planes.last; ++i) {
    const Index depth = (plane - i * g.stride[0]) / g.dilation[0];
    if (depth * g.dilation[0] != plane - i * g.stride[0]) continue;
    for (Index j = rows.first; j < rows.last; ++j) {
      const Index tap_row = (row - j * g.stride[1]) / g.dilation[1];
      if (tap_row * g.dilation[1] != row - j * g.stride[1]) continue;
      store.area.lines[count++] = (depth * g.kernel[1] + tap_row) * g.kernel[2] * limits_.product_pitch +
                                  ((at.image * size_[0] + i) * size_[1] + j) * size_[2];
    }
  }
  return count;
}

// One channel's rows after the other where they are rows in memory, too; all channels of a row together otherwise.
template <class T>
void ColumnSums<T>::store(const kernels::KernelSet<T>& kernels, const T* products, const SumSpan (&span)[axes],
                          const Area& area, const Tensor<T>& grad_input) const noexcept {
  const Index channels = limits_.transposes && grad_input.axis[2] != 1 ? channels_ : 1;
  const Index row_step = channels * row_pitch_;
  const Store store{kernels,
                    products,
                    span,
                    area,
                    grad_input,
                    channels,
                    larger(1, limits_.elements_together / row_step),
                    row_step,
                    span[2].begin - span[2].origin,
                    span[2].end - span[2].origin};
  const Index stride = geometry_->stride[1];
  for (Index n = 0; n < images_; ++n)
    for (Index c = 0; c < channels_; c += channels)
      for (Index i = span[0].begin; i < span[0].end; ++i)
        for (Index start = span[1].begin; start < smaller(span[1].end, span[1].begin + stride); ++start)
          for (Index j = start; j < span[1].end;) j += stride * add_rows(store, {n, c, i, j});
}

// How many rows from this one on, a stride apart, meet the same rows of the kernel and are begun alike.
template <class T>
Index ColumnSums<T>::count_alike(const Store& store, const Row& at, Index begun) const noexcept {
  const SumSpan& span = store.span[1];
  const Index stride = geometry_->stride[1];
  const Pixels under = pixels_under(1, at.row - span.origin);
  Index rows = 1;
  for (Index row = at.row + stride;
       rows < store.most_rows && row < span.end && begun_columns(store.span, at.plane, row) == begun; row += stride) {
    const Pixels here = pixels_under(1, row - span.origin);
    if (here.first != under.first + rows || here.last != under.last + rows) break;
    ++rows;
  }
  return rows;
}

// As many as can be added up together; returns how many these are.
template <class T>
Index ColumnSums<T>::add_rows(const Store& store, const Row& at) const noexcept {
  const SumSpan& columns = store.span[2];
  const Area& area = store.area;
  Tensor<T> to = store.grad_input;
  to.data += at.image * to.outer + at.channel * to.inner + at.plane * to.axis[0] + at.row * to.axis[1] +
             columns.begin * to.axis[2];
  const Index begun = begun_columns(store.span, at.plane, at.row);
  const Index rows = count_alike(store, at, begun);
  const bool starts = begun > columns.begin;
  if (starts) {
    Tensor<T> from = to;
    for (Index r = 0; r < rows; ++r, from.data += geometry_->stride[1] * from.axis[1])
      load_row(store, begun - columns.origin, from, area.sums + r * store.row_step);
  }
  const Index lines = find_lines(store, at);
  const Index length = divide_up(store.last, classes());
  const Index product_step = geometry_->taps_per_channel() * limits_.product_pitch;
  for (Index channel = 0; channel < store.channels; ++channel)
    for (Index i = 0; i < classes(); ++i) {
      const Index term = area.classes[i];
      store.kernels.add_columns(
          store.products + (at.channel + channel) * product_step,
          {area.lines, lines, area.terms + term, area.classes[i + 1] - term, size_[2], rows, size_[2], store.row_step},
          length, starts, area.sums + channel * row_pitch_ + i * class_pitch_);
    }
  store_rows(store, rows, to);
  return rows;
}

// What is begun of a row, up to the column `begun`, and zeros.
template <class T>
void ColumnSums<T>::load_row(const Store& store, Index begun, const Tensor<T>& from, T* sums) const noexcept {
  const Index step = from.axis[2];
  const Index first = store.first;
  std::memset(sums, 0, static_cast<std::size_t>(store.row_step) * sizeof(T));
  for (Index c = 0; c < store.channels; ++c, sums += row_pitch_)
    for (Index k = first; k < smaller(begun, first + classes()); ++k)
      store.kernels.copy_strided(from.data + c * from.inner + (k - first) * step, 0, classes() * step, 1,
                                 divide_up(begun - k, classes()), sums + k % classes() * class_pitch_ + k / classes(),
                                 0);
}

// Rows a stride apart, of which `to` is the first.
template <class T>
void ColumnSums<T>::store_rows(const Store& store, Index rows, Tensor<T> to) const noexcept {
  const kernels::KernelSet<T>& kernels = store.kernels;
  const Area& area = store.area;
  const Index first = store.first;
  const Index last = store.last;
  const Index step = geometry_->stride[1] * to.axis[1];
  if (to.axis[2] == 1 && store.channels == 1) {
    if (classes() == 1)
      kernels.copy_rows(area.sums + first, store.row_step, rows, last - first, to.data, step);
    else
      kernels.interleave(area.sums, class_pitch_, classes(), first, last, rows, store.row_step, to.data, step);
    return;
  }
  const PixelBox box{1, {1, 1, last - first}};
  for (Index r = 0; r < rows; ++r, to.data += step) {
    const T* sums = area.sums + r * store.row_step;
    if (classes() == 1) {
      unpack_channels(kernels, sums + first, row_pitch_, box, 0, box.count(), store.channels, to);
      continue;
    }
    kernels.interleave(sums, class_pitch_, classes(), first, last, store.channels, row_pitch_, area.row, row_pitch_);
    unpack_channels(kernels, static_cast<const T*>(area.row), row_pitch_, box, 0, box.count(), store.channels, to);
  }
}

template <class T>
Prefetch<T> ColumnSums<T>::prefetch_of_results(const SumSpan (&span)[axes], const Tensor<T>& grad_input,
                                               Index steps) const noexcept {
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

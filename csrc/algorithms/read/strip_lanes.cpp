// A strip whose elements are vectors: lane g of each belongs to group g of some neighbors. Planes of the input are
// transposed, and an NHWC array's pixels are copied, so that what lies under a tap is one vector for all groups.
#include <cstring>

#include "algorithms/read/strip.hpp"

namespace convgrad {

namespace {

// A plane of one channel of every group, as it lies in the input.
template <class T>
struct LanePlane {
  const T* from;
  Index rows, columns;
  Index row, column;  // steps
  Index group_pitch, groups;
};

// Where columns go: column k of a row to vector place(first_column + k).
struct LaneRow {
  Index first_column;
  Index classes, class_pitch;

  [[nodiscard]] Index place(Index column) const noexcept {
    const Index element = first_column + column;
    return element % classes * class_pitch + element / classes;
  }
};

// `columns` vectors, `step` elements apart, to their places in a row of the strip.
template <class T>
void deal_out(const kernels::KernelSet<T>& kernels, const T* from, Index step, Index columns, Index width,
              const LaneRow& row, T* to) noexcept {
  const Index lanes = kernels.lanes;
  for (Index k = 0; k < smaller(row.classes, columns); ++k)
    kernels.copy_rows(from + k * step, row.classes * step, divide_up(columns - k, row.classes), width,
                      to + row.place(k) * lanes, lanes);
}

// Groups that are neighbors, as the channels of an NHWC array: every pixel has its vector already.
template <class T>
void copy_pixels(const kernels::KernelSet<T>& kernels, const LanePlane<T>& plane, const LaneRow& row, T* to,
                 Index pitch) noexcept {
  for (Index j = 0; j < plane.rows; ++j)
    deal_out(kernels, plane.from + j * plane.row, plane.column, plane.columns, plane.groups, row, to + j * pitch);
}

// Rows of neighbors: some of them are transposed together, as far as they go on without a gap.
template <class T>
void transpose_rows(const kernels::KernelSet<T>& kernels, const LanePlane<T>& plane, const LaneRow& row, T* dense,
                    T* to, Index pitch) noexcept {
  const Index lanes = kernels.lanes;
  const bool whole = row.classes == 1 && pitch == plane.columns * lanes && plane.row == plane.columns;
  if (whole) {
    kernels.transpose_padded(plane.from, plane.group_pitch, plane.groups, plane.rows * plane.columns, to, lanes);
    return;
  }
  const Index together = plane.row == plane.columns ? larger(1, lane_strip_chunk / larger(1, plane.columns)) : 1;
  for (Index j = 0, some = 0; j < plane.rows; j += some) {
    some = smaller(together, plane.rows - j);
    const T* from = plane.from + j * plane.row;
    if (some == 1 && row.classes == 1) {
      kernels.transpose_padded(from, plane.group_pitch, plane.groups, plane.columns,
                               to + j * pitch + row.place(0) * lanes, lanes);
      continue;
    }
    const Index most = smaller(plane.columns, lane_strip_chunk);
    for (Index k = 0; k < plane.columns; k += most) {  // more than one piece of a single row only
      const Index columns = smaller(most, plane.columns - k);
      kernels.transpose_padded(from + k, plane.group_pitch, plane.groups, some * columns, dense, lanes);
      const LaneRow piece{row.first_column + k, row.classes, row.class_pitch};
      for (Index i = 0; i < some; ++i)
        deal_out(kernels, dense + i * columns * lanes, lanes, columns, lanes, piece, to + (j + i) * pitch);
    }
  }
}

template <class T>
void copy_elements(const kernels::KernelSet<T>& kernels, const LanePlane<T>& plane, const LaneRow& row, T* to,
                   Index pitch) noexcept {
  for (Index j = 0; j < plane.rows; ++j)
    for (Index k = 0; k < plane.columns; ++k) {
      const T* from = plane.from + j * plane.row + k * plane.column;
      T* vector = to + j * pitch + row.place(k) * kernels.lanes;
      for (Index g = 0; g < plane.groups; ++g) vector[g] = from[g * plane.group_pitch];
    }
}

}  // namespace

template <class T>
void StripShape::pack_lanes(const kernels::KernelSet<T>& kernels, const Geometry& geometry, const PixelBlock& pixels,
                            const TapBlock& taps, const Tensor<const T>& input, Index group_pitch, Index groups,
                            T* dense, T* strip) const noexcept {
  const Index lanes = kernels.lanes;
  const Filled filled = this->filled(geometry, pixels, taps);
  if (!filled.all || groups < lanes) std::memset(strip, 0, static_cast<std::size_t>(elements_ * lanes) * sizeof(T));
  if (filled.none) return;
  const auto& within = filled.within;
  const T* first = input.data + pixels.first_image * input.outer + taps.first_channel * input.inner;
  for (int a = 0; a < axes; ++a) first += filled.from[a] * input.axis[a];
  LanePlane<T> plane{
      nullptr, within[1].count(), within[2].count(), step_[1] * input.axis[1], step_[2] * input.axis[2], group_pitch,
      groups};
  const LaneRow row{within[2].first, classes_, class_pitch_};
  T* const to = strip + (within[0].first * pitch_[0] + within[1].first * pitch_[1]) * lanes;
  for (Index n = 0; n < pixels.images; ++n)
    for (Index c = 0; c < taps.channels; ++c)
      for (Index i = 0; i < within[0].count(); ++i) {
        plane.from = first + n * input.outer + c * input.inner + i * step_[0] * input.axis[0];
        T* place = to + (n * image_pitch_ + c * channel_pitch_ + i * pitch_[0]) * lanes;
        if (group_pitch == 1)
          copy_pixels(kernels, plane, row, place, pitch_[1] * lanes);
        else if (plane.column == 1)
          transpose_rows(kernels, plane, row, dense, place, pitch_[1] * lanes);
        else
          copy_elements(kernels, plane, row, place, pitch_[1] * lanes);
      }
}

template void StripShape::pack_lanes<float>(const kernels::KernelSet<float>&, const Geometry&, const PixelBlock&,
                                            const TapBlock&, const Tensor<const float>&, Index, Index, float*,
                                            float*) const noexcept;
template void StripShape::pack_lanes<double>(const kernels::KernelSet<double>&, const Geometry&, const PixelBlock&,
                                             const TapBlock&, const Tensor<const double>&, Index, Index, double*,
                                             double*) const noexcept;

}  // namespace convgrad

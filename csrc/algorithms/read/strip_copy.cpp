#include "algorithms/read/strip_copy.hpp"

#include "algorithms/common/machine.hpp"
#include "algorithms/read/transpose_pixels.hpp"
#include "algorithms/tuning.hpp"

namespace convgrad {

namespace {

// --- Into a strip whose channels are neighbors

// Pixels of exactly these channels, on both sides: rows of memory.
template <class T>
void copy_whole_pixels(const kernels::KernelSet<T>& kernels, const StripPlane& plane, const T* from, T* to) {
  kernels.copy_rows(from, plane.from.row, plane.rows, plane.columns * plane.channels,
                    to + plane.first_column * plane.to.column, plane.to.row);
}

// Row by row: copy(first element of the input's row, and of the strip's).
template <class T, class Copy>
void for_each_row(const StripPlane& plane, const T* from, T* to, const Copy& copy) {
  to += plane.first_column * plane.to.column;
  for (Index j = 0; j < plane.rows; ++j) copy(from + j * plane.from.row, to + j * plane.to.row);
}

template <class T>
void copy_one_channel(const kernels::KernelSet<T>& kernels, const StripPlane& plane, const T* from, T* to) {
  for_each_row(plane, from, to, [&](const T* row, T* to_row) {
    kernels.copy_strided(row, 0, plane.from.column, 1, plane.columns, to_row, 0);
  });
}

// Pixel by pixel: some of an NHWC array's channels.
template <class T>
void copy_pixels(const kernels::KernelSet<T>& kernels, const StripPlane& plane, const T* from, T* to) {
  for_each_row(plane, from, to, [&](const T* row, T* to_row) {
    kernels.copy_rows(row, plane.from.column, plane.columns, plane.channels, to_row, plane.to.column);
  });
}

// From an NCHW array.
template <class T>
void transpose_rows(const kernels::KernelSet<T>& kernels, const StripPlane& plane, const T* from, T* to) {
  for_each_row(plane, from, to, [&](const T* row, T* to_row) {
    kernels.transpose(row, plane.from.channel, plane.channels, plane.columns, to_row, plane.to.column);
  });
}

// From any view.
template <class T>
void copy_elements(const kernels::KernelSet<T>& /*kernels*/, const StripPlane& plane, const T* from, T* to) {
  for_each_row(plane, from, to, [&](const T* row, T* to_row) {
    for (Index k = 0; k < plane.columns; ++k)
      for (Index c = 0; c < plane.channels; ++c)
        to_row[k * plane.to.column + c] = row[k * plane.from.column + c * plane.from.channel];
  });
}

// --- Into a strip of one channel after the other

// From an NHWC array, some pixels at a time.
template <class T>
void transpose_plane(const kernels::KernelSet<T>& kernels, const StripPlane& plane, const T* from, T* to) {
  const Tuning& tuning = tuning_of(kernels);
  const Index at_once = plane.channels < tuning.transpose_many_channels ? tuning.strip_pixels_transposed
                                                                        : tuning.strip_pixels_of_many_channels;
  for (Index j = 0; j < plane.rows; ++j)
    for (Index k = 0, count = 0; k < plane.columns; k += count) {
      count = plane.columns - k < at_once + at_once / 2 ? plane.columns - k : at_once;
      const T* row = from + j * plane.from.row;
      const T* first = row + k * plane.from.column;
      const T* next = k + count < plane.columns ? first + count * plane.from.column
                      : j + 1 < plane.rows      ? row + plane.from.row
                                                : nullptr;
      transpose_pixels(kernels, first, plane.from.column, count, plane.channels, next,
                       to + j * plane.to.row + plane.first_column + k, plane.to.channel);
    }
}

// Inlined in any case: GCC may take a function that only prefetches for one without effect, and drop the call.
template <class T>
[[gnu::always_inline]] inline void prefetch_channel(const StripPlane& plane, const T* channel) {
  constexpr Index line = cache_line_bytes / Index{sizeof(T)};
  const Index end = plane.columns * plane.from.column;
  for (Index j = 0; j < plane.rows; ++j)
    for (Index e = 0; e < end; e += larger(line, plane.from.column))
      __builtin_prefetch(channel + j * plane.from.row + e);
}

// Channel by channel: copy(its first element in the input, its row in the strip). Another channel is another page,
// where no hardware prefetcher goes, so those that come soon are prefetched here.
template <class T, class Copy>
void for_each_channel(const kernels::KernelSet<T>& kernels, const StripPlane& plane, const T* from, T* to,
                      const Copy& copy) {
  const Index distance = plane.channels > 1 ? tuning_of(kernels).strip_prefetched_channels : 0;
  const Index prefetching = distance > 0 ? plane.channels - distance : 0;
  for (Index c = 0; c < plane.channels; ++c, from += plane.from.channel, to += plane.to.channel) {
    if (c < prefetching) prefetch_channel(plane, from + distance * plane.from.channel);
    copy(from, to);
  }
}

// Columns that are neighbors on both sides.
template <class T>
void copy_channels(const kernels::KernelSet<T>& kernels, const StripPlane& plane, const T* from, T* to) {
  for_each_channel(kernels, plane, from, to, [&](const T* channel, T* to_row) {
    kernels.copy_rows(channel, plane.from.row, plane.rows, plane.columns, to_row + plane.first_column, plane.to.row);
  });
}

// Columns that are neighbors, dealt out by class.
template <class T>
void separate_channels(const kernels::KernelSet<T>& kernels, const StripPlane& plane, const T* from, T* to) {
  const Index end = plane.first_column + plane.columns;
  for_each_channel(kernels, plane, from, to, [&](const T* channel, T* to_row) {
    kernels.separate(channel, plane.from.row, plane.classes, plane.first_column, end, plane.rows, to_row,
                     plane.class_pitch, plane.to.row);
  });
}

// Columns any distance apart, class by class.
template <class T>
void copy_strided_channels(const kernels::KernelSet<T>& kernels, const StripPlane& plane, const T* from, T* to) {
  const auto place = [&](Index column) {
    return plane.classes == 1 ? column : column % plane.classes * plane.class_pitch + column / plane.classes;
  };
  for_each_channel(kernels, plane, from, to, [&](const T* channel, T* to_row) {
    for (Index k = 0; k < smaller(plane.classes, plane.columns); ++k)
      kernels.copy_strided(channel + k * plane.from.column, plane.from.row, plane.classes * plane.from.column,
                           plane.rows, divide_up(plane.columns - k, plane.classes),
                           to_row + place(plane.first_column + k), plane.to.row);
  });
}

// --- Which of them

void join_rows(StripPlane& plane) noexcept {
  plane.columns *= plane.rows;
  plane.rows = 1;
}

template <class T>
CopyPlane<T> bind_for_adjacent_channels(bool joins, StripPlane& plane) noexcept {
  const PlaneSteps& from = plane.from;
  const PlaneSteps& to = plane.to;
  if (from.channel == 1 && from.column == plane.channels && to.column == plane.channels) return copy_whole_pixels<T>;
  if (joins && from.column == 1 && from.row == plane.columns && to.row == plane.columns * to.column) join_rows(plane);
  if (plane.channels == 1) return copy_one_channel<T>;
  if (from.channel == 1) return copy_pixels<T>;
  return from.column == 1 ? transpose_rows<T> : copy_elements<T>;
}

template <class T>
CopyPlane<T> bind_for_adjacent_columns(bool joins, StripPlane& plane) noexcept {
  const PlaneSteps& from = plane.from;
  const PlaneSteps& to = plane.to;
  const bool one_class = plane.classes == 1;
  if (one_class && from.channel == 1 && from.column != 1 && plane.channels > 1) {
    if (joins && from.row == plane.columns * from.column && to.row == plane.columns) join_rows(plane);
    return transpose_plane<T>;
  }
  if (from.column != 1) return copy_strided_channels<T>;
  if (!one_class) return separate_channels<T>;
  if (joins && from.row == plane.columns && to.row == plane.columns) {
    join_rows(plane);
    if (from.channel == plane.columns && to.channel == plane.columns) {  // and so do all channels
      plane.columns *= plane.channels;
      plane.channels = 1;
    }
  }
  return copy_channels<T>;
}

}  // namespace

template <class T>
CopyPlane<T> bind_copy(const kernels::KernelSet<T>& kernels, bool channels_inner, StripPlane& plane) noexcept {
  const bool joins = tuning_of(kernels).strip_joins_rows != 0;
  return channels_inner ? bind_for_adjacent_channels<T>(joins, plane) : bind_for_adjacent_columns<T>(joins, plane);
}

template CopyPlane<float> bind_copy<float>(const kernels::KernelSet<float>&, bool, StripPlane&) noexcept;
template CopyPlane<double> bind_copy<double>(const kernels::KernelSet<double>&, bool, StripPlane&) noexcept;

}  // namespace convgrad

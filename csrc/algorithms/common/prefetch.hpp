// Prefetches what is packed or stored next into the second-level cache, a few lines at a time, while other things are
// multiplied: both touch many short rows that are far apart, which no hardware prefetcher follows.
#pragma once

#include <type_traits>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/machine.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad {

// Rows of elements that follow one another, equally far apart.
template <class T>
struct Rows {
  const T* first;
  Index pitch;
  Index count;
  Index elements;  // of each
};

// Structural: what PrefetchList has room for. More lines at once would wait for one another.
inline constexpr Index most_lines_per_step = 128;

template <class T>
class Prefetch {
 public:
  Prefetch() = default;
  // All of it within `steps` steps, or as much as `most_lines_per_step` allows.
  Prefetch(const Rows<T>& rows, Index steps) noexcept : Prefetch(rows, 1, 0, steps) {}
  // As many `sets` of rows, equally far apart.
  Prefetch(const Rows<T>& rows, Index sets, Index set_pitch, Index steps) noexcept
      : first_(rows.first),
        row_lines_(divide_up(rows.elements, line) + 1),
        rows_(rows.count),
        pitch_(rows.pitch),
        next_set_(set_pitch - (rows.count - 1) * rows.pitch),
        left_(sets * rows.count * row_lines_) {
    lines_per_step_ = smaller(most_lines_per_step, divide_up(left_, larger(1, steps)));
  }

  // Inlined in any case: GCC may take a function that only prefetches for one without effect, and drop the call.
  [[gnu::always_inline]] void step() noexcept {
    for (Index i = smaller(lines_per_step_, left_); i > 0; --i) {
      __builtin_prefetch(first_ + line_ * line, 0, 2);
      advance(1);
    }
  }

  // For whoever takes several steps at once: how many lines each has, and the lines of the next steps. The last is
  // repeated when no more are left.
  [[nodiscard]] Index lines_of_step() const noexcept { return left_ > 0 ? lines_per_step_ : 0; }
  const void** list(Index steps, const void** to) noexcept {
    Index wanted = lines_of_step() * steps;
    while (wanted > 0 && left_ > 0) {
      const Index count = smaller(smaller(row_lines_ - line_, left_), wanted);
      for (Index i = 0; i < count; ++i) *to++ = first_ + (line_ + i) * line;
      wanted -= count;
      advance(count);
    }
    for (; wanted > 0; --wanted, ++to) *to = to[-1];
    return to;
  }

 private:
  static constexpr Index line = cache_line_bytes / static_cast<Index>(sizeof(T));

  // By no more lines than the row has left.
  void advance(Index count) noexcept {
    left_ -= count;
    line_ += count;
    if (line_ < row_lines_) return;
    line_ = 0;
    const bool same_set = ++row_ < rows_;
    first_ += same_set ? pitch_ : next_set_;
    if (!same_set) row_ = 0;
  }

  const T* first_ = nullptr;
  Index line_ = 0;
  Index row_lines_ = 0;
  Index row_ = 0;
  Index rows_ = 0;
  Index pitch_ = 0;
  Index next_set_ = 0;  // from the last row of a set to the first of the next
  Index left_ = 0;
  Index lines_per_step_ = 0;
};

// The lines that several tiles prefetch, so that calls of micro-kernels are few.
template <Index kinds>
class PrefetchList {
 public:
  // Those of each `prefetch` for the next `tiles` tiles, or for as many as there is room for.
  template <class... Prefetches>
  kernels::PrefetchLines fill(Index& tiles, Prefetches&... prefetch) noexcept {
    static_assert(sizeof...(prefetch) == kinds);
    const Index per_tile = (prefetch.lines_of_step() + ...);
    if (per_tile > 0) tiles = smaller(tiles, room / per_tile);
    const void** line = lines_;
    ((line = prefetch.list(tiles, line)), ...);
    return {lines_, per_tile};
  }

 private:
  // Structural: for four tiles that prefetch as much as they may.
  static constexpr Index room = 4 * kinds * most_lines_per_step;
  const void* lines_[room];
};

// Some channels of a group of the input under a block of pixels, where it lies in rows of neighbors, else nothing.
// `input` is the whole tensor.
template <class T>
Prefetch<T> prefetch_of_input(const Geometry& geometry, const Tensor<const T>& input, Index group,
                              const PixelBlock& pixels, Index first_channel, Index channels, Index steps) noexcept {
  Index low[axes];
  Index high[axes];
  Index step[axes];
  Index span = 1;
  Index used = 1;
  const T* first =
      input.data + pixels.first_image * input.outer + (group * geometry.in_channels + first_channel) * input.inner;
  for (int axis = 0; axis < axes; ++axis) {
    const Index origin = pixels.first[axis] * geometry.stride[axis] - geometry.padding[axis];
    const Index end = origin + (pixels.size[axis] - 1) * geometry.stride[axis] +
                      (geometry.kernel[axis] - 1) * geometry.dilation[axis];
    low[axis] = larger(0, origin);
    high[axis] = smaller(end, geometry.input[axis] - 1);
    step[axis] = geometry.kernel[axis] > 1 ? 1 : geometry.stride[axis];
    if (low[axis] > high[axis] || input.axis[axis] < 0) return {};
    first += low[axis] * input.axis[axis];
    span += (high[axis] - low[axis]) * input.axis[axis];
    used *= (high[axis] - low[axis]) / step[axis] + 1;
  }
  if (input.inner < 0) return {};
  if (span <= used + used / 4) {
    const bool whole = pixels.images > 1 && channels == geometry.in_channels && input.outer == channels * input.inner;
    return {{first, input.inner, channels * (whole ? pixels.images : 1), span}, steps};
  }
  if (low[0] != high[0] || pixels.images > 1) return {};
  Rows<T> rows{first, step[1] * input.axis[1], (high[1] - low[1]) / step[1] + 1, high[2] - low[2] + 1};
  if (input.inner == 1 && input.axis[2] == channels && step[2] == 1) {  // of all channels, as in an NHWC array
    rows.elements *= channels;
    return {rows, steps};
  }
  if (input.axis[2] != 1) return {};
  return {rows, channels, input.inner, steps};
}

// The pixels begin .. end - 1 of a box, `channels` of each, that are written or read next, where the box lies evenly
// spaced and either pixels or, as in an NHWC array, channels are neighbors, else nothing. `to` is its first element.
template <class T>
Prefetch<std::remove_const_t<T>> prefetch_of_pixels(const Tensor<T>& to, const PixelBox& box, Index begin, Index end,
                                                    Index channels, Index steps) noexcept {
  const Index count = end - begin;
  const EvenPixels even = find_even_pixels(to, box);
  if (even.length < box.count()) return {};
  const T* first = to.data + begin * even.step;
  if (even.step == 1) return {{first, to.inner, channels, count}, steps};
  if (to.inner != 1 || even.step < channels) return {};
  if (even.step == channels) return {{first, 0, 1, count * channels}, steps};
  return {{first, even.step, count, channels}, steps};
}

}  // namespace convgrad

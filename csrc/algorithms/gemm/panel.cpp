#include "algorithms/gemm/panel.hpp"

namespace convgrad::gemm {

namespace {

// Zeroes the lanes that no channel fills, where rows are not transposed.
template <class T>
void clear_unused(T* panel, Index rows, Index lanes, Index width) noexcept {
  if (lanes == width) return;
  for (Index r = 0; r < rows; ++r)
    for (Index lane = lanes; lane < width; ++lane) panel[r * width + lane] = T{0};
}

// Rows of lanes that are neighbors, one for each channel: short and far apart, so that the hardware's prefetchers
// follow none of them. Those of the channels soon to come are brought into the second-level cache.
template <class T>
void copy_lanes(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index channels, Index lanes,
                Index width, T* panel) noexcept {
  constexpr Index line = 64 / Index{sizeof(T)};
  constexpr Index channels_ahead = 64;
  constexpr Index at_once = 4;
  for (Index c = 0; c < channels; c += at_once) {
    const Index some = smaller(at_once, channels - c);
    for (Index next = c + channels_ahead; next < smaller(channels, c + channels_ahead + some); ++next)
      for (Index lane = 0; lane < lanes; lane += line)
        __builtin_prefetch(weights.data + next * weights.channel + lane, 0, 2);
    kernels.copy_rows(weights.data + c * weights.channel, weights.channel, some, lanes, panel + c * width, width);
  }
}

// Calls visit(first pixel, count, element offset) for the stretches of pixels begin .. end - 1 that lie within a run.
template <class T, class Visit>
void for_each_stretch(const Tensor<T>& pixels, const PixelBox& box, const EvenPixels& run, Index begin, Index end,
                      const Visit& visit) noexcept {
  for (Index p = begin; p < end;) {
    const Index within = p % run.length;
    const Index first = p - within;
    const Index count = smaller(run.length - within, end - p);
    const Index row = first / box.size[2];
    const Index plane = row / box.size[1];
    const Index image = plane / box.size[0];
    visit(p, count,
          image * pixels.outer + plane % box.size[0] * pixels.axis[0] + row % box.size[1] * pixels.axis[1] +
              first % box.size[2] * pixels.axis[2] + within * run.step);
    p += count;
  }
}

}  // namespace

template <class T>
void pack_weights(const kernels::KernelSet<T>& kernels, const Weights<T>& weights, Index channels,
                  const Index (&taps)[axes], Index lanes, Index width, T* panel) noexcept {
  const Index count = taps[0] * taps[1] * taps[2];
  // One channel's taps in a row, forwards or (grad_input) backwards, are transposed together; a whole kernel in a row
  // at once.
  const Index step = taps[2] > 1 ? weights.axis[2] : taps[1] > 1 ? weights.axis[1] : taps[0] > 1 ? weights.axis[0] : 1;
  const bool in_a_row = (step == 1 || step == -1) && (taps[1] == 1 || weights.axis[1] == step * taps[2]) &&
                        (taps[0] == 1 || weights.axis[0] == step * taps[2] * taps[1]);
  if (in_a_row && step == 1 && (weights.channel == count || channels == 1)) {
    kernels.transpose_padded(weights.data, weights.lane, lanes, channels * count, panel, width);
    return;
  }
  if (!in_a_row || count == 1) clear_unused(panel, channels * count, lanes, width);
  if (count == 1 && weights.lane == 1) {  // a 1x1 kernel's in grad_input
    copy_lanes(kernels, weights, channels, lanes, width, panel);
    return;
  }
  // Where the taps of a channel begin, and how far they reach.
  const T* lowest = weights.data;
  Index span = 1;
  for (int a = 0; a < axes; ++a) {
    lowest += smaller(0, (taps[a] - 1) * weights.axis[a]);
    span += (taps[a] - 1) * (weights.axis[a] < 0 ? -weights.axis[a] : weights.axis[a]);
  }
  // The lanes of a channel may lie together (grad_input), but those of the next channel far away.
  const bool near = count > 1 && weights.lane > 0 && weights.lane <= 4 * span;
  const Index together = near ? (lanes - 1) * weights.lane + span : 0;
  constexpr Index line = 64 / sizeof(T);
  const bool in_blocks = in_a_row && count > 1;
  const Index at_once = in_blocks ? 4 : 1;  // channels that fit the first-level cache, with those after them
  for (Index c = 0; c < channels; c += at_once) {
    const Index some = smaller(at_once, channels - c);
    for (Index next = c + some; next < smaller(c + some + at_once, channels); ++next)
      for (Index e = 0; e < together; e += line) __builtin_prefetch(lowest + next * weights.channel + e);
    const T* from = weights.data + c * weights.channel;
    T* to = panel + c * count * width;
    if (in_blocks) {
      const bool forwards = step == 1;
      kernels.transpose_all_padded(from - (forwards ? 0 : count - 1), weights.lane, lanes, count, weights.channel, some,
                                   to + (forwards ? 0 : (count - 1) * width), forwards ? width : -width, count * width);
      continue;
    }
    for (Index i = 0; i < taps[0]; ++i)
      for (Index j = 0; j < taps[1]; ++j)
        for (Index k = 0; k < taps[2]; ++k, to += width) {
          const T* tap = from + i * weights.axis[0] + j * weights.axis[1] + k * weights.axis[2];
          for (Index lane = 0; lane < lanes; ++lane) to[lane] = tap[lane * weights.lane];
        }
  }
}

template <class T>
void pack_pixels(const kernels::KernelSet<T>& kernels, const Tensor<const T>& pixels, const PixelBox& box, Index lanes,
                 Index width, T* panel) noexcept {
  const EvenPixels run = find_even_pixels(pixels, box);
  if (run.step != 1) clear_unused(panel, box.count(), lanes, width);
  for_each_stretch(pixels, box, run, 0, box.count(), [&](Index first, Index count, Index offset) {
    const T* from = pixels.data + offset;
    T* to = panel + first * width;
    if (run.step == 1) {
      kernels.transpose_padded(from, pixels.inner, lanes, count, to, width);
    } else if (pixels.inner == 1) {
      kernels.copy_rows(from, run.step, count, lanes, to, width);
    } else {
      for (Index p = 0; p < count; ++p)
        for (Index lane = 0; lane < lanes; ++lane) to[p * width + lane] = from[p * run.step + lane * pixels.inner];
    }
  });
}

template <class T>
void unpack_pixels(const kernels::KernelSet<T>& kernels, const T* panel, Index width, const PixelBox& box, Index begin,
                   Index end, Index lanes, const Tensor<T>& pixels) noexcept {
  const EvenPixels run = find_even_pixels(pixels, box);
  for_each_stretch(pixels, box, run, begin, end, [&](Index first, Index count, Index offset) {
    const T* from = panel + (first - begin) * width;
    T* to = pixels.data + offset;
    if (run.step == 1) {
      kernels.transpose(from, width, count, lanes, to, pixels.inner);
    } else if (pixels.inner == 1) {
      kernels.copy_rows(from, width, count, lanes, to, run.step);
    } else {
      // grad_input with a stride: pixels become neighbors first, and are then spread over their rows.
      constexpr Index at_once = 64;
      T neighbors[kernels::max_tile_vectors * kernels::row_lanes<T> * at_once];
      for (Index p = 0; p < count; p += at_once) {
        const Index some = smaller(at_once, count - p);
        kernels.transpose(from + p * width, width, some, lanes, neighbors, at_once);
        for (Index lane = 0; lane < lanes; ++lane)
          scatter(neighbors + lane * at_once, some, to + p * run.step + lane * pixels.inner, run.step);
      }
    }
  });
}

template <class T>
void unpack_channels(const kernels::KernelSet<T>& kernels, const T* panel, Index width, const PixelBox& box,
                     Index begin, Index end, Index channels, const Tensor<T>& pixels) noexcept {
  const EvenPixels run = find_even_pixels(pixels, box);
  for_each_stretch(pixels, box, run, begin, end, [&](Index first, Index count, Index offset) {
    const T* from = panel + (first - begin);
    T* to = pixels.data + offset;
    if (run.step == 1) {
      kernels.copy_rows(from, width, channels, count, to, pixels.inner);
    } else if (pixels.inner == 1) {
      kernels.transpose(from, width, channels, count, to, run.step);
    } else {
      for (Index channel = 0; channel < channels; ++channel)
        scatter(from + channel * width, count, to + channel * pixels.inner, run.step);
    }
  });
}

template <class T>
EvenPixels find_even_pixels(const Tensor<T>& pixels, const PixelBox& box) noexcept {
  EvenPixels run{1, 1};
  const Index sizes[] = {box.size[2], box.size[1], box.size[0], box.images};
  const Index strides[] = {pixels.axis[2], pixels.axis[1], pixels.axis[0], pixels.outer};
  for (int i = 0; i < 4; ++i) {
    if (sizes[i] == 1) continue;
    if (run.length == 1)
      run.step = strides[i];
    else if (strides[i] != run.length * run.step)
      break;
    run.length *= sizes[i];
  }
  return run;
}

template <class T>
Index adjacent_pixels(const PixelBox& box, const Tensor<T>& pixels) noexcept {
  const EvenPixels run = find_even_pixels(pixels, box);
  return run.step == 1 ? run.length : 1;
}

#define CONVGRAD_INSTANTIATE(T)                                                                                       \
  template void pack_weights<T>(const kernels::KernelSet<T>&, const Weights<T>&, Index, const Index(&)[axes], Index,  \
                                Index, T*) noexcept;                                                                  \
  template void pack_pixels<T>(const kernels::KernelSet<T>&, const Tensor<const T>&, const PixelBox&, Index, Index,   \
                               T*) noexcept;                                                                          \
  template void unpack_pixels<T>(const kernels::KernelSet<T>&, const T*, Index, const PixelBox&, Index, Index, Index, \
                                 const Tensor<T>&) noexcept;                                                          \
  template void unpack_channels<T>(const kernels::KernelSet<T>&, const T*, Index, const PixelBox&, Index, Index,      \
                                   Index, const Tensor<T>&) noexcept;                                                 \
  template EvenPixels find_even_pixels<T>(const Tensor<T>&, const PixelBox&) noexcept;                                \
  template EvenPixels find_even_pixels<const T>(const Tensor<const T>&, const PixelBox&) noexcept;                    \
  template Index adjacent_pixels<T>(const PixelBox&, const Tensor<T>&) noexcept;
CONVGRAD_INSTANTIATE(float)
CONVGRAD_INSTANTIATE(double)
#undef CONVGRAD_INSTANTIATE

}  // namespace convgrad::gemm

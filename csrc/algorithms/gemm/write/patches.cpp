#include "algorithms/gemm/write/patches.hpp"

#include <cstring>

#include "algorithms/common/pixel_box.hpp"

namespace convgrad::gemm {

namespace {

// With fewer lanes most of a vector would be empty.
constexpr Index fewest_lanes = 16;
constexpr Index pixels_at_once = 64;

template <class T>
void clear(T* to, Index count, Index step) noexcept {
  if (step == 1)
    std::memset(to, 0, static_cast<std::size_t>(larger(0, count)) * sizeof(T));
  else
    for (Index i = 0; i < count; ++i) to[i * step] = T{0};
}

// A row of pixels, or a piece of one, and the part of dV that is its own: up to the next pixel's, or to the end.
struct Row {
  Index pixels;
  Index image;
  Index first[axes];  // position in dV
  Index size[axes];
};

Row find_row(const Geometry& layer, const PixelBlock& block, const PixelCursor& place, Index pixels) noexcept {
  Row row{};
  row.pixels = pixels;
  row.image = block.first_image + place.image();
  const Index within[axes] = {place.plane(), place.row(), place.column()};
  const Index count[axes] = {1, 1, pixels};
  for (int a = 0; a < axes; ++a) {
    const Index pixel = block.first[a] + within[a];
    row.first[a] = pixel * layer.stride[a];
    row.size[a] = pixel + count[a] == layer.output[a] ? layer.input[a] - row.first[a] : count[a] * layer.stride[a];
  }
  return row;
}

// Zeros on the rows and planes below a row of patches.
template <class T>
void clear_below(const Geometry& layer, const Row& row, T* to, const Tensor<T>& grad_input) noexcept {
  for (Index i = 0; i < row.size[0]; ++i)
    for (Index j = i < layer.kernel[0] ? layer.kernel[1] : 0; j < row.size[1]; ++j)
      clear(to + i * grad_input.axis[0] + j * grad_input.axis[1], row.size[2], grad_input.axis[2]);
}

// A row of pixels of a kernel of one tap, two elements apart, and the zeros around them. `neighbors` are those of one
// lane after the other, and `to` is dV at the first pixel and lane.
template <class T>
void store_apart(const kernels::KernelSet<T>& kernels, const Geometry& layer, const T* neighbors, Index pitch,
                 const Row& row, Index lanes, T* to, const Tensor<T>& grad_input) noexcept {
  const bool followed = row.size[0] == 1 && row.size[2] == layer.input[2] && grad_input.axis[1] == layer.input[2];
  const Index length = row.size[2] * (followed ? row.size[1] : 1);
  kernels.spread(neighbors, pitch, lanes, row.pixels, length, to, grad_input.inner);
  if (followed) return;
  for (Index lane = 0; lane < lanes; ++lane) clear_below(layer, row, to + lane * grad_input.inner, grad_input);
}

// A row of pixels of a kernel of one tap, and the zeros around them, where channels are neighbors in memory. `to` is
// dV at the first pixel and lane.
template <class T>
void store_channels(const kernels::KernelSet<T>& kernels, const Geometry& layer, const T* panel, Index width,
                    const Row& row, Index lanes, T* to, const Tensor<T>& grad_input) noexcept {
  const Index next = grad_input.axis[2];
  const Index step = layer.stride[2];
  kernels.copy_rows(panel, width, row.pixels, lanes, to, step * next);
  for (Index i = 0; i < row.size[0]; ++i)
    for (Index j = 0; j < row.size[1]; ++j)
      for (Index k = 0; k < row.size[2]; ++k)
        if (i + j > 0 || k % step > 0 || k / step >= row.pixels)
          clear(to + i * grad_input.axis[0] + j * grad_input.axis[1] + k * next, lanes, 1);
}

}  // namespace

bool has_patches(const Geometry& layer) noexcept {
  bool strided = false;
  for (int a = 0; a < axes; ++a) {
    const bool apart = layer.stride[a] >= layer.kernel[a] && (layer.kernel[a] == 1 || layer.dilation[a] == 1);
    const bool whole = layer.padding[a] == 0 && layer.output[a] > 0 &&
                       (layer.output[a] - 1) * layer.stride[a] + layer.kernel[a] <= layer.input[a];
    if (!apart || !whole) return false;
    strided = strided || layer.stride[a] > 1;
  }
  return strided && layer.in_channels * layer.taps_per_channel() >= fewest_lanes;
}

Geometry patch_product(const Geometry& layer) noexcept {
  Geometry product;
  product.batch = layer.batch;
  product.groups = layer.groups;
  product.in_channels = layer.out_channels;
  product.out_channels = layer.in_channels * layer.taps_per_channel();
  for (int a = 0; a < axes; ++a) product.input[a] = product.output[a] = layer.output[a];
  return product;
}

template <class T>
void pack_patch_weights(const kernels::KernelSet<T>& kernels, const Geometry& layer, Weights<T> weights,
                        Index first_lane, Index lanes, Index channels, Index width, T* panel) noexcept {
  const Index* const size = layer.kernel;
  const auto offset = [&](Index lane) {
    const Index tap = lane % layer.taps_per_channel();
    return lane / layer.taps_per_channel() * weights.lane + tap / (size[2] * size[1]) * weights.axis[0] +
           tap / size[2] % size[1] * weights.axis[1] + tap % size[2] * weights.axis[2];
  };
  const Index first = offset(first_lane);
  bool neighbors = true;
  for (Index lane = 1; lane < lanes; ++lane) neighbors = neighbors && offset(first_lane + lane) == first + lane;
  if (neighbors) {
    weights.data += first;
    weights.lane = 1;
    return pack_weights(kernels, weights, channels, {1, 1, 1}, lanes, width, panel);
  }
  for (Index lane = 0; lane < width; ++lane) {
    const T* from = weights.data + (lane < lanes ? offset(first_lane + lane) : 0);
    for (Index c = 0; c < channels; ++c) panel[c * width + lane] = lane < lanes ? from[c * weights.channel] : T{0};
  }
}

template <class T>
void unpack_patches(const kernels::KernelSet<T>& kernels, const Geometry& layer, const T* panel, Index width,
                    const PixelBlock& block, Index begin, Index end, Index first_lane, Index lanes,
                    const Tensor<T>& grad_input) noexcept {
  const Index* const kernel = layer.kernel;
  const Index step = layer.stride[2];
  const Index next = grad_input.axis[2];
  // One lane's pixels next to each other, in turns with the next lane's, or with zeros.
  const bool by_lane = step <= 2 && next == 1;
  const bool apart = layer.taps_per_channel() == 1 && step == 2 && next == 1;
  // All lanes of a pixel, which are channels.
  const bool by_channel = layer.taps_per_channel() == 1 && grad_input.inner == 1 && next != 1;
  const Index pitch = (step > kernel[2] ? 2 : 1) * pixels_at_once;
  T neighbors[kernels::max_tile_vectors * kernels::sum_lanes<T> * 2 * pixels_at_once];
  if (by_lane && !apart && step > kernel[2]) clear(neighbors, lanes * pitch, 1);

  const PixelBox box{block.images, {block.size[0], block.size[1], block.size[2]}};
  PixelCursor place(box);
  place.advance(begin);
  for (Index p = begin; p < end;) {
    const Index some = smaller(pixels_at_once, end - p);
    const T* const first = panel + (p - begin) * width;
    if (by_lane) kernels.transpose(first, width, some, lanes, neighbors, pitch);
    for (Index done = 0; done < some;) {
      const Row row = find_row(layer, block, place, smaller(place.left_in_row(), some - done));
      T* const at = grad_input.data + row.image * grad_input.outer + row.first[0] * grad_input.axis[0] +
                    row.first[1] * grad_input.axis[1] + row.first[2] * next;
      if (by_channel || apart) {
        if (apart)
          store_apart(kernels, layer, neighbors + done, pitch, row, lanes, at + first_lane * grad_input.inner,
                      grad_input);
        else
          store_channels(kernels, layer, first + done * width, width, row, lanes, at + first_lane, grad_input);
        done += row.pixels;
        place.advance(row.pixels);
        continue;
      }
      for (Index lane = 0, together = 1; lane < lanes; lane += together) {
        const Index tap = (first_lane + lane) % layer.taps_per_channel();
        const Index k = tap % kernel[2];
        T* const channel = at + (first_lane + lane) / layer.taps_per_channel() * grad_input.inner;
        T* const to = channel + tap / (kernel[2] * kernel[1]) * grad_input.axis[0] +
                      tap / kernel[2] % kernel[1] * grad_input.axis[1];
        together = smaller(kernel[2] - k, lanes - lane);
        Index written = row.pixels * step;
        if (by_lane) {
          written = smaller(written, row.size[2]);
          kernels.interleave(neighbors + lane * pitch + done, pixels_at_once, step, 0, written, 1, 0, to, 0);
        } else if (next == 1) {
          kernels.copy_rows(first + done * width + lane, width, row.pixels, together, to + k, step);
        } else {
          for (Index i = 0; i < row.pixels; ++i)
            scatter(first + (done + i) * width + lane, together, to + (i * step + k) * next, next);
        }
        if (k + together < kernel[2]) continue;
        if (!by_lane && step > kernel[2])
          for (Index i = 0; i < row.pixels; ++i) {
            const Index gap = smaller(step, row.size[2] - i * step) - kernel[2];
            clear(to + (i * step + kernel[2]) * next, gap, next);
          }
        if (row.size[2] > written) clear(to + written * next, row.size[2] - written, next);
        if (tap + together == layer.taps_per_channel()) clear_below(layer, row, channel, grad_input);
      }
      done += row.pixels;
      place.advance(row.pixels);
    }
    p += some;
  }
}

template <class T>
Prefetch<T> prefetch_of_patches(const Geometry& layer, const PixelBlock& block, Index begin, Index end,
                                Index first_lane, Index lanes, const Tensor<T>& grad_input, Index steps) noexcept {
  const Index next = grad_input.axis[2];
  if (layer.taps_per_channel() > 1 || block.images > 1 || block.size[0] > 1) return {};
  if (block.size[2] < layer.output[2] || grad_input.axis[1] != layer.input[2] * next) return {};
  const Index first = (block.first[1] + begin / block.size[2]) * layer.stride[1];
  const Index last = (block.first[1] + divide_up(end, block.size[2])) * layer.stride[1];
  const T* to = grad_input.data + block.first_image * grad_input.outer + first_lane * grad_input.inner +
                block.first[0] * layer.stride[0] * grad_input.axis[0] + first * grad_input.axis[1];
  const Index pixels = (smaller(last, layer.input[1]) - first) * layer.input[2];
  if (next == 1) return {{to, grad_input.inner, lanes, pixels}, steps};
  if (grad_input.inner == 1) return {{to, next, pixels, lanes}, steps};
  return {};
}

#define CONVGRAD_INSTANTIATE(T)                                                                                       \
  template void pack_patch_weights<T>(const kernels::KernelSet<T>&, const Geometry&, Weights<T>, Index, Index, Index, \
                                      Index, T*) noexcept;                                                            \
  template void unpack_patches<T>(const kernels::KernelSet<T>&, const Geometry&, const T*, Index, const PixelBlock&,  \
                                  Index, Index, Index, Index, const Tensor<T>&) noexcept;                             \
  template Prefetch<T> prefetch_of_patches<T>(const Geometry&, const PixelBlock&, Index, Index, Index, Index,         \
                                              const Tensor<T>&, Index) noexcept;
CONVGRAD_INSTANTIATE(float)
CONVGRAD_INSTANTIATE(double)
#undef CONVGRAD_INSTANTIATE

}  // namespace convgrad::gemm

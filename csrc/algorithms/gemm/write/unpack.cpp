#include "algorithms/gemm/write/unpack.hpp"

namespace convgrad::gemm {

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
      constexpr Index at_once = 64;  // Structural: pixels, room on the stack
      T neighbors[kernels::max_tile_vectors * kernels::sum_lanes<T> * at_once];
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

template void unpack_pixels<float>(const kernels::KernelSet<float>&, const float*, Index, const PixelBox&, Index, Index,
                                   Index, const Tensor<float>&) noexcept;
template void unpack_channels<float>(const kernels::KernelSet<float>&, const float*, Index, const PixelBox&, Index,
                                     Index, Index, const Tensor<float>&) noexcept;
template void unpack_pixels<double>(const kernels::KernelSet<double>&, const double*, Index, const PixelBox&, Index,
                                    Index, Index, const Tensor<double>&) noexcept;
template void unpack_channels<double>(const kernels::KernelSet<double>&, const double*, Index, const PixelBox&, Index,
                                      Index, Index, const Tensor<double>&) noexcept;

}  // namespace convgrad::gemm

#include "algorithms/gemm/panels/pack_pixels.hpp"

#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

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

template void pack_pixels<float>(const kernels::KernelSet<float>&, const Tensor<const float>&, const PixelBox&, Index,
                                 Index, float*) noexcept;
template void pack_pixels<double>(const kernels::KernelSet<double>&, const Tensor<const double>&, const PixelBox&,
                                  Index, Index, double*) noexcept;

}  // namespace convgrad::gemm

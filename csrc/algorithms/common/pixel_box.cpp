#include "algorithms/common/pixel_box.hpp"

namespace convgrad {

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

#define CONVGRAD_INSTANTIATE(T)                                                                    \
  template EvenPixels find_even_pixels<T>(const Tensor<T>&, const PixelBox&) noexcept;             \
  template EvenPixels find_even_pixels<const T>(const Tensor<const T>&, const PixelBox&) noexcept; \
  template Index adjacent_pixels<T>(const PixelBox&, const Tensor<T>&) noexcept;
CONVGRAD_INSTANTIATE(float)
CONVGRAD_INSTANTIATE(double)
#undef CONVGRAD_INSTANTIATE

}  // namespace convgrad

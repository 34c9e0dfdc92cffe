#include "algorithms/gemm/ways/from_panels/panel_destinations.hpp"

#include "algorithms/gemm/panels/pixel_panels.hpp"
#include "algorithms/gemm/write/output_stream.hpp"
#include "algorithms/gemm/write/unpack.hpp"

namespace convgrad::gemm {

template <class T>
PanelDestinations<T>::PanelDestinations(const kernels::KernelSet<T>& kernels, const ResultBlock<T>& block, bool streams,
                                        T* buffer, PanelDestination<T>* destinations) noexcept
    : kernels_(kernels),
      block_(block),
      pixels_(block.box.count()),
      width_(Index{kernels.lanes} * kernels.tile_vectors),
      adjacent_(adjacent_pixels(block.box, block.to)),
      streams_(streams),
      buffer_(buffer),
      destinations_(destinations) {
  PixelCursor place(block_.box);
  Index into_stretch = 0;  // how far `begin` lies into a stretch of adjacent pixels
  for (Index begin = 0; begin < pixels_; begin += width_) {
    const Index here = smaller(width_, pixels_ - begin);
    const bool adjacent = into_stretch + panel_width(kernels_, pixels_ - begin) <= adjacent_;
    destinations_[begin / width_] = of_panel(block_.to.data + place.offset(block_.to), begin, adjacent);
    place.advance(here);
    into_stretch += here;
    while (into_stretch >= adjacent_) into_stretch -= adjacent_;
  }
  count_alike();
}

// Of the panel that begins with pixel `begin`, whose lanes would be `adjacent` in Z if all of them are pixels.
template <class T>
PanelDestination<T> PanelDestinations<T>::of_panel(T* in_output, Index begin, bool adjacent) const noexcept {
  const Index left = pixels_ - begin;
  const Index width = panel_width(kernels_, left);
  const bool fits = adjacent && left >= width;
  const Index inner = block_.to.inner;
  const bool streams =
      fits && streams_ && width == width_ && into_line(in_output) == 0 && into_line(in_output + inner) == 0;
  const bool direct = fits && !streams;
  return {direct ? in_output : buffer_ + begin * block_.channels,
          direct ? inner : width,
          width / kernels_.lanes,
          direct,
          direct ? width : width * block_.channels,
          streams ? in_output : nullptr,
          1};
}

template <class T>
void PanelDestinations<T>::count_alike() const noexcept {
  for (Index panel = divide_up(pixels_, width_) - 2; panel >= 0; --panel) {
    const PanelDestination<T>& next = destinations_[panel + 1];
    if (destinations_[panel].continues_in(next, width_)) destinations_[panel].alike = next.alike + 1;
  }
}

template <class T>
void PanelDestinations<T>::unpack() const noexcept {
  for (Index begin = 0; begin < pixels_; begin += width_) {
    const PanelDestination<T>& from = destinations_[begin / width_];
    if (from.direct || from.streamed != nullptr) continue;
    const Index end = smaller(pixels_, begin + width_);
    unpack_channels(kernels_, from.result, from.stride, block_.box, begin, end, block_.channels, block_.to);
  }
}

template class PanelDestinations<float>;
template class PanelDestinations<double>;

}  // namespace convgrad::gemm

// Where the results of panels of pixels go until their sums are complete: straight into Z where a panel's pixels are
// neighbors there, and into a buffer otherwise, from where they are copied or transposed into Z at the end. Complete
// sums that outgrow the caches go from the buffer's place around them.
#pragma once

#include "algorithms/common/pixel_box.hpp"
#include "core/geometry.hpp"
#include "kernels/kernel_set.hpp"

namespace convgrad::gemm {

template <class T>
struct PanelDestination {
  T* result;
  Index stride;   // from one output channel to the next
  Index vectors;  // of the panel
  bool direct;    // `result` is in Z
  Index step;     // to where the next panel's go
  T* streamed;    // where complete sums go in Z, around the caches, or null: they stay at `result`
  Index alike;    // so many panels from this one on have as many vectors, and go `step` elements further each

  [[nodiscard]] bool continues_in(const PanelDestination& next, Index width) const noexcept {
    return next.vectors == vectors && next.direct == direct && next.result == result + step &&
           next.streamed == (streamed == nullptr ? nullptr : streamed + width);
  }
};

// Some channels of a block of pixels of Z, whose first element is the first channel's first pixel.
template <class T>
struct ResultBlock {
  Tensor<T> to;
  PixelBox box;
  Index channels;
};

template <class T>
class PanelDestinations {
 public:
  // `buffer` has room for the results of all panels, and `destinations` for as many. They stream, where they can, if
  // the results outgrow the caches.
  PanelDestinations(const kernels::KernelSet<T>& kernels, const ResultBlock<T>& block, bool streams, T* buffer,
                    PanelDestination<T>* destinations) noexcept;

  // Those that went to the buffer into Z.
  void unpack() const noexcept;

  [[nodiscard]] const PanelDestination<T>& operator[](Index panel) const noexcept { return destinations_[panel]; }
  [[nodiscard]] const ResultBlock<T>& block() const noexcept { return block_; }
  // So many pixels that follow one another are neighbors in Z.
  [[nodiscard]] Index adjacent() const noexcept { return adjacent_; }

 private:
  PanelDestination<T> of_panel(T* in_output, Index begin, bool adjacent) const noexcept;
  void count_alike() const noexcept;

  const kernels::KernelSet<T>& kernels_;
  ResultBlock<T> block_;
  Index pixels_;
  Index width_;  // of a full panel
  Index adjacent_;
  bool streams_;
  T* buffer_;
  PanelDestination<T>* destinations_;
};

}  // namespace convgrad::gemm

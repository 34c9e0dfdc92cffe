// Results that outgrow the caches go to memory around all of them, in whole cache lines: nobody would find them there
// when they are read, and an ordinary store reads the line first that it is about to overwrite.
#pragma once

#include <cstdint>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/machine.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/read/blocking.hpp"
#include "algorithms/tuning.hpp"

namespace convgrad::gemm {

template <class T>
bool outgrows_caches(const Tuning& tuning, const Geometry& geometry) noexcept {
  return outgrows_last_level(output_bytes<T>(geometry), tuning.write_stream_share);
}

// Elements from the last beginning of a line to the address.
template <class T>
Index into_line(const T* address) noexcept {
  return static_cast<Index>(reinterpret_cast<std::uintptr_t>(address) % cache_line_bytes / sizeof(T));
}

// For results that are not computed line by line: those of a block and one output channel are gathered in a buffer.
template <class T>
class OutputStream {
 public:
  OutputStream() = default;
  OutputStream(const Tuning& tuning, const Geometry& geometry) noexcept
      : wanted_(outgrows_caches<T>(tuning, geometry)),
        fewest_bytes_(tuning.write_fewest_streamed_lines * cache_line_bytes) {}

  [[nodiscard]] bool wanted() const noexcept { return wanted_; }

  [[nodiscard]] Index elements(const Blocking& blocking) const noexcept { return wanted_ ? blocking.most_pixels() : 0; }

  // Those of each image must be neighbors in `to`, and enough for some whole lines.
  [[nodiscard]] bool takes(const PixelBlock& pixels, const Tensor<T>& to) const noexcept {
    if (!wanted_) return false;
    const Index count = of_image(pixels);
    return count * Index{sizeof(T)} >= fewest_bytes_ &&
           adjacent_pixels({1, {pixels.size[0], pixels.size[1], pixels.size[2]}}, to) == count;
  }

  // Whether all rows of the block are whole lines, and need not be gathered.
  [[nodiscard]] static bool in_lines(const PixelBlock& pixels, const Tensor<T>& to) noexcept {
    bool all = pixels.size[2] % (cache_line_bytes / Index{sizeof(T)}) == 0 && into_line(to.data) == 0 &&
               into_line(to.data + to.inner) == 0 && into_line(to.data + to.outer) == 0;
    for (int axis = 0; axis < 2; ++axis) all = all && into_line(to.data + to.axis[axis]) == 0;
    return all;
  }

  // The buffer as a place for the results of the block; of one channel, whichever it is.
  [[nodiscard]] static Tensor<T> gathered(const PixelBlock& pixels, T* buffer) noexcept {
    return {buffer, of_image(pixels), 0, {pixels.size[1] * pixels.size[2], pixels.size[2], 1}};
  }

  // Writes as much of the first `complete` results as makes whole lines, beyond the `written` ones, or all when all are
  // complete, and returns how many are written then. `first` is where the block's first one goes, and the next image
  // `outer` further on.
  static Index write(const kernels::KernelSet<T>& kernels, const PixelBlock& pixels, const T* buffer, Index written,
                     Index complete, T* first, Index outer) noexcept {
    const Index count = of_image(pixels);
    if (complete == pixels.count()) {
      for (Index image = written / count; image < pixels.images; ++image, written = image * count)
        kernels.stream_copy(buffer + written, (image + 1) * count - written,
                            first + image * outer + written - image * count);
      return complete;
    }
    const Index end = complete - into_line(first + complete);
    if (pixels.images > 1 || end <= written) return written;
    kernels.stream_copy(buffer + written, end - written, first + written);
    return end;
  }

  // Before other threads may read.
  void finish(const kernels::KernelSet<T>& kernels) const noexcept {
    if (wanted_) kernels.finish_streams();
  }

 private:
  static Index of_image(const PixelBlock& pixels) noexcept { return pixels.size[0] * pixels.size[1] * pixels.size[2]; }

  bool wanted_ = false;
  Index fewest_bytes_ = 0;  // of an image of a block
};

}  // namespace convgrad::gemm

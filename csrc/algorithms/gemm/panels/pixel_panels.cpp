#include "algorithms/gemm/panels/pixel_panels.hpp"

#include <algorithm>

#include "algorithms/common/blocks.hpp"
#include "algorithms/common/pixel_box.hpp"
#include "algorithms/read/transpose_pixels.hpp"

namespace convgrad::gemm {

namespace {

// Structural: two vectors of 64 bytes of the narrowest type.
constexpr Index most_panel_lanes = 32;

// How the next `pixels` pixels of a strip fill a row of a panel, in whole vectors.
Index find_copies(const StripShape& shape, PixelCursor& cursor, Index pixels, Index lanes,
                  kernels::PanelCopy* copies) noexcept {
  Index count = 0;
  kernels::PanelCopy next{0, 0};  // what would go on where the last copy ends
  for (Index lane = 0; lane < pixels;) {
    const Index length = smaller(cursor.left_in_row(), pixels - lane);
    const Index offset = shape.row_offset(cursor.image(), cursor.plane(), cursor.row()) + cursor.column();
    // A row that follows without a gap may be covered already, in part.
    const bool follows = count > 0 && offset - next.offset == lane - next.lane;
    if (!follows) next = {offset, lane};
    lane += length;
    for (; next.lane < lane; next = {next.offset + lanes, next.lane + lanes}) copies[count++] = next;
    cursor.advance(length);
  }
  return count;
}

// Whether they are one row of pixels, vector after vector.
bool are_neighbors(const kernels::PanelCopy* copies, Index count, Index lanes) noexcept {
  for (Index i = 1; i < count; ++i)
    if (copies[i].lane != i * lanes || copies[i].offset != copies[0].offset + i * lanes) return false;
  return true;
}

}  // namespace

template <class T>
void expand_panels(const kernels::KernelSet<T>& kernels, const StripShape& shape, const PixelBox& box, const T* strip,
                   bool by_tap, const Index* tap_offsets, PanelRows rows, kernels::BlockCopy* copies, T* panels,
                   Index* unfilled) noexcept {
  kernels::PanelCopy panel_copies[2 * most_panel_lanes];
  PixelCursor cursor(box);
  Index in_block = 0;
  Index width = 0;
  for (Index begin = 0; begin < box.count(); begin += width) {
    const Index left = box.count() - begin;
    width = panel_width(kernels, left);
    const Index pixels = smaller(width, left);
    Index count = find_copies(shape, cursor, pixels, kernels.lanes, panel_copies);
    const Index panel = panel_offset(begin, rows.all) + rows.first * width;
    if (unfilled != nullptr) {
      const bool neighbors =
          width == Index{kernels.lanes} * kernels.tile_vectors && are_neighbors(panel_copies, count, kernels.lanes);
      *unfilled++ = neighbors ? panel_copies[0].offset : filled_already;
      if (neighbors) continue;
    }
    // Lanes without a pixel repeat the first ones: their results are numbers, and nobody stores them.
    for (Index lane = pixels; lane < width; lane += kernels.lanes)
      panel_copies[count++] = {panel_copies[0].offset, lane};
    if (!by_tap) {
      kernels.expand(strip, tap_offsets, rows.count, panel_copies, count, panels + panel, width);
      continue;
    }
    for (Index i = 0; i < count; ++i)
      copies[in_block++] = {panel_copies[i].offset, panel + panel_copies[i].lane, width};
  }
  if (unfilled != nullptr) *unfilled = filled_already;
  if (by_tap) kernels.expand_block(strip, tap_offsets, rows.count, copies, in_block, panels);
}

template <class T>
bool transposes_into_panels(const Geometry& geometry, const Tensor<const T>& input) noexcept {
  for (int a = 0; a < axes; ++a)
    if (geometry.padding[a] != 0 || (geometry.output[a] - 1) * geometry.stride[a] >= geometry.input[a]) return false;
  return geometry.taps_per_channel() == 1 && StripShape::natural_order(input) == StripShape::Order::channels_inner;
}

template <class T>
void transpose_into_panels(const kernels::KernelSet<T>& kernels, const Geometry& geometry, const PixelBlock& pixels,
                           const Tensor<const T>& input, Index first_channel, Index channels, T* panels) noexcept {
  const PixelBox box{pixels.images, {pixels.size[0], pixels.size[1], pixels.size[2]}};
  Tensor<const T> under = input;
  for (int a = 0; a < axes; ++a) under.axis[a] *= geometry.stride[a];
  under = at_block(under, pixels);
  under.data += first_channel * input.inner;
  const EvenPixels even = find_even_pixels(under, box);
  PixelCursor cursor(box);
  Index into_stretch = 0;
  Index width = 0;
  for (Index begin = 0; begin < box.count(); begin += width) {
    const Index left = box.count() - begin;
    width = panel_width(kernels, left);
    T* panel = panels + panel_offset(begin, channels);
    // Results of lanes without a pixel are numbers, too, and nobody stores them.
    if (left < width) std::fill_n(panel, channels * width, T{0});
    for (Index lane = 0, some = 0; lane < smaller(width, left); lane += some) {
      some = smaller(smaller(width, left) - lane, even.length - into_stretch);
      const T* from = under.data + cursor.offset(under);
      const T* next = begin + width + lane < box.count() ? from + width * even.step : nullptr;
      transpose_pixels(kernels, from, even.step, some, channels, next, panel + lane, width);
      cursor.advance(some);
      into_stretch = (into_stretch + some) % even.length;
    }
  }
}

template bool transposes_into_panels<float>(const Geometry&, const Tensor<const float>&) noexcept;
template bool transposes_into_panels<double>(const Geometry&, const Tensor<const double>&) noexcept;
template void transpose_into_panels<float>(const kernels::KernelSet<float>&, const Geometry&, const PixelBlock&,
                                           const Tensor<const float>&, Index, Index, float*) noexcept;
template void transpose_into_panels<double>(const kernels::KernelSet<double>&, const Geometry&, const PixelBlock&,
                                            const Tensor<const double>&, Index, Index, double*) noexcept;
template void expand_panels<float>(const kernels::KernelSet<float>&, const StripShape&, const PixelBox&, const float*,
                                   bool, const Index*, PanelRows, kernels::BlockCopy*, float*, Index*) noexcept;
template void expand_panels<double>(const kernels::KernelSet<double>&, const StripShape&, const PixelBox&,
                                    const double*, bool, const Index*, PanelRows, kernels::BlockCopy*, double*,
                                    Index*) noexcept;

}  // namespace convgrad::gemm

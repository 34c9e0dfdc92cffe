#include "algorithms/gemm/choose.hpp"

#include <algorithm>
#include <cmath>

#include "algorithms/common/machine.hpp"
#include "algorithms/gemm/border/border_parts.hpp"
#include "algorithms/gemm/border/border_rows.hpp"
#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/gemm/ways/pixels_from_panels.hpp"

namespace convgrad::gemm {

namespace {

// A layer's sizes as the estimates count them: at least one of everything.
struct CountedSizes {
  double channels;     // output channels of a group
  double kernel_taps;  // taps of one input channel
  double taps;         // of all
  double pixels;       // of all images
  bool strided;
  bool padded;

  explicit CountedSizes(const Geometry& g) noexcept
      : channels(static_cast<double>(larger(1, g.out_channels))),
        kernel_taps(static_cast<double>(larger(1, g.taps_per_channel()))),
        taps(static_cast<double>(larger(1, g.in_channels)) * kernel_taps),
        pixels(static_cast<double>(larger(1, g.batch * g.output_pixels()))),
        strided(g.stride[0] > 1 || g.stride[1] > 1 || g.stride[2] > 1),
        padded(g.padding[0] > 0 || g.padding[1] > 0 || g.padding[2] > 0) {}
};

// Of vectors of pixels, the share whose lanes hold none, where a small map does not fill whole panels.
double unused_lanes(const Tuning& tuning, const Geometry& geometry, double lanes) noexcept {
  const double block = tuning.panels_estimated_block;
  const auto image = static_cast<double>(larger(1, geometry.output_pixels()));
  if (image > block) return 0;  // many blocks of whole rows, some of which fit
  const double pixels =
      image * static_cast<double>(smaller(larger(1, geometry.batch), static_cast<Index>(block / image)));
  const double panels = std::floor(pixels / (2 * lanes));
  const double left = pixels - panels * 2 * lanes;
  const double last = left > lanes ? 2 : left > 0 ? tuning.panels_cost_of_one_vector : 0;
  return (panels * 2 + last) * lanes / pixels - 1;
}

// Results are transposed, shared by all taps. Weights are packed, shared by all pixels, and so is the strip, shared by
// all output channels and the taps of one. The last panel may be a single vector, or have lanes without a channel.
template <class T>
double channels_by_tile(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                        const CountedSizes& size) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  const PanelSplit panels(kernels, geometry.out_channels);
  double overhead = panels.cost_in_vectors(kernels) * kernels.lanes / size.channels - 1;
  // A 1x1 kernel has a few long tiles, of an input that mostly serves in place.
  if (size.kernel_taps == 1)
    overhead += tuning.tile_result_1x1 / size.taps + tuning.tile_weight / size.pixels;
  else
    overhead += tuning.tile_start + tuning.tile_result / size.taps + tuning.tile_weight / size.pixels +
                tuning.tile_strip / (size.channels * size.kernel_taps);
  overhead -= tuning.tile_border * BorderParts(geometry, tuning).left_out();
  return overhead + tuning.tile_strip_wait / size.kernel_taps;
}

// Kernels read backwards and across channels, as grad_input does, touch another page for every few taps, panel after
// panel. A few channels of which all taps are neighbors do not, nor weights that lie on a few pages.
template <class T>
bool weights_are_scattered(const Tuning& tuning, const Geometry& geometry, const CountedSizes& size,
                           WeightOrder order) noexcept {
  if (size.kernel_taps == 1 || size.taps * size.channels * sizeof(T) <= tuning.panels_near_weights) return false;
  return order == WeightOrder::channels_first_some_taps ||
         (order == WeightOrder::channels_first && geometry.in_channels > tuning.panels_few_channels);
}

// The im2col matrix of a block is copied, shared by all output channels; that of a 1x1 kernel comes straight from the
// input. Where whole panels lie in rows of pixels, they are filled from the strip on the way.
template <class T>
double pixels_from_panels(const Geometry& geometry, const kernels::KernelSet<T>& kernels, const CountedSizes& size,
                          WeightOrder order) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  const bool pointwise = size.kernel_taps == 1;
  const bool even_rows = tuning.panels_from_even_rows > 0 && geometry.output[2] % (2 * kernels.lanes) == 0;
  const bool fills = PixelsFromPanels<T>::fills_panels(geometry, kernels);
  const double copy = pointwise   ? (fills ? tuning.panels_copy_on_the_way : tuning.panels_copy_1x1)
                      : even_rows ? tuning.panels_copy_of_even_rows
                                  : tuning.panels_copy;
  double overhead = copy / size.channels + (size.strided ? tuning.panels_start_strided : tuning.panels_start) +
                    unused_lanes(tuning, geometry, kernels.lanes);
  // What a panel takes besides, and that a tile of one row has too few sums to hide how long a multiply-add takes.
  if (even_rows && !pointwise)
    overhead += tuning.panels_even_rows / (size.channels * size.taps) + (size.channels == 1 ? 1 : 0);
  // Of small images, many a panel has pixels of two, and cannot be filled on the way.
  if (pointwise && geometry.batch > 1)
    overhead += tuning.panels_of_two_images * kernels.lanes / static_cast<double>(larger(1, geometry.output_pixels()));
  if (!pointwise) overhead += tuning.panels_tile_of_few_taps / size.taps;
  if (weights_are_scattered<T>(tuning, geometry, size, order)) overhead += tuning.panels_scattered_weights;
  return overhead;
}

// Of vectors laid over rows of pixels, the share whose lanes hold no pixel: at the end of a row, or, where they go on
// into the next row, on the border between them.
struct EmptyLanes {
  double at_row_ends;
  double on_the_way;

  EmptyLanes(const Geometry& g, double lanes, bool strided) noexcept {
    const auto columns = static_cast<double>(larger(1, g.output[2]));
    const double rows = lanes / columns;
    at_row_ends = std::ceil(1 / rows) * rows - 1;
    const double between = static_cast<double>((g.kernel[2] - 1) * g.dilation[2]) / columns;
    on_the_way = strided ? at_row_ends : std::min(at_row_ends, between);
  }
};

// A strip is copied, shared by all output channels and the taps of one, and read anew for every few output channels.
// Its vectors begin anywhere in a cache line, and long ones nearly always cross into the next, which counts the more
// the fewer channels share one. A 1x1 kernel copies no strip, and knows images instead of rows.
template <class T>
double pixels_from_strip(const Geometry& geometry, const kernels::KernelSet<T>& kernels, const CountedSizes& size,
                         const EmptyLanes& empty) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  if (size.kernel_taps == 1 && !size.strided && !size.padded) {
    const double image = static_cast<double>(larger(1, geometry.output_pixels())) / kernels.lanes;
    const double empty_of_image = std::ceil(image) / image - 1;
    return tuning.strip_start_1x1 + tuning.strip_result_1x1 / size.taps + size.channels / tuning.strip_channels_1x1 +
           tuning.strip_empty_lanes_1x1 * empty_of_image;
  }
  const Index together = geometry.out_channels / larger(1, divide_up(geometry.out_channels, kernels::max_strip_rows));
  const double crossing_of_vector = together == 1   ? tuning.strip_crossing_of_one
                                    : together == 2 ? tuning.strip_crossing_of_two
                                                    : 0;
  const double crossing = crossing_of_vector * kernels.lanes * sizeof(T) / cache_line_bytes;
  return (size.strided ? tuning.strip_start_strided : tuning.strip_start) + crossing +
         (together > 2 ? tuning.strip_result : tuning.strip_result_of_few) / size.taps +
         tuning.strip_copy / (size.channels * size.kernel_taps) + size.channels / tuning.strip_channels +
         empty.on_the_way;
}

// Rows of pixels share one row of the input, all four but at the upper and lower end of the kernel.
double pixel_rows(const Tuning& tuning, const Geometry& geometry, const CountedSizes& size,
                  const EmptyLanes& empty) noexcept {
  return tuning.rows_not_shared / static_cast<double>(geometry.kernel[1]) + tuning.rows_result / size.taps +
         size.channels / tuning.rows_channels + empty.at_row_ends - share_of_border_rows(geometry);
}

}  // namespace

bool prefers_groups_by_lane(const Tuning& tuning, const Geometry& geometry) noexcept {
  const Index products = saturating_product(geometry.in_channels, geometry.out_channels);
  if (geometry.groups < tuning.lanes_fewest_groups || products > tuning.lanes_most_products) return false;
  const Index pixels = saturating_product(geometry.batch, geometry.output_pixels());
  return CountedSizes(geometry).strided || saturating_product(pixels, products) <= tuning.lanes_most_pixels;
}

template <class T>
Overheads estimate_overheads(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                             WeightOrder order) noexcept {
  const CountedSizes size(geometry);
  const EmptyLanes empty(geometry, kernels.lanes, size.strided);
  return {channels_by_tile(geometry, kernels, size), pixels_from_panels(geometry, kernels, size, order),
          pixels_from_strip(geometry, kernels, size, empty), pixel_rows(tuning_of(kernels), geometry, size, empty)};
}

void Overheads::describe(Text& text) const noexcept {
  text.line("estimates",
            "time over multiplying alone: channels_by_tile %.2f, pixels_from_panels %.2f, "
            "pixels_from_strip %.2f, pixel_rows %.2f",
            1 + channels_by_tile, 1 + pixels_from_panels, 1 + pixels_from_strip, 1 + pixel_rows);
}

template Overheads estimate_overheads<float>(const Geometry&, const kernels::KernelSet<float>&, WeightOrder) noexcept;
template Overheads estimate_overheads<double>(const Geometry&, const kernels::KernelSet<double>&, WeightOrder) noexcept;

}  // namespace convgrad::gemm

#include "algorithms/gemm/correlation.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "algorithms/common/sharing.hpp"
#include "algorithms/common/visit_way.hpp"
#include "algorithms/gemm/border/border_rows.hpp"
#include "algorithms/gemm/panels/panel_split.hpp"
#include "algorithms/gemm/panels/tiles.hpp"

namespace convgrad::gemm {

namespace {

template <class T>
using Lanes = std::variant<ChannelsByTile<T>, PixelsFromPanels<T>, PixelsFromStrip<T>, PixelRows<T>>;

// What each way costs beyond its multiplications, as a share of them. The numbers were fitted to the layers of the
// benchmark on Zen 4 and Zen 5 cores, those of short vectors on Zen 3; the choice is free, so that a wrong one costs
// time and nothing else.
struct Overhead {
  double channels_by_tile;
  double pixels_from_panels;
  double pixels_from_strip;
  double pixel_rows;
};

// With pixels as lanes, those of a block that fill no vector: a panel with one vector takes half as long and a little
// more.
double unused_lanes(const Geometry& geometry, double lanes) noexcept {
  constexpr double pixels_per_block = 448;
  const auto image = static_cast<double>(larger(1, geometry.output_pixels()));
  if (image > pixels_per_block) return 0;  // many blocks of whole rows, some of which fit
  const double pixels =
      image * static_cast<double>(smaller(larger(1, geometry.batch), static_cast<Index>(pixels_per_block / image)));
  const double panels = std::floor(pixels / (2 * lanes));
  const double left = pixels - panels * 2 * lanes;
  return (panels * 2 + (left > lanes ? 2 : left > 0 ? 1.15 : 0)) * lanes / pixels - 1;
}

template <class T>
Overhead estimate(const Geometry& geometry, const kernels::KernelSet<T>& kernels, WeightOrder order) noexcept {
  const auto channels = static_cast<double>(larger(1, geometry.out_channels));
  const auto kernel_taps = static_cast<double>(larger(1, geometry.taps_per_channel()));
  const double taps = static_cast<double>(larger(1, geometry.in_channels)) * kernel_taps;
  const auto pixels = static_cast<double>(larger(1, geometry.batch * geometry.output_pixels()));

  Overhead overhead{};
  // Results are transposed, shared by all taps; weights are packed, shared by all pixels, and the strip, shared by all
  // channels and the taps of one; and the last panel may be a single vector, which loads more for each multiplication,
  // or have lanes without a channel.
  const PanelSplit panels(kernels, geometry.out_channels);
  overhead.channels_by_tile = panels.cost_in_vectors(kernels) * kernels.lanes / channels - 1;
  // A 1x1 kernel has a few long tiles, of an input that mostly serves in place.
  if (kernel_taps == 1)
    overhead.channels_by_tile += 14 / taps + 10 / pixels;
  else
    overhead.channels_by_tile +=
        0.03 + (short_vectors(kernels) ? 35 : 20) / taps + 10 / pixels + 10 / (channels * kernel_taps);
  overhead.channels_by_tile -= 0.85 * BorderParts(geometry).left_out();  // and most of the border is not multiplied
  // Under kernels of few taps short vectors wait for the strip, or it is transposed (most_uses_of_turned_strip).
  if (short_vectors(kernels)) overhead.channels_by_tile += 0.27 / kernel_taps;
  // Panels are copied, shared by all output channels; those of a 1x1 kernel come straight from the input.
  // Where whole panels lie in rows of pixels, they are filled from the strip on the way.
  const bool even_rows = !short_vectors(kernels) && geometry.output[2] % (2 * kernels.lanes) == 0;
  const bool fills = PixelsFromPanels<T>::fills_panels(geometry, kernels);
  const double copy = kernel_taps == 1 ? (fills ? 0.7 : 5) : even_rows ? 2.7 : short_vectors(kernels) ? 9.4 : 8;
  const bool strided = geometry.stride[0] > 1 || geometry.stride[1] > 1 || geometry.stride[2] > 1;
  const bool padded = geometry.padding[0] > 0 || geometry.padding[1] > 0 || geometry.padding[2] > 0;
  overhead.pixels_from_panels = copy / channels + (strided ? 0.14 : 0.09) + unused_lanes(geometry, kernels.lanes);
  // What a panel takes besides, and that a tile of one row has too few sums to hide how long a multiply-add takes.
  if (even_rows && kernel_taps > 1) overhead.pixels_from_panels += 50 / (channels * taps) + (channels == 1 ? 1 : 0);
  // Of small images, many a panel has pixels of two, and cannot be filled on the way.
  if (kernel_taps == 1 && geometry.batch > 1)
    overhead.pixels_from_panels += 0.4 * kernels.lanes / static_cast<double>(larger(1, geometry.output_pixels()));
  // Panels of short vectors are narrow, and a tile of few taps is over soon: they start and end more often.
  if (short_vectors(kernels) && kernel_taps > 1) overhead.pixels_from_panels += 3 / taps;
  // Kernels read backwards and across channels, as grad_input does, touch another page for every few taps, panel after
  // panel: ten times as slow on layers with large kernels. A few channels of which all taps are neighbors do not, nor
  // weights that lie on a few pages.
  constexpr Index few_channels = 8;
  constexpr double near_bytes = 64 << 10;
  const bool near = taps * channels * sizeof(T) <= near_bytes;
  const bool scattered = !near && (order == WeightOrder::channels_first_some_taps ||
                                   (order == WeightOrder::channels_first && geometry.in_channels > few_channels));
  if (scattered && kernel_taps > 1) overhead.pixels_from_panels += 5;
  // Vectors of the strip begin anywhere in a cache line, and long ones nearly always cross into the next, which counts
  // the more the fewer channels share one; and of those that reach over the end of a row, lanes lie on the border, or
  // the last of a row may be mostly empty. A strip is cut by column with a stride, and shared by all channels and the
  // taps of one. A 1x1 kernel copies no strip, and knows no rows. Every few output channels read the strip anew, for
  // which short vectors wait.
  const Index together = geometry.out_channels / larger(1, divide_up(geometry.out_channels, kernels::max_strip_rows));
  const double crossing = (together == 1 ? 1.1 : together == 2 ? 0.28 : 0) * kernels.lanes * sizeof(T) / 64;
  const double rows = kernels.lanes / static_cast<double>(larger(1, geometry.output[2]));
  const double partly_empty = std::ceil(1 / rows) * rows - 1;
  const double between_rows = static_cast<double>((geometry.kernel[2] - 1) * geometry.dilation[2]) /
                              static_cast<double>(larger(1, geometry.output[2]));
  // A 1x1 kernel knows no rows, but images.
  const double image = static_cast<double>(larger(1, geometry.output_pixels())) / kernels.lanes;
  const double partly_empty_of_image = std::ceil(image) / image - 1;
  const double unused = strided ? partly_empty : std::min(partly_empty, between_rows);
  if (kernel_taps == 1 && !strided && !padded)
    overhead.pixels_from_strip = 0.06 + 2.3 / taps + channels / 800 + 1.5 * partly_empty_of_image;
  else
    overhead.pixels_from_strip = (strided ? 0.3 : 0.11) + crossing + (together > 2 ? 10 : 6) / taps +
                                 10 / (channels * kernel_taps) + channels / (short_vectors(kernels) ? 350 : 1200) +
                                 unused;
  // Here rows of pixels share one, all four but at the upper and lower end of the kernel.
  overhead.pixel_rows = 3.6 / static_cast<double>(geometry.kernel[1]) + 6 / taps + channels / 128 + partly_empty -
                        share_of_border_rows(geometry);
  return overhead;
}

// What the last worker takes, relative to an equal share of what one alone does: small maps have fewer cuts one way
// than the other. What is copied counts in the estimate already.
template <class AnyLanes, class T>
double lateness(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept {
  const Index workers = useful_threads(tuning_of(kernels), geometry, threads);
  if (workers <= 1) return 1;
  return AnyLanes(geometry, kernels, threads).tasks().multiplying_time(tuning_of(kernels), workers) *
         static_cast<double>(workers) / AnyLanes(geometry, kernels, 1).tasks().multiplying_time(tuning_of(kernels), 1);
}

template <class T>
Lanes<T> choose(const Geometry& geometry, const kernels::KernelSet<T>& kernels, WeightOrder order,
                int threads) noexcept {
  const Overhead overhead = estimate(geometry, kernels, order);
  const double packed =
      overhead.channels_by_tile < overhead.pixels_from_panels ? overhead.channels_by_tile : overhead.pixels_from_panels;
  if (rows_share(geometry) && overhead.pixel_rows < overhead.pixels_from_strip && overhead.pixel_rows < packed)
    return PixelRows<T>(geometry, kernels, threads);
  if (overhead.pixels_from_strip < packed) return PixelsFromStrip<T>(geometry, kernels, threads);
  if ((1 + overhead.pixels_from_panels) * lateness<PixelsFromPanels<T>>(geometry, kernels, threads) <
      (1 + overhead.channels_by_tile) * lateness<ChannelsByTile<T>>(geometry, kernels, threads))
    return PixelsFromPanels<T>(geometry, kernels, threads);
  return ChannelsByTile<T>(geometry, kernels, threads);
}

}  // namespace

template <class T>
Correlation<T>::Correlation(const Geometry& geometry, const kernels::KernelSet<T>& kernels, WeightOrder order,
                            int threads) noexcept
    : lanes_(choose(geometry, kernels, order, threads)) {
  if (ChannelsByPixel<T>::applies(geometry, kernels)) sweeps_.emplace(geometry, kernels, threads);
}

template <class T>
int Correlation<T>::threads() const noexcept {
  const int threads = visit_way(lanes_, [](const auto& lanes) { return lanes.threads(); });
  return sweeps_ ? std::max(threads, sweeps_->threads()) : threads;
}

template <class T>
std::size_t Correlation<T>::workspace_bytes() const noexcept {
  const std::size_t bytes = visit_way(lanes_, [](const auto& lanes) { return lanes.workspace_bytes(); });
  return sweeps_ ? std::max(bytes, sweeps_->workspace_bytes()) : bytes;
}

template <class T>
void Correlation<T>::describe(Text& text) const noexcept {
  visit_way(lanes_, [&](const auto& lanes) { lanes.describe(text); });
  if (!sweeps_) return;
  text.line("or", "to results whose channels are neighbors:");
  sweeps_->describe(text);
}

template <class T>
void Correlation<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  // Weights that are packed may be nowhere else.
  const bool has_weights = operands.packed == nullptr || packed_elements() == 0;
  if (sweeps_ && has_weights && sweeps_->fits(operands.output)) return sweeps_->run(operands, workspace);
  visit_way(lanes_, [&](const auto& lanes) { lanes.run(operands, workspace); });
}

template <class T>
Index Correlation<T>::packed_elements() const noexcept {
  const auto* lanes = std::get_if<ChannelsByTile<T>>(&lanes_);
  return lanes == nullptr ? 0 : lanes->packed_elements();
}

template <class T>
void Correlation<T>::pack(const Weights<T>& weights, T* packed) const noexcept {
  if (const auto* lanes = std::get_if<ChannelsByTile<T>>(&lanes_)) lanes->pack(weights, packed);
}

template class Correlation<float>;
template class Correlation<double>;

}  // namespace convgrad::gemm

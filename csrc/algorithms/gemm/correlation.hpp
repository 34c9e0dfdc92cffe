// What forward and grad_input run: the blocked GEMM with output channels, pixels or groups as lanes, whichever is
// estimated to be the fastest. All add up every output in the same order, so the choice does not show in the bits.
// Where channels are neighbors in memory, which only a run knows, another way may be kept for that.
#pragma once

#include <optional>
#include <variant>

#include "algorithms/gemm/choose.hpp"
#include "algorithms/gemm/ways/channels_by_pixel.hpp"
#include "algorithms/gemm/ways/channels_by_tile.hpp"
#include "algorithms/gemm/ways/groups_by_lane.hpp"
#include "algorithms/gemm/ways/pixel_rows.hpp"
#include "algorithms/gemm/ways/pixels_from_panels.hpp"
#include "algorithms/gemm/ways/pixels_from_strip.hpp"
#include "algorithms/read/weights.hpp"

namespace convgrad::gemm {

// Whether a way can compute this correlation; channels_by_pixel does so only to results whose channels are neighbors.
template <class T>
bool serves_correlation(Way way, const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept;

template <class T>
class Correlation {
 public:
  // `forced` is a way that serves, or automatic: the cheapest.
  Correlation(const Geometry& geometry, const kernels::KernelSet<T>& kernels, WeightOrder order, int threads,
              Way forced = Way::automatic) noexcept;

  [[nodiscard]] int threads() const noexcept;
  [[nodiscard]] const auto& way() const noexcept { return way_; }
  [[nodiscard]] std::size_t workspace_bytes() const noexcept;
  void describe(Text& text) const noexcept;

  void run(const CorrelationOperands<T>& operands, void* workspace) const noexcept;

  // Of what `pack` makes of the weights; 0 where they are read in place.
  [[nodiscard]] Index packed_elements() const noexcept;
  void pack(const Weights<T>& weights, T* packed) const noexcept;

 private:
  Overheads overheads_;
  std::variant<ChannelsByTile<T>, PixelsFromPanels<T>, PixelsFromStrip<T>, PixelRows<T>, GroupsByLane<T>> way_;
  std::optional<GroupsByLane<T>> by_lane_;      // for what lies as it reads and writes it
  std::optional<ChannelsByPixel<T>> by_pixel_;  // for results that lie as it writes them
};

}  // namespace convgrad::gemm

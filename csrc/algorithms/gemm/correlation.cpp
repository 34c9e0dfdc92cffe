#include "algorithms/gemm/correlation.hpp"

#include <algorithm>

#include "algorithms/common/pixel_box.hpp"
#include "algorithms/common/visit_way.hpp"
#include "algorithms/gemm/border/border_rows.hpp"

namespace convgrad::gemm {

namespace {

template <class T>
using AnyWay = std::variant<ChannelsByTile<T>, PixelsFromPanels<T>, PixelsFromStrip<T>, PixelRows<T>, GroupsByLane<T>>;

// What the last worker takes, relative to an equal share of what one alone does: small maps have fewer cuts one way
// than the other. What is copied counts in the estimate already.
template <class OneWay, class T>
double lateness(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  const Index workers = useful_threads(tuning, geometry, threads);
  if (workers <= 1) return 1;
  return OneWay(geometry, kernels, threads).tasks().multiplying_time(tuning, workers) * static_cast<double>(workers) /
         OneWay(geometry, kernels, 1).tasks().multiplying_time(tuning, 1);
}

template <class T>
AnyWay<T> make_way(const Geometry& geometry, const kernels::KernelSet<T>& kernels, int threads, Way way) noexcept {
  switch (way) {
    case Way::pixel_rows: return PixelRows<T>(geometry, kernels, threads);
    case Way::groups_by_lane: return GroupsByLane<T>(geometry, kernels, threads);
    case Way::pixels_from_strip: return PixelsFromStrip<T>(geometry, kernels, threads);
    case Way::pixels_from_panels: return PixelsFromPanels<T>(geometry, kernels, threads);
    default: return ChannelsByTile<T>(geometry, kernels, threads);
  }
}

// `forced` is automatic, or a way that serves; channels_by_pixel needs another for results that lie in other ways.
template <class T>
Way decide(const Geometry& geometry, const kernels::KernelSet<T>& kernels, const Overheads& overheads, int threads,
           Way forced) noexcept {
  if (forced != Way::automatic && forced != Way::channels_by_pixel) return forced;
  if (prefers_groups_by_lane(tuning_of(kernels), geometry) && GroupsByLane<T>::serves(geometry, kernels))
    return Way::groups_by_lane;
  return choose_way(overheads, rows_share(geometry), [&](Way way) {
    return way == Way::pixels_from_panels ? lateness<PixelsFromPanels<T>>(geometry, kernels, threads)
                                          : lateness<ChannelsByTile<T>>(geometry, kernels, threads);
  });
}

}  // namespace

template <class T>
bool serves_correlation(Way way, const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  switch (way) {
    case Way::automatic:
    case Way::channels_by_tile:
    case Way::pixels_from_panels:
    case Way::pixels_from_strip: return true;
    case Way::channels_by_pixel: return ChannelsByPixel<T>::applies(geometry, kernels);
    case Way::pixel_rows: return rows_share(geometry);
    case Way::groups_by_lane: return GroupsByLane<T>::serves(geometry, kernels);
    default: return false;
  }
}

template <class T>
Correlation<T>::Correlation(const Geometry& geometry, const kernels::KernelSet<T>& kernels, WeightOrder order,
                            int threads, Way forced) noexcept
    : overheads_(estimate_overheads(geometry, kernels, order)),
      way_(make_way(geometry, kernels, threads, decide(geometry, kernels, overheads_, threads, forced))) {
  const bool may_sweep = forced == Way::automatic || forced == Way::channels_by_pixel;
  if (may_sweep && ChannelsByPixel<T>::applies(geometry, kernels)) by_pixel_.emplace(geometry, kernels, threads);
  if (forced == Way::automatic && GroupsByLane<T>::suits_adjacent_channels(geometry, kernels))
    by_lane_.emplace(geometry, kernels, threads);
}

// The largest of what any of the ways asks for.
template <class T>
int Correlation<T>::threads() const noexcept {
  int most = visit_way(way_, [](const auto& way) { return way.threads(); });
  if (by_pixel_) most = std::max(most, by_pixel_->threads());
  return by_lane_ ? std::max(most, by_lane_->threads()) : most;
}

template <class T>
std::size_t Correlation<T>::workspace_bytes() const noexcept {
  std::size_t most = visit_way(way_, [](const auto& way) { return way.workspace_bytes(); });
  if (by_pixel_) most = std::max(most, by_pixel_->workspace_bytes());
  return by_lane_ ? std::max(most, by_lane_->workspace_bytes()) : most;
}

template <class T>
void Correlation<T>::describe(Text& text) const noexcept {
  visit_way(way_, [&](const auto& way) { way.describe(text); });
  overheads_.describe(text);
  if (by_pixel_) {
    text.line("or", "to results whose channels are neighbors:");
    by_pixel_->describe(text);
  }
  if (by_lane_) {
    text.line("or", "where channels are neighbors, in the input or in the results:");
    by_lane_->describe(text);
  }
}

template <class T>
void Correlation<T>::run(const CorrelationOperands<T>& operands, void* workspace) const noexcept {
  // Weights that are packed may be nowhere else.
  const bool has_weights = operands.packed == nullptr || packed_elements() == 0;
  if (by_pixel_ && has_weights && channels_are_neighbors(operands.output)) return by_pixel_->run(operands, workspace);
  if (by_lane_ && has_weights && (channels_are_neighbors(operands.input) || channels_are_neighbors(operands.output)))
    return by_lane_->run(operands, workspace);
  visit_way(way_, [&](const auto& way) { way.run(operands, workspace); });
}

template <class T>
Index Correlation<T>::packed_elements() const noexcept {
  const auto* by_tile = std::get_if<ChannelsByTile<T>>(&way_);
  return by_tile == nullptr ? 0 : by_tile->packed_elements();
}

template <class T>
void Correlation<T>::pack(const Weights<T>& weights, T* packed) const noexcept {
  if (const auto* by_tile = std::get_if<ChannelsByTile<T>>(&way_)) by_tile->pack(weights, packed);
}

template bool serves_correlation<float>(Way, const Geometry&, const kernels::KernelSet<float>&) noexcept;
template bool serves_correlation<double>(Way, const Geometry&, const kernels::KernelSet<double>&) noexcept;
template class Correlation<float>;
template class Correlation<double>;

}  // namespace convgrad::gemm

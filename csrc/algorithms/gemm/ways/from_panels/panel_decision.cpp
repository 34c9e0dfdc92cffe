#include "algorithms/gemm/ways/from_panels/panel_decision.hpp"

#include "algorithms/common/machine.hpp"
#include "algorithms/common/prefetch.hpp"
#include "algorithms/gemm/ways/from_panels/panel_blocks.hpp"
#include "algorithms/gemm/write/output_stream.hpp"
#include "algorithms/tuning.hpp"

namespace convgrad::gemm {

template <class T>
bool fills_pointwise_panels(const Geometry& geometry, const kernels::KernelSet<T>& kernels) noexcept {
  const Tuning& tuning = tuning_of(kernels);
  return tuning.panels_fill_1x1 > 0 && geometry.taps_per_channel() == 1 &&
         geometry.in_channels >= tuning.panels_fill_1x1_fewest_taps &&
         geometry.output_pixels() >= tuning.panels_fill_1x1_fewest_pixels;
}

template <class T>
PanelDecision::PanelDecision(const Geometry& geometry, const kernels::KernelSet<T>& kernels,
                             const Blocking& blocking) noexcept
    : width(Index{kernels.lanes} * kernels.tile_vectors), pointwise(geometry.taps_per_channel() == 1) {
  constexpr Index size = sizeof(T);
  const Tuning& tuning = tuning_of(kernels);
  const Index taps = all_taps(geometry);
  taps_per_run = taps_per_run_of_panels(kernels, blocking.most_taps(), round_up(blocking.most_pixels(), width));
  keeps_panels = tuning.panels_kept_for_next_task > 0 && blocking.tap_blocks() == 1 &&
                 blocking.tap_block(0).count() <= taps_per_run;
  const bool low_tiles = taps <= tuning.panels_low_tile_most_taps;
  most_tile_rows =
      low_tiles ? larger(1, smaller(tuning.panels_low_tile_rows, kernels.tile_rows)) : Index{kernels.tile_rows};
  reads_in_place = tuning.panels_read_in_place > 0;
  transposes_input = tuning.panels_transpose_input > 0;
  copies_tap_by_tap = pointwise && tuning.panels_copy_tap_by_tap > 0;

  const Index columns = geometry.output[2];
  const bool even_rows = columns % width == 0 || columns >= tuning.panels_fill_strip_fewest_panels * width;
  fills_in_place = fills_pointwise_panels(geometry, kernels) && taps_per_run >= tuning.panels_fill_1x1_fewest_taps;
  fills_from_strip =
      tuning.panels_fill_strip > 0 && !pointwise && even_rows && taps_per_run >= tuning.panels_fill_strip_fewest_taps;
  most_tiles_on_strip = tuning.panels_fill_strip_most_tiles;

  const double read = input_bytes<T>(geometry);
  const double written = output_bytes<T>(geometry);
  streams =
      tuning.panels_streams_results > 0 && width * size % cache_line_bytes == 0 && outgrows_caches<T>(tuning, geometry);
  const bool room_for_next = blocking.strip_elements() * size <= tuning.panels_prefetch_strip_bytes;
  prefetches_input = pointwise ? read > tuning.panels_prefetch_1x1_input_bytes
                               : read > tuning.panels_prefetch_input_bytes && room_for_next;
  prefetches_first_panel = read > tuning.panels_prefetch_first_bytes;
  prefetches_results = written > tuning.panels_prefetch_result_bytes;
  prefetches_next_rows = tuning.panels_prefetch_rows > 0 && taps >= tuning.panels_prefetch_rows_fewest_taps &&
                         written > tuning.panels_prefetch_rows_bytes;
}

void PanelDecision::describe(Text& text) const noexcept {
  text.line("reads", "%s",
            pointwise ? "the input, where pixels or channels are neighbors in it, or else a strip"
                      : "a strip, or the input, where a block meets no border and pixels are neighbors in it");
  text.line("copies", "panels of %lld pixels, %lld taps at a time, %s", static_cast<long long>(width),
            static_cast<long long>(taps_per_run),
            fills_from_strip || fills_in_place ? "filled by the first tile that reads them, where pixels are neighbors"
                                               : "filled before they are multiplied");
  text.line("writes", "rows of pixels in place%s, where they are neighbors, or else through a buffer",
            streams ? ", whole cache lines around the caches" : "");
  text.line("prefetch", "%s%s%s",
            fills_in_place     ? (prefetches_first_panel ? "the next block's first panel" : "no input")
            : prefetches_input ? "the next input"
                               : "no input",
            prefetches_results ? "; results, where channels are neighbors" : "",
            prefetches_next_rows ? "; the next tile's rows of results" : "");
}

template bool fills_pointwise_panels<float>(const Geometry&, const kernels::KernelSet<float>&) noexcept;
template bool fills_pointwise_panels<double>(const Geometry&, const kernels::KernelSet<double>&) noexcept;
template PanelDecision::PanelDecision(const Geometry&, const kernels::KernelSet<float>&, const Blocking&) noexcept;
template PanelDecision::PanelDecision(const Geometry&, const kernels::KernelSet<double>&, const Blocking&) noexcept;

}  // namespace convgrad::gemm

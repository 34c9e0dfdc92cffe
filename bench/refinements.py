"""What `python -m bench ablate` prices: refinements, and the values of numbers that switch them off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Refinement:
    """Something that is done for speed alone and can be left out.

    Attributes
    ----------
    name : str
        How the report calls it.
    what : str
        What it does, in a line.
    off : mapping of str to float
        Numbers of the table (`csrc/algorithms/tuning.hpp`) and the values with which it is not done.
    ways : tuple of str
        It is a matter of these ways alone, and not measured where the library chooses others; of all when empty.
    """

    name: str
    what: str
    off: Mapping[str, float]
    ways: tuple[str, ...] = ()


# Beyond what any layer has, for thresholds.
_NEVER = 1e12

# Patches are multiplied tile by tile.
_BY_TILE = ("channels_by_tile", "patches")
_CHANNELS = (*_BY_TILE, "channels_by_pixel")
_BY_PIXEL = ("channels_by_pixel",)
_STRIP = ("pixels_from_strip",)
_ROWS = ("pixel_rows",)
_STRIPS = (*_STRIP, *_ROWS)
_COLUMNS = ("columns",)
_PANELS = ("pixels_from_panels",)
_CHANNEL_SUMS = ("channel_sums", "channel_sums_swapped")
_PIXEL_SUMS = ("pixel_sums",)

REFINEMENTS: tuple[Refinement, ...] = (
    # Sharing work.
    Refinement("finer cuts", "more tasks than workers, so that the last one ends sooner", {"most_rounds": 1}),
    Refinement("lateness of tasks", "of cuts that are alike, the one with smaller tasks", {"lateness_of_a_task": 0}),
    Refinement("small work alone", "one thread where starting a team takes longer", {"multiplications_per_thread": 0}),
    # Reading.
    Refinement(
        "strip cleared whole",
        "one memset of strips of short rows, instead of each row's ends",
        {"strip_short_row_bytes": 0},
    ),
    Refinement("strip rows joined", "rows without a gap between them are copied as one", {"strip_joins_rows": 0}),
    Refinement("strip prefetch", "the next channels of an input that is copied", {"strip_prefetched_channels": 0}),
    Refinement(
        "strip pixels, many channels",
        "fewer NHWC pixels at a time where they have many channels",
        {"strip_pixels_of_many_channels": 32},
    ),
    Refinement(
        "transposing in pieces", "pixels of many channels, some channels at a time", {"transpose_many_channels": _NEVER}
    ),
    Refinement("transpose prefetch", "the next pixels while some are transposed", {"transpose_prefetches": 0}),
    Refinement("weights prefetch, rows", "rows of weights that are packed, far apart", {"weights_prefetch_rows": 0}),
    Refinement(
        "weights prefetch, lines",
        "the next input channel's lines of kernels that lie together",
        {"weights_prefetch_spread": 0},
    ),
    Refinement("weights rows at once", "several rows of weights are packed in a call", {"weights_rows_at_once": 1}),
    Refinement(
        "weights channels at once",
        "several input channels of kernels are transposed in a call",
        {"weights_channels_at_once": 1},
    ),
    Refinement("wide panels", "panels of three vectors where two would leave one over", {"split_into_wide_panels": 0}),
    # Writing.
    Refinement("streaming", "results that outgrow the caches go around them", {"write_stream_share": _NEVER}),
    # channels_by_tile and channels_by_pixel.
    Refinement(
        "by_tile input in place", "that of a 1x1 kernel is not copied", {"channels_read_in_place": 0}, _CHANNELS
    ),
    Refinement(
        "by_tile conflicting channels",
        "a 1x1 kernel's input is copied where its channels lie a multiple of 4 KiB apart",
        {"channels_most_conflicting": _NEVER},
        _CHANNELS,
    ),
    Refinement(
        "by_tile small blocks, 1x1", "for a strip that holds all taps", {"by_tile_one_tap_fewest_pixels": 448}, _BY_TILE
    ),
    Refinement(
        "by_tile small blocks, strided",
        "whose next ones are prefetched",
        {"by_tile_strided_fewest_pixels": 448},
        _BY_TILE,
    ),
    Refinement(
        "by_tile one block", "of few pixels, over which many taps pass", {"by_tile_one_block_most_pixels": 0}, _BY_TILE
    ),
    Refinement(
        "by_tile transposed strip",
        "for short vectors, which wait for fewer lines of it",
        {"by_tile_transposed_strip_most_uses": 0},
        _BY_TILE,
    ),
    Refinement(
        "by_tile own weights",
        "each task packs its own where blocks are few",
        {"by_tile_own_weights_most_blocks": 0},
        _BY_TILE,
    ),
    Refinement(
        "by_tile short runs", "of own weights, for the first-level cache", {"by_tile_own_weights_run_taps": 0}, _BY_TILE
    ),
    Refinement(
        "by_tile packing on the way", "by the first tile that reads a panel", {"by_tile_packs_on_the_way": 0}, _BY_TILE
    ),
    Refinement(
        "by_tile prefetch, packing",
        "rows of weights that are packed on the way",
        {"by_tile_packing_prefetch_rows": 0},
        _BY_TILE,
    ),
    Refinement(
        "by_tile colliding rows",
        "shorter runs of weights that meet in few lines of a cache",
        {"by_tile_most_colliding_rows": _NEVER},
        _BY_TILE,
    ),
    Refinement("by_tile border", "is left out, part by part", {"by_tile_leaves_out_border": 0}, _BY_TILE),
    Refinement(
        "by_tile chunks",
        "sums are stored while they are in the first-level cache",
        {"by_tile_chunk_pixels": _NEVER},
        _BY_TILE,
    ),
    Refinement("by_tile prefetch, input", "the next block", {"by_tile_prefetches_input": 0}, _BY_TILE),
    Refinement(
        "by_tile prefetch, in place", "an input that is not copied", {"by_tile_prefetched_in_place_bytes": 0}, _BY_TILE
    ),
    Refinement("by_tile prefetch, results", "before they are stored", {"by_tile_far_results_bytes": _NEVER}, _BY_TILE),
    Refinement("by_tile prefetch, weights", "that a task packs next", {"by_tile_far_weights_bytes": _NEVER}, _BY_TILE),
    Refinement(
        "by_pixel small blocks, 1x1",
        "for a strip that holds all taps",
        {"by_pixel_one_tap_fewest_pixels": 448},
        _BY_PIXEL,
    ),
    Refinement("by_pixel prefetch, input", "the next block", {"by_pixel_far_input_bytes": _NEVER}, _BY_PIXEL),
    Refinement(
        "by_pixel prefetch, results",
        "pixels of few channels, before they are stored",
        {"by_pixel_prefetched_pixel_bytes": 0},
        _BY_PIXEL,
    ),
    # pixels_from_strip and pixel_rows.
    Refinement("strips in place", "blocks without a border need no strip", {"strips_in_place": 0}, _STRIPS),
    Refinement("strips prefetch, input", "the next block", {"strips_prefetch_input_share": _NEVER}, _STRIPS),
    Refinement(
        "strips prefetch, 1x1 input", "the next block, where it lies", {"strips_prefetch_1x1_bytes": _NEVER}, _STRIPS
    ),
    Refinement(
        "strips prefetch, results", "before they are stored", {"strips_prefetch_results_bytes": _NEVER}, _STRIPS
    ),
    Refinement(
        "from_strip runs",
        "of channels of a 1x1 kernel, for the first-level cache",
        {"from_strip_run_bytes": _NEVER, "from_strip_long_run_bytes": _NEVER},
        _STRIP,
    ),
    Refinement(
        "from_strip border", "rows of the kernel on it are left out", {"from_strip_least_border_rows": 2}, _STRIP
    ),
    Refinement(
        "from_strip prefetch in tiles",
        "what the next tile of a 1x1 kernel reads",
        {"from_strip_prefetches_in_tiles": 0},
        _STRIP,
    ),
    Refinement(
        "from_strip direct stores",
        "results that fill vectors need no buffer",
        {"from_strip_stores_directly": 0},
        _STRIP,
    ),
    Refinement("pixel_rows border", "rows of the kernel on it are left out", {"pixel_rows_leave_out_border": 0}, _ROWS),
    Refinement("pixel_rows direct stores", "whole vectors need no buffer", {"pixel_rows_store_directly": 0}, _ROWS),
    # columns.
    Refinement(
        "columns chunks", "of several channels, whose products are made together", {"columns_chunk_rows": 0}, _COLUMNS
    ),
    Refinement(
        "columns single tile", "whose block has as many pixels as it likes", {"columns_single_tile": 0}, _COLUMNS
    ),
    Refinement("columns in place", "a block of G serves as its own strip", {"columns_reads_in_place": 0}, _COLUMNS),
    Refinement("columns filled panels", "by the first tile that reads them", {"columns_fills_panels": 0}, _COLUMNS),
    Refinement("columns transposed G", "panels right out of an NHWC array", {"columns_transposes_grad": 0}, _COLUMNS),
    Refinement("columns packed vectors", "weights that lie in their order", {"columns_packs_vectors": 0}, _COLUMNS),
    Refinement("columns prefetch, dV", "before sums are stored", {"columns_prefetch_result_bytes": _NEVER}, _COLUMNS),
    Refinement(
        "columns prefetch, G", "the next block or run of channels", {"columns_prefetch_grad_bytes": _NEVER}, _COLUMNS
    ),
    Refinement(
        "columns rows together",
        "several rows of sums are added up at once",
        {"columns_sums_together_bytes": 0},
        _COLUMNS,
    ),
    Refinement(
        "columns transposed sums", "all channels of a row into an NHWC array", {"columns_transposes_sums": 0}, _COLUMNS
    ),
    Refinement("columns finer cuts", "more tasks than workers", {"columns_most_rounds": 1}, _COLUMNS),
    # pixels_from_panels.
    Refinement(
        "panels blocks of few taps",
        "more pixels in them, to write rows of results in longer pieces",
        {"panels_block_bytes": 0},
        _PANELS,
    ),
    Refinement("panels long runs", "of taps where pixels are few", {"panels_run_most_taps": 0}, _PANELS),
    Refinement("panels low tiles", "tiles of few taps store less at a time", {"panels_low_tile_rows": 14}, _PANELS),
    Refinement("panels in a call", "several panels of few taps", {"panels_call_taps": 1}, _PANELS),
    Refinement("panels in place", "blocks without a border need no strip", {"panels_read_in_place": 0}, _PANELS),
    Refinement(
        "panels transposed input",
        "panels of a 1x1 kernel right out of an NHWC input",
        {"panels_transpose_input": 0},
        _PANELS,
    ),
    Refinement(
        "panels tap by tap",
        "all panels of a 1x1 kernel are copied together, from end to end of a row",
        {"panels_copy_tap_by_tap": 0},
        _PANELS,
    ),
    Refinement("panels kept", "for the worker's next task", {"panels_kept_for_next_task": 0}, _PANELS),
    Refinement("panels filled, 1x1", "by the first tile that multiplies them", {"panels_fill_1x1": 0}, _PANELS),
    Refinement("panels filled, strip", "the same of other kernels", {"panels_fill_strip": 0}, _PANELS),
    Refinement(
        "panels not stored", "for a few tiles, which read the strip", {"panels_fill_strip_most_tiles": 0}, _PANELS
    ),
    Refinement(
        "panels prefetch, 1x1 input",
        "while others are multiplied",
        {"panels_prefetch_1x1_input_bytes": _NEVER},
        _PANELS,
    ),
    Refinement("panels prefetch, input", "the same of other kernels", {"panels_prefetch_input_bytes": _NEVER}, _PANELS),
    Refinement(
        "panels prefetch, first",
        "the first panel that is filled on the way",
        {"panels_prefetch_first_bytes": _NEVER},
        _PANELS,
    ),
    Refinement(
        "panels prefetch, NHWC results", "before they are stored", {"panels_prefetch_result_bytes": _NEVER}, _PANELS
    ),
    Refinement("panels prefetch, result rows", "that the next tile stores", {"panels_prefetch_rows": 0}, _PANELS),
    Refinement("panels streamed results", "large ones go around the caches", {"panels_streams_results": 0}, _PANELS),
    Refinement(
        "panels weights by tap",
        "those of an NHWC gradient are copied tap after tap",
        {"panels_copies_weights_by_tap": 0},
        _PANELS,
    ),
    Refinement(
        "panels weights by row",
        "rows a multiple of 4 KiB apart are copied",
        {"panels_copies_weights_by_row": 0},
        _PANELS,
    ),
    # channel_sums.
    Refinement(
        "channel_sums joined blocks",
        "tiles load and store their sums once for several blocks",
        {"channel_sums_joined_pixels": 0},
        _CHANNEL_SUMS,
    ),
    Refinement(
        "channel_sums in place",
        "an input that lies as a strip does is not copied",
        {"channel_sums_in_place": 0},
        _CHANNEL_SUMS,
    ),
    Refinement(
        "channel_sums border",
        "is left out, tap by tap",
        {"channel_sums_border": 1, "channel_sums_border_high_tiles": 1, "channel_sums_border_strided": 1},
        _CHANNEL_SUMS,
    ),
    Refinement(
        "channel_sums transposing",
        "an NHWC input of many channels",
        {"channel_sums_transposed_channels": _NEVER},
        _CHANNEL_SUMS,
    ),
    Refinement(
        "channel_sums conflicts",
        "channels that meet in one set of the cache are copied",
        {"channel_sums_conflicting_lines": _NEVER},
        _CHANNEL_SUMS,
    ),
    Refinement("channel_sums prefetch, G", "the next panel", {"channel_sums_prefetch_grad": _NEVER}, _CHANNEL_SUMS),
    Refinement(
        "channel_sums prefetch, input", "the next block", {"channel_sums_prefetch_input": _NEVER}, _CHANNEL_SUMS
    ),
    Refinement(
        "channel_sums prefetch, results",
        "rows of dK before they are stored",
        {"channel_sums_prefetch_results": _NEVER},
        _CHANNEL_SUMS,
    ),
    # pixel_sums.
    Refinement(
        "pixel_sums kernel rows",
        "rows of the kernel share the pixels that they load",
        {"pixel_sums_kernel_rows": 0},
        _PIXEL_SUMS,
    ),
    Refinement(
        "pixel_sums input in place",
        "blocks without a border need no strip",
        {"pixel_sums_input_in_place": 0},
        _PIXEL_SUMS,
    ),
    Refinement(
        "pixel_sums G in place",
        "G is not copied where its pixels are neighbors",
        {"pixel_sums_grad_in_place": 0},
        _PIXEL_SUMS,
    ),
    Refinement(
        "pixel_sums pieces",
        "tiles go over a piece of a channel before the next channels",
        {"pixel_sums_piece": _NEVER},
        _PIXEL_SUMS,
    ),
    Refinement(
        "pixel_sums transposing", "an NHWC G of many channels", {"pixel_sums_transposed_channels": _NEVER}, _PIXEL_SUMS
    ),
    Refinement("pixel_sums prefetch, G", "the next rows", {"pixel_sums_prefetch_grad": _NEVER}, _PIXEL_SUMS),
    Refinement("pixel_sums prefetch, input", "the next rows", {"pixel_sums_prefetch_input": _NEVER}, _PIXEL_SUMS),
)

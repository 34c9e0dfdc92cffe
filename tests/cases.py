"""Hand-picked layers, each for something that an implementation gets wrong."""

from __future__ import annotations

from problem import Problem, layer

_WIDTHS = (1, 2, 6, 7, 8, 12, 13, 14, 15, 16, 17, 28, 29, 33)
_CHANNELS = (
    *((1, 48), (48, 1), (2, 33), (33, 2), (3, 32), (32, 3), (8, 31), (31, 8)),
    *((15, 17), (17, 15), (16, 16), (3, 16), (16, 1), (1, 17), (8, 8), (2, 3)),
)

CASES: dict[str, Problem] = {
    "worked-example": layer((3, 3), (2, 2)),
    "one-dimensional-identity": layer((3,), (2,)),
    "single-element": layer((1, 1), (1, 1)),
    "kernel-is-input": layer((4, 5), (4, 5), (3, 2)),
    # Rows of every length: whole register tiles, one more, one less.
    **{f"width-{w}": layer((2, w), (3, 3), (3, 5), padding=1) for w in _WIDTHS},
    **{f"row-{w}-1x1": layer((1, w), (1, 1), (2, 17)) for w in (7, 15, 28, 33)},
    # Channels: whole vectors, one more, one less, on either side.
    **{f"channels-{c}-to-{o}": layer((3, 4), (3, 3), (c, o), padding=1) for c, o in _CHANNELS},
    "channels-48-to-48-1x1": layer((2, 3), (1, 1), (48, 48)),
    "channels-33-to-48-row": layer((7,), (3,), (33, 48), padding=1),
    # Stride: longer than the kernel (untouched inputs), shorter, equal, and with a remainder at the end.
    "stride-2": layer((7, 9), (3, 3), (3, 4), stride=2),
    "stride-2-even-input": layer((8, 8), (3, 3), (2, 3), stride=2, padding=1),
    "stride-2-1x1": layer((7, 8), (1, 1), (5, 6), stride=2),
    "stride-3-kernel-2": layer((10, 11), (2, 2), (3, 4), stride=3),
    "stride-2-kernel-2": layer((6, 8), (2, 2), (3, 4), stride=2),
    "stride-2-kernel-5": layer((11, 12), (5, 5), (2, 3), stride=2, padding=2),
    "stride-2-kernel-7": layer((15, 14), (7, 7), (3, 5), stride=2, padding=3),
    "stride-3-by-1": layer((9, 8), (3, 3), (2, 3), stride=(3, 1), padding=1),
    "stride-1-by-4": layer((5, 17), (2, 3), (2, 2), stride=(1, 4), padding=(0, 2)),
    "stride-larger-than-input": layer((3, 4), (2, 2), (2, 3), stride=9),
    "stride-remainder": layer((10, 13), (3, 3), (2, 2), stride=4),
    # Dilation, alone and with a stride that shares a factor with it (some residues then meet no tap at all).
    "dilation-2": layer((7, 8), (3, 3), (3, 4), dilation=2, padding=2),
    "dilation-2-by-3": layer((6, 9), (3, 3), (2, 3), dilation=(2, 3), padding=1),
    "dilation-6-aspp": layer((9, 8), (3, 3), (3, 4), dilation=6, padding=6),
    "dilation-larger-than-input": layer((3, 3), (2, 3), (2, 2), dilation=4, padding=4),
    "dilation-2-stride-2": layer((9, 10), (3, 3), (2, 3), dilation=2, stride=2, padding=1),
    "dilation-4-stride-2": layer((11, 12), (3, 2), (2, 3), dilation=4, stride=2, padding=2),
    "dilation-2-stride-4": layer((12, 13), (3, 3), (2, 3), dilation=2, stride=4, padding=3),
    "dilation-6-stride-4": layer((15, 16), (3, 2), (2, 2), dilation=6, stride=4, padding=3),
    "dilation-3-stride-2": layer((10, 11), (3, 3), (2, 2), dilation=3, stride=2, padding=2),
    # Padding: uneven, wider than the kernel (places that see only zeros), on one side.
    "padding-asymmetric": layer((5, 6), (3, 3), (2, 3), padding=((0, 1), (2, 0))),
    "padding-asymmetric-stride-2": layer((6, 7), (3, 4), (2, 3), padding=((1, 2), (0, 3)), stride=2),
    "padding-larger-than-kernel": layer((3, 4), (2, 2), (2, 3), padding=4),
    "padding-larger-than-kernel-stride-3": layer((3, 4), (2, 2), (2, 3), padding=((5, 3), (0, 7)), stride=3),
    "padding-larger-1x1": layer((2, 3), (1, 1), (3, 2), padding=2),
    # Rows of the kernel are left out with pixels as lanes: of grad_input, several images at a time, and of forward.
    "border-rows-grad-input": layer((14, 14), (5, 5), (6, 16), batch=6),
    "border-rows-groups": layer((9, 12), (4, 3), (6, 10), batch=5, padding=3, groups=2),
    "border-rows-more-than-kernel": layer((3, 5), (2, 3), (5, 3), batch=2, padding=((4, 3), (1, 1))),
    "padding-full": layer((4, 3), (3, 2), (2, 2), padding=((2, 2), (1, 1))),
    "padding-only-after": layer((4, 4), (3, 3), (2, 2), padding=((0, 5), (0, 6)), dilation=2),
    "empty-input-in-padding": layer((0, 3), (2, 2), (2, 3), padding=1),
    # Kernels of other forms.
    "kernel-1x7": layer((3, 12), (1, 7), (4, 5), padding=((0, 0), (3, 3))),
    "kernel-7x1": layer((12, 3), (7, 1), (4, 5), padding=((3, 3), (0, 0))),
    "kernel-2x3": layer((6, 7), (2, 3), (3, 4), padding=(1, 0)),
    "kernel-5x5": layer((7, 8), (5, 5), (2, 3), padding=2),
    "kernel-9x9": layer((9, 10), (9, 9), (1, 2), padding=4),
    "kernel-4x4-stride-2": layer((8, 9), (4, 4), (2, 3), stride=2, padding=1),
    "mnist-like": layer((14, 14), (5, 5), (1, 4), batch=2),
    # Groups: even, uneven ratios, depthwise, depthwise with a multiplier.
    "groups-2": layer((5, 6), (3, 3), (4, 6), groups=2, padding=1),
    "groups-3-widening": layer((4, 5), (3, 3), (3, 6), groups=3),
    "groups-4-narrowing": layer((4, 5), (3, 3), (8, 4), groups=4, padding=1),
    "groups-2-of-17": layer((3, 3), (2, 2), (34, 34), groups=2),
    "groups-stride-dilation": layer((9, 8), (3, 2), (4, 6), groups=2, stride=2, dilation=(1, 3), padding=2, batch=2),
    "depthwise": layer((5, 7), (3, 3), (17, 17), groups=17, padding=1),
    "depthwise-batch": layer((4, 4), (3, 3), (5, 5), groups=5, padding=1, batch=3),
    "depthwise-stride-2": layer((7, 8), (3, 3), (9, 9), groups=9, stride=2, padding=1),
    "depthwise-multiplier-2": layer((5, 5), (3, 3), (6, 12), groups=6, padding=1),
    "depthwise-7x7": layer((7, 8), (7, 7), (3, 3), groups=3, padding=3),
    # Rows that share what is under the kernel: with and without a border, short and long, over many channels.
    "depthwise-wide": layer((11, 37), (3, 3), (5, 5), groups=5, padding=1),
    "depthwise-5x5-no-padding": layer((9, 40), (5, 5), (3, 3), groups=3),
    "one-channel-dilation-2": layer((30, 17), (3, 3), (2, 1), dilation=2, padding=2),
    "one-channel-from-40": layer((20, 50), (3, 3), (40, 1), padding=1),
    # Panels of three vectors and of one, whose tiles take neighbors together; blocks of pixels that join.
    "channels-5-to-48": layer((6, 9), (3, 3), (5, 48), padding=1),
    "channels-3-to-16": layer((8, 28), (5, 5), (3, 16), padding=2),
    "channels-2-to-12-large": layer((40, 70), (3, 3), (2, 12)),
    "channels-3-to-560": layer((9, 9), (3, 3), (3, 560)),
    "channels-130-to-21-1x1": layer((15, 35), (1, 1), (130, 21), batch=2),
    "channels-700-to-6-1x1": layer((9, 32), (1, 1), (700, 6)),
    "channels-300-to-40-1x1": layer((7, 9), (1, 1), (300, 40), batch=2),
    "channels-150-to-3-1x1": layer((29, 41), (1, 1), (150, 3), batch=2),
    "channels-140-to-2-1x1-long-row": layer((1100,), (1,), (140, 2)),
    # All channels of some pixels at once where they are neighbors: several panels, a narrower last one, few channels.
    "channels-3-to-40": layer((9, 11), (3, 3), (3, 40), padding=1, batch=2),
    "channels-70-to-5-1x1": layer((9, 13), (1, 1), (70, 5)),
    "groups-2-of-20-stride-2": layer((11, 13), (3, 3), (8, 40), groups=2, stride=2, padding=1),
    "channels-70-to-20": layer((9, 10), (3, 3), (70, 20), padding=1, batch=2),
    # Patches: a stride of the kernel's size or more, with zeros between them and at the end.
    "patches-1x1-stride-2": layer((9, 34), (1, 1), (19, 33), stride=2, batch=2),
    "patches-2x2": layer((7, 38), (2, 2), (9, 6), stride=2),
    "patches-4x4": layer((13, 17), (4, 4), (5, 9), stride=4),
    "patches-4x4-stride-6": layer((19, 24), (4, 4), (4, 6), stride=6, groups=2),
    "patches-16x16": layer((33, 48), (16, 16), (1, 5), stride=16),
    "patches-3d": layer((5, 7, 9), (2, 3, 2), (3, 4), stride=(2, 3, 4)),
    # Batches.
    "batch-2": layer((4, 5), (3, 3), (3, 4), batch=2, padding=1),
    "batch-5-small-map": layer((2, 2), (2, 2), (4, 17), batch=5),
    # Blocks of several images, or of one, that grad_kernel takes together, with fewer left at the end.
    "batch-33-small-map": layer((4, 4), (2, 2), (7, 9), batch=33, padding=((1, 0), (0, 1))),
    "batch-5-map-of-a-block": layer((14, 14), (2, 2), (2, 9), batch=5, padding=((1, 0), (1, 0))),
    "batch-3-stride-dilation": layer((8, 9), (3, 3), (2, 3), batch=3, stride=2, dilation=2, padding=((1, 2), (3, 0))),
    # One spatial axis.
    "1d": layer((17,), (5,), (3, 4), batch=2),
    "1d-stride": layer((20,), (4,), (3, 5), stride=3, padding=((1, 2),)),
    "1d-dilation": layer((20,), (3,), (2, 17), dilation=4, padding=4, batch=2),
    "1d-stride-dilation": layer((23,), (4,), (4, 3), stride=2, dilation=4, padding=5),
    "1d-groups": layer((12,), (3,), (6, 4), groups=2, padding=1),
    "1d-depthwise": layer((15,), (3,), (8, 8), groups=8, padding=1),
    "1d-long-row": layer((200,), (3,), (1, 2), padding=1),
    # Three spatial axes.
    "3d": layer((4, 5, 6), (3, 3, 3), (2, 3), padding=1),
    "3d-kernel-2x1x3": layer((3, 4, 7), (2, 1, 3), (3, 4), batch=2),
    "3d-stride": layer((5, 6, 7), (2, 3, 2), (2, 3), stride=(1, 2, 3), padding=(0, 1, 2)),
    "3d-dilation": layer((5, 6, 8), (2, 3, 2), (2, 2), dilation=(2, 3, 4), padding=((1, 0), (3, 2), (0, 4))),
    "3d-stride-dilation": layer((6, 7, 8), (2, 3, 2), (1, 2), stride=(2, 2, 3), dilation=(2, 1, 3), padding=2),
    "3d-groups": layer((3, 4, 4), (2, 2, 2), (4, 4), groups=2, batch=2),
    "3d-depthwise": layer((3, 4, 5), (3, 3, 3), (4, 4), groups=4, padding=1),
    "3d-1x1x1": layer((2, 3, 4), (1, 1, 1), (17, 3)),
}

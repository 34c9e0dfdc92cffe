"""Families of small layers that between them use every size of register tile, whole and in part, on any kernel set."""

from __future__ import annotations

from collections.abc import Iterator

from problem import Problem, layer


def row_lengths() -> Iterator[Problem]:
    """Output rows of every length up to four of the longest vectors, and beyond at larger steps."""
    for width in (*range(1, 67), *range(67, 300, 29)):
        yield layer((2, width), (3, 3), (3, 9), padding=1)


def few_channels() -> Iterator[Problem]:
    """One to five channels on either side, with rows of many vectors and parts of one."""
    for channels in range(1, 6):
        for width in (1, 3, 7, 8, 9, 15, 16, 17, 24, 31, 33, 40, 47, 56, 64, 65, 79, 96, 112, 127, 129, 150):
            yield layer((3, width), (2, 3), (2, channels), padding=1)
            yield layer((3, width), (2, 3), (channels, 2), padding=1)


def channel_counts() -> Iterator[Problem]:
    """Every number of channels up to twice the longest vector, in and out."""
    for channels in range(1, 70):
        for other in (2, 17) if channels % 3 else (1, 3, 16, 37):
            yield layer((4, 5), (3, 2), (other, channels), padding=1)
            yield layer((4, 5), (3, 2), (channels, other), padding=1)


def tap_counts() -> Iterator[Problem]:
    """Every number of taps up to 40, for the tiles of grad_kernel."""
    for taps in range(1, 41):
        yield layer((taps + 4,), (taps,), (1, 3))
        yield layer((taps + 4,), (taps,), (2, 20), batch=2, padding=1)


def strides_and_dilations() -> Iterator[Problem]:
    """Every small kernel, stride and dilation, along rows and along columns."""
    for kernel in range(1, 8):
        for stride in range(1, 6):
            for dilation in range(1, 5):
                along_row = {"stride": (1, stride), "dilation": (1, dilation), "padding": (0, 2)}
                yield layer((4, 27), (1, kernel), (3, 18), **along_row)  # type: ignore[arg-type]
                along_column = {"stride": (stride, 1), "dilation": (dilation, 1), "padding": (2, 0)}
                yield layer((27, 4), (kernel, 1), (3, 18), **along_column)  # type: ignore[arg-type]


SWEEPS = {
    family.__name__: family for family in (row_lengths, few_channels, channel_counts, tap_counts, strides_and_dilations)
}

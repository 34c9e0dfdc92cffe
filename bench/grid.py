"""Shapes that span what layers are like, none taken from a network: where `python -m bench tune` measures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from convgrad._bench.layers import square

from .layers import Entry

# Input channels, output channels, groups.
Channels = tuple[int, int, int]


@dataclass(frozen=True)
class Grid:
    """Every combination of these that has between `least` and `most` FLOP and differs from the others."""

    channels: tuple[Channels, ...]
    kernels: tuple[int, ...]
    strides: tuple[int, ...]
    maps: tuple[int, ...]
    batches: tuple[int, ...]
    least: float = 2e6
    most: float = 1.2e9

    def entries(self) -> list[Entry]:
        """Make the layers, padded so that a stride of 1 keeps the size; their names are their sizes."""
        return list(self._entries())

    def _entries(self) -> Iterator[Entry]:
        axes = (self.channels, self.kernels, self.strides, self.maps, self.batches)
        for (inputs, outputs, groups), kernel, stride, size, batch in itertools.product(*axes):
            if kernel == 1 and groups == inputs == outputs:
                continue  # no network has it
            layer = square("", batch, inputs, size, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups)
            if self.least <= layer.flops <= self.most:
                yield Entry(replace(layer, name=str(layer)), "grid")


def _depthwise(*channels: int) -> tuple[Channels, ...]:
    return tuple((count, count, count) for count in channels)


FULL = Grid(
    channels=(
        *((1, 32, 1), (3, 32, 1), (3, 64, 1), (16, 16, 1), (24, 144, 1), (144, 24, 1), (32, 64, 1), (64, 64, 1)),
        *((64, 256, 1), (256, 64, 1), (128, 128, 1), (256, 256, 1), (512, 512, 1), (64, 1, 1)),
        *((128, 128, 32), (256, 256, 32), (256, 256, 4)),
        *_depthwise(32, 144, 512),
    ),
    kernels=(1, 3, 5, 7),
    strides=(1, 2),
    maps=(7, 14, 28, 56, 112),
    batches=(1, 4),
)

# At most two minutes' worth.
QUICK = Grid(
    channels=((3, 32, 1), (24, 144, 1), (64, 64, 1), (256, 128, 1), (128, 128, 32), *_depthwise(144)),
    kernels=(1, 3, 5),
    strides=(1, 2),
    maps=(7, 14, 28, 56),
    batches=(1,),
    most=4e8,
)

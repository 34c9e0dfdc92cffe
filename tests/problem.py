"""The sizes of one convolutional layer, as the tests pass them around: fully spelled out, hashable, self-describing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Problem:
    """One layer; every per-axis value is a tuple with one entry for each spatial axis."""

    batch: int
    in_channels: int
    out_channels: int
    groups: int
    input_size: Shape
    kernel_size: Shape
    stride: Shape
    padding: tuple[tuple[int, int], ...]
    dilation: Shape

    @property
    def spatial_rank(self) -> int:
        return len(self.input_size)

    @property
    def output_size(self) -> Shape:
        return tuple(
            (n + before + after - ((k - 1) * d + 1)) // s + 1
            for n, k, s, (before, after), d in zip(
                self.input_size, self.kernel_size, self.stride, self.padding, self.dilation, strict=True
            )
        )

    @property
    def input_shape(self) -> Shape:
        return (self.batch, self.in_channels, *self.input_size)

    @property
    def kernel_shape(self) -> Shape:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    @property
    def output_shape(self) -> Shape:
        return (self.batch, self.out_channels, *self.output_size)

    @property
    def multiplications(self) -> int:
        """Of each of the three passes, taps on padding counted."""
        return math.prod(self.output_shape) * math.prod(self.kernel_shape[1:])

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of the three passes."""
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}


def layer(
    input_size: Sequence[int],
    kernel_size: Sequence[int],
    channels: tuple[int, int] = (1, 1),
    *,
    batch: int = 1,
    groups: int = 1,
    stride: int | Shape = 1,
    padding: int | tuple[Any, ...] = 0,
    dilation: int | Shape = 1,
) -> Problem:
    """A Problem from the short forms: channels = (in, out), one int for all axes, one int for before and after."""
    rank = len(input_size)

    def spread(value: int | tuple[Any, ...]) -> tuple[Any, ...]:
        return value if isinstance(value, tuple) else (value,) * rank

    pairs = tuple(pad if isinstance(pad, tuple) else (pad, pad) for pad in spread(padding))
    return Problem(
        batch, *channels, groups, tuple(input_size), tuple(kernel_size), spread(stride), pairs, spread(dilation)
    )

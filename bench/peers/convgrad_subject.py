"""convgrad itself: what the others are measured against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import convgrad
from convgrad._bench.contenders import Convgrad

from .contender import Array, Layer, Layout, Operands, PassName, Prepared


class ChannelsLast(Convgrad):
    """convgrad with results that lie as V and G do; of itself it returns arrays in C order."""

    def prepare(self, layer: Layer, pass_name: PassName, operands: Operands) -> Prepared:
        """Bind the operands, and make a new array for every result but dK."""
        array, kernel, grad_output = operands
        options = layer.options
        empty_output, empty_input = _maker(grad_output), _maker(array)
        calls: dict[PassName, Callable[[], Any]] = {
            "forward": lambda: convgrad.forward(array, kernel, **options, out=empty_output()),
            "grad_input": lambda: convgrad.grad_input(
                grad_output, kernel, layer.input_size, **options, out=empty_input()
            ),
        }
        prepared = super().prepare(layer, pass_name, operands)
        return replace(prepared, run=calls.get(pass_name, prepared.run))


def _maker(like: Array) -> Callable[[], Array]:
    """A function that makes arrays that lie so, as quickly as NumPy can: tiny layers take no longer than that."""
    batch, channels, *size = like.shape
    shape, dtype, axes = (batch, *size, channels), like.dtype, (0, like.ndim - 1, *range(1, like.ndim - 1))
    empty = np.empty
    return lambda: empty(shape, dtype).transpose(axes)


def make(layout: Layout) -> Convgrad:
    """Make the contender; it reads and writes any layout in place."""
    return ChannelsLast() if layout == "nhwc" else Convgrad()

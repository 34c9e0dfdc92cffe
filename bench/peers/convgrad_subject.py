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
        calls: dict[PassName, Callable[[], Any]] = {
            "forward": lambda: convgrad.forward(array, kernel, **options, out=_empty_like(grad_output)),
            "grad_input": lambda: convgrad.grad_input(
                grad_output, kernel, layer.input_size, **options, out=_empty_like(array)
            ),
        }
        prepared = super().prepare(layer, pass_name, operands)
        return replace(prepared, run=calls.get(pass_name, prepared.run))


def _empty_like(array: Array) -> Array:
    last = np.empty(np.moveaxis(array, 1, -1).shape, array.dtype)
    return np.moveaxis(last, -1, 1)


def make(layout: Layout) -> Convgrad:
    """Make the contender; it reads and writes any layout in place."""
    return ChannelsLast() if layout == "nhwc" else Convgrad()

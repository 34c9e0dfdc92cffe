"""SciPy's `signal.correlate` and `signal.convolve`, where they apply: one image, one channel in and out, no steps.

They choose between sums and Fourier transforms on their own, and use one thread.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .contender import Array, Layer, Layout, Operands, PassName, Prepared, as_it_is, nothing_to_set


class SciPy:
    """SciPy; it copies what it needs, so that layouts are all one to it."""

    name = "scipy"

    def __init__(self) -> None:
        """Load SciPy's signal processing."""
        self._signal: Any = importlib.import_module("scipy.signal")

    def limit_threads(self, count: int) -> AbstractContextManager[None]:
        """Do nothing: one thread is used in any case."""
        del count
        return nothing_to_set()

    def prepare(self, layer: Layer, pass_name: PassName, operands: Operands) -> Prepared | None:
        """Bind the arrays without their axes of length 1; None where the layer is more than one correlation."""
        single = layer.batch == layer.in_channels == layer.out_channels == 1
        if not single or max(*layer.stride, *layer.dilation) > 1:
            return None
        array, kernel, grad_output = (operand[0, 0] for operand in operands)
        border = [(pad, pad) for pad in layer.padding]
        inside = tuple(slice(pad, pad + size) for pad, size in zip(layer.padding, layer.input_size, strict=True))
        correlate, convolve = self._signal.correlate, self._signal.convolve

        def padded() -> Array:
            return np.pad(array, border) if any(layer.padding) else array

        def shaped(result: Array) -> Array:
            return result[None, None]

        calls: dict[PassName, Callable[[], Array]] = {
            "forward": lambda: shaped(correlate(padded(), kernel, "valid")),
            "grad_kernel": lambda: shaped(correlate(padded(), grad_output, "valid")),
            "grad_input": lambda: shaped(convolve(grad_output, kernel, "full")[inside]),
        }
        arguments: dict[PassName, tuple[Array, Array, str]] = {
            "forward": (padded(), kernel, "valid"),
            "grad_kernel": (padded(), grad_output, "valid"),
            "grad_input": (grad_output, kernel, "full"),
        }
        return Prepared(calls[pass_name], as_it_is, self._signal.choose_conv_method(*arguments[pass_name]))


def make(layout: Layout) -> SciPy:
    """Make the contender."""
    del layout
    return SciPy()

"""What a contender is, how arrays reach it, and what the peers share."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import numpy as np

from convgrad._bench.contenders import Contender, Prepared, fastest
from convgrad._bench.layers import Array, Layer, Operands, PassName

Layout = Literal["nchw", "nhwc"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)


def arrange(operands: Operands, layout: Layout) -> Operands:
    """Give V and G the memory layout; their shapes stay (N, C, *size), and K stays as it is.

    Parameters
    ----------
    operands : Operands
        In C order.
    layout : {"nchw", "nhwc"}
        With "nhwc", channels are next to each other in memory.

    Returns
    -------
    Operands
        The same values.
    """
    if layout == "nchw":
        return operands
    return Operands(_channels_last(operands.input), operands.kernel, _channels_last(operands.grad_output))


def _channels_last(array: Array) -> Array:
    last: Array = np.ascontiguousarray(np.moveaxis(array, 1, -1))
    return np.moveaxis(last, -1, 1)


@contextmanager
def nothing_to_set() -> Generator[None]:
    """For libraries that were told their thread count before, by the environment or per prepared pass."""
    yield


def as_it_is(result: Any) -> Array:
    """For libraries that return NumPy arrays."""
    array: Array = result
    return array


__all__ = [
    "LAYOUTS",
    "Array",
    "Contender",
    "Layer",
    "Layout",
    "Operands",
    "PassName",
    "Prepared",
    "arrange",
    "as_it_is",
    "fastest",
    "nothing_to_set",
]

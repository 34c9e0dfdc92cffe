"""Arrays of every memory layout that strides can express, placed in a larger buffer of NaN.

NaN around an operand exposes reads of the wrong elements, NaN around an output exposes writes outside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from problem import FloatArray, Shape

Place: TypeAlias = Callable[[Shape, npt.DTypeLike], tuple[FloatArray, FloatArray]]


def _buffer(shape: Shape, dtype: npt.DTypeLike) -> FloatArray:
    return np.full(shape, np.nan, dtype)


def _contiguous(shape: Shape, dtype: npt.DTypeLike) -> tuple[FloatArray, FloatArray]:
    buffer = _buffer(shape, dtype)
    return buffer, buffer


def _transposed(shape: Shape, dtype: npt.DTypeLike) -> tuple[FloatArray, FloatArray]:
    """All axes in the opposite order (Fortran order; for a kernel, HWIO seen as OIHW with rows and columns swapped)."""
    buffer = _buffer(shape[::-1], dtype)
    return buffer.T, buffer


def _channels_last(shape: Shape, dtype: npt.DTypeLike) -> tuple[FloatArray, FloatArray]:
    """NHWC memory, NCHW view; of an unbatched array, some other rotation."""
    buffer = _buffer((shape[0], *shape[2:], shape[1]), dtype)
    return np.moveaxis(buffer, -1, 1), buffer


def _rows_swapped(shape: Shape, dtype: npt.DTypeLike) -> tuple[FloatArray, FloatArray]:
    """The last axis is not the one with unit stride, the axis before it is."""
    buffer = _buffer((*shape[:-2], shape[-1], shape[-2]), dtype)
    return np.swapaxes(buffer, -1, -2), buffer


def _sliced(shape: Shape, dtype: npt.DTypeLike) -> tuple[FloatArray, FloatArray]:
    """Every second element of every axis."""
    buffer = _buffer(tuple(2 * n + 1 for n in shape), dtype)
    return buffer[(slice(1, None, 2),) * len(shape)], buffer


def _channels_apart(shape: Shape, dtype: npt.DTypeLike) -> tuple[FloatArray, FloatArray]:
    """Every second channel of contiguous images, or every second input channel of a kernel."""
    buffer = _buffer((shape[0], 2 * shape[1] + 1, *shape[2:]), dtype)
    return buffer[:, 1::2], buffer


def _reversed(shape: Shape, dtype: npt.DTypeLike) -> tuple[FloatArray, FloatArray]:
    """Every axis runs backwards."""
    buffer = _buffer(shape, dtype)
    return buffer[(slice(None, None, -1),) * len(shape)], buffer


def _reversed_every_third(shape: Shape, dtype: npt.DTypeLike) -> tuple[FloatArray, FloatArray]:
    """The last axis runs backwards in steps of three, the first backwards."""
    buffer = _buffer((*shape[:-1], 3 * shape[-1]), dtype)
    return buffer[::-1, ..., ::-3], buffer


def _cut_out(shape: Shape, dtype: npt.DTypeLike) -> tuple[FloatArray, FloatArray]:
    """A box inside a larger array: rows are contiguous and further apart than they are long, and nothing is aligned."""
    buffer = _buffer(tuple(n + 3 for n in shape), dtype)
    return buffer[tuple(slice(1, 1 + n) for n in shape)], buffer


LAYOUTS: dict[str, Place] = {
    "contiguous": _contiguous,
    "transposed": _transposed,
    "channels-last": _channels_last,
    "rows-swapped": _rows_swapped,
    "sliced": _sliced,
    "channels-apart": _channels_apart,
    "reversed": _reversed,
    "reversed-every-third": _reversed_every_third,
    "cut-out": _cut_out,
}


def laid_out(array: FloatArray, layout: str) -> FloatArray:
    """The same numbers in another memory layout."""
    view, _ = LAYOUTS[layout](array.shape, array.dtype)
    view[...] = array
    return view


def assert_untouched_around(view: FloatArray, buffer: FloatArray) -> None:
    """Nothing but the elements of `view` was written; clears `view`."""
    view[...] = np.nan
    assert np.isnan(buffer).all(), "elements outside of `out` were written"


def constant_along(array: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    """A view of stride zero along these axes: their first element repeated."""
    first = array[tuple(slice(0, 1) if axis in axes else slice(None) for axis in range(array.ndim))]
    return np.broadcast_to(first, array.shape)

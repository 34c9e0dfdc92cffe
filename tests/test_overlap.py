"""`out` is refused exactly when it shares an element with an operand or with itself, for any strides."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

import convgrad as cg
from problem import FloatArray, Shape

LENGTH = 80


def places(shape: Shape, strides: Shape, first: int) -> list[int]:
    """The buffer index of every element."""
    return [
        first + sum(i * s for i, s in zip(index, strides, strict=True))
        for index in itertools.product(*map(range, shape))
    ]


def view(buffer: FloatArray, shape: Shape, strides: Shape, first: int) -> FloatArray:
    return as_strided(buffer[first:], shape, tuple(s * buffer.itemsize for s in strides))


@st.composite
def strided(draw: st.DrawFn, shape: Shape) -> tuple[Shape, int]:
    """Strides in elements, and the index of the first element, that stay inside the buffer."""
    reach = LENGTH - 1
    strides: list[int] = []
    low = high = 0
    for n in shape:
        room = (reach - (high - low)) // max(n - 1, 1)
        stride = draw(st.integers(-min(room, 12), min(room, 12)))
        strides.append(stride)
        low, high = low + min(stride * (n - 1), 0), high + max(stride * (n - 1), 0)
    return tuple(strides), draw(st.integers(-low, reach - high))


sizes = st.integers(1, 4)


@settings(max_examples=600)
@given(st.data(), sizes, sizes, st.integers(1, 5), st.integers(1, 5))
def test_refused_exactly_when_overlapping(
    data: st.DataObject, in_channels: int, out_channels: int, height: int, width: int
) -> None:
    buffer = np.arange(float(LENGTH))
    input_shape, output_shape = (in_channels, height, width), (out_channels, height, width)
    input_strides, input_first = data.draw(strided(input_shape))
    output_strides, output_first = data.draw(strided(output_shape))
    read, written = (
        places(input_shape, input_strides, input_first),
        places(output_shape, output_strides, output_first),
    )
    overlapping = len(set(written)) < len(written) or not set(read).isdisjoint(written)

    V, out = (
        view(buffer, input_shape, input_strides, input_first),
        view(buffer, output_shape, output_strides, output_first),
    )
    K = np.ones((out_channels, in_channels, 1, 1))
    before = buffer.copy()
    if overlapping:
        with pytest.raises(ValueError, match=r"out.*overlap"):
            cg.forward(V, K, out=out)
    else:
        cg.forward(V, K, out=out)
        before[written] = np.broadcast_to(before[read].reshape(input_shape).sum(axis=0), output_shape).ravel()
    np.testing.assert_array_equal(buffer, before)


def test_three_axes_that_meet_only_together() -> None:
    """Strides 3, 5, 7: elements coincide as 3 + 7 = 2 * 5 once the middle axis is long enough."""
    buffer = np.zeros(40)
    for middle, overlapping in ((2, False), (3, True)):
        shape = (2, middle, 2)
        V, K, out = np.ones(shape), np.ones((2, 2, 1, 1)), view(buffer, shape, (3, 5, 7), 0)
        assert overlapping == (len(set(places(shape, (3, 5, 7), 0))) < 4 * middle)
        if overlapping:
            with pytest.raises(ValueError, match=r"out.*overlap"):
                cg.forward(V, K, out=out)
        else:
            cg.forward(V, K, out=out)

"""`out` that overlaps an operand or itself is refused, and `out` keeps its numbers after any error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

import convgrad as cg
from problem import FloatArray


def refused(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"(?s)out.*overlap"):
        call()


def test_out_is_an_operand() -> None:
    V, K = np.ones((1, 3, 4, 4)), np.ones((3, 3, 1, 1))
    refused(lambda: cg.forward(V, K, out=V))
    refused(lambda: cg.grad_input(V, K, 4, out=V))
    refused(lambda: cg.grad_kernel(K, K, 1, out=K))
    assert (V == 1).all()
    assert (K == 1).all()


def test_out_overlaps_the_kernel_or_the_bias() -> None:
    buffer = np.ones(64)
    V, K = np.ones((1, 2, 3, 3)), buffer[:8].reshape(2, 1, 2, 2)
    out = buffer[7:25].reshape(1, 2, 3, 3)
    refused(lambda: cg.forward(V, K, out=out[..., :2, :2], groups=2))
    refused(lambda: cg.forward(V, np.ones((2, 2, 1, 1)), buffer[6:8], out=out))
    refused(lambda: cg.grad_input(np.ones((1, 2, 2, 2)), K, 3, groups=2, out=out))
    assert (buffer == 1).all()


def test_out_overlaps_by_one_element() -> None:
    buffer = np.ones(32)
    V, out = buffer[:16].reshape(1, 16), buffer[15:31].reshape(1, 16)
    refused(lambda: cg.forward(V, np.ones((1, 1, 1)), out=out))
    assert (buffer == 1).all()
    beside = buffer[16:32].reshape(1, 16)
    assert cg.forward(V, 2 * np.ones((1, 1, 1)), out=beside) is beside
    np.testing.assert_array_equal(buffer, np.repeat([1, 2], 16))


def test_out_overlaps_a_reversed_or_interleaved_operand() -> None:
    buffer = np.ones((1, 2, 17))
    K = np.ones((2, 2, 1))
    refused(lambda: cg.forward(buffer[..., ::-1], K, out=buffer))
    refused(lambda: cg.forward(buffer[..., :9], K, out=buffer[..., 8:]))
    refused(lambda: cg.forward(buffer[..., ::2], K, out=buffer[..., 8:]))
    refused(lambda: cg.forward(buffer[..., 0:12:2], K, out=buffer[..., 1:17:3]))
    assert (buffer == 1).all()


def test_out_on_the_other_elements_of_an_interleaved_buffer() -> None:
    """Not an overlap: even and odd elements."""
    buffer = np.ones((1, 2, 18))
    out = buffer[..., 1::2]
    assert cg.forward(buffer[..., ::2], 3 * np.ones((2, 2, 1)), out=out) is out
    np.testing.assert_array_equal(buffer, np.broadcast_to([1.0, 6.0] * 9, (1, 2, 18)))


@pytest.mark.parametrize("strides", [(0, 8, 8), (64, 8, 8), (8, 24, 16), (0, 0, 0), (40, -8, 8)])
def test_out_overlaps_itself(strides: tuple[int, ...]) -> None:
    """Two of its elements are one place in memory."""
    out = as_strided(np.full(100, 7.0)[40:], (2, 3, 5), strides)
    refused(lambda: cg.forward(np.ones((3, 5))[None].repeat(2, 0), np.ones((2, 2, 1, 1)), out=out))
    refused(lambda: cg.forward(np.ones((2, 2, 5)), np.ones((3, 2, 1)), out=out))
    assert (out == 7).all()


def test_out_with_stride_zero_on_an_axis_of_one_element() -> None:
    """Not an overlap."""
    out = as_strided(np.zeros(5), (1, 1, 5), (0, 0, 8))
    np.testing.assert_array_equal(cg.forward(np.ones((1, 2, 5)), np.ones((1, 2, 1)), out=out), 2)


def test_empty_out_overlaps_nothing() -> None:
    V = np.ones((0, 2, 5))
    assert cg.forward(V, np.ones((2, 2, 1)), out=V) is V


def test_out_stays_as_it_was_after_an_error() -> None:
    V, K, G = np.ones((2, 4, 9, 8)), np.ones((6, 4, 3, 3)), np.ones((2, 6, 7, 6))
    float32 = "float32"

    def keeps(shape: tuple[int, ...], call: Callable[[FloatArray], object]) -> None:
        out = np.arange(float(np.prod(shape))).reshape(shape)
        with pytest.raises((TypeError, ValueError)):
            call(out)
        np.testing.assert_array_equal(out, np.arange(float(np.prod(shape))).reshape(shape))

    keeps(G.shape, lambda out: cg.forward(V, K[:, :3], out=out))
    keeps(G.shape, lambda out: cg.forward(V, K, np.ones(5), out=out))
    keeps(G.shape, lambda out: cg.forward(V, K, np.ones(6, float32), out=out))
    keeps(G.shape, lambda out: cg.forward(V, K, stride=0, out=out))
    keeps(G.shape, lambda out: cg.forward(V, K, algorithm="none", out=out))  # type: ignore[arg-type]
    keeps(K.shape, lambda out: cg.grad_kernel(G[:1], V, 3, out=out))
    keeps(K.shape, lambda out: cg.grad_kernel(G.astype(float32), V, 3, out=out))
    keeps(K.shape, lambda out: cg.grad_kernel(G, V, 3, groups=3, out=out))
    keeps(V.shape, lambda out: cg.grad_input(G, K, (9, 9), out=out))
    keeps(V.shape, lambda out: cg.grad_input(G, K.astype(float32), (9, 8), out=out))
    keeps(V.shape, lambda out: cg.grad_input(G, K, (9, 8), dilation=2, out=out))


def test_float32_out_for_float64_operands_stays_as_it_was() -> None:
    out = np.full((2, 6, 7, 6), 7, "float32")
    with pytest.raises(TypeError):
        cg.forward(np.ones((2, 4, 9, 8)), np.ones((6, 4, 3, 3)), out=out)
    assert (out == 7).all()

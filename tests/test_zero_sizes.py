"""Sizes of zero, where the mathematics allows them: empty results, and sums of nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convgrad as cg
from expected import PASSES
from operands import integers
from passes import ALGORITHMS, DTYPES, run
from problem import FloatArray, Problem, layer

every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def results(problem: Problem, algorithm: Any, dtype: str) -> tuple[FloatArray, ...]:
    data = integers(problem).astype(dtype)
    return tuple(run(name, data, problem, algorithm=algorithm) for name in PASSES)


@every_algorithm
@every_dtype
def test_empty_batch(algorithm: Any, dtype: str) -> None:
    Z, dK, dV = results(layer((5, 6), (3, 3), (2, 4), batch=0), algorithm, dtype)
    assert Z.shape == (0, 4, 3, 4)
    np.testing.assert_array_equal(dK, np.zeros((4, 2, 3, 3)))
    assert dV.shape == (0, 2, 5, 6)


@every_algorithm
@every_dtype
def test_no_input_channels(algorithm: Any, dtype: str) -> None:
    """Z is the bias alone."""
    problem = layer((5, 6), (3, 3), (0, 4), batch=2)
    Z, dK, dV = results(problem, algorithm, dtype)
    np.testing.assert_array_equal(Z, np.broadcast_to(integers(problem).bias[:, None, None], (2, 4, 3, 4)))
    assert dK.shape == (4, 0, 3, 3)
    assert dV.shape == (2, 0, 5, 6)
    V, K = np.empty((2, 0, 5, 6), dtype), np.empty((4, 0, 3, 3), dtype)
    np.testing.assert_array_equal(cg.forward(V, K, algorithm=algorithm), np.zeros((2, 4, 3, 4)))


@every_algorithm
@every_dtype
@pytest.mark.parametrize("channels", [1, 5, 24, 70])
def test_no_input_channels_under_one_tap(algorithm: Any, dtype: str, channels: int) -> None:
    Z, dK, _ = results(layer((9, 11), (1, 1), (0, channels), batch=2), algorithm, dtype)
    assert np.ptp(Z, axis=(0, 2, 3)).max() == 0
    assert dK.shape == (channels, 0, 1, 1)


@every_algorithm
@every_dtype
def test_no_output_channels(algorithm: Any, dtype: str) -> None:
    Z, dK, dV = results(layer((5, 6), (3, 3), (2, 0), batch=2), algorithm, dtype)
    assert Z.shape == (2, 0, 3, 4)
    assert dK.shape == (0, 2, 3, 3)
    np.testing.assert_array_equal(dV, np.zeros((2, 2, 5, 6)))


@every_algorithm
@every_dtype
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [5, 40])
@pytest.mark.parametrize("kernel", [1, 3])
def test_gradient_of_no_output_channels_is_written(
    algorithm: Any, dtype: str, stride: int, size: int, kernel: int
) -> None:
    """Sums of nothing, whichever way a stride leads to them, whatever lay there before."""
    problem = layer((size, size), (kernel, kernel), (20, 0), stride=stride)
    dV = np.full(problem.input_shape, np.nan, dtype)
    run("grad_input", integers(problem).astype(dtype), problem, algorithm=algorithm, out=dV)
    np.testing.assert_array_equal(dV, np.zeros(problem.input_shape))


@every_algorithm
@every_dtype
def test_empty_image_within_padding(algorithm: Any, dtype: str) -> None:
    """The kernel meets padding only."""
    Z, dK, dV = results(layer((0, 4), (2, 2), (2, 3), padding=1), algorithm, dtype)
    assert Z.shape == (1, 3, 1, 5)
    np.testing.assert_array_equal(Z, np.broadcast_to(Z[:, :, :1, :1], Z.shape))
    np.testing.assert_array_equal(dK, np.zeros((3, 2, 2, 2)))
    assert dV.shape == (1, 2, 0, 4)


@every_algorithm
def test_zero_channels_with_groups(algorithm: Any) -> None:
    assert results(layer((4,), (2,), (0, 6), groups=3), algorithm, "float32")[1].shape == (6, 0, 2)


@every_algorithm
def test_output_is_overwritten_with_zeros(algorithm: Any) -> None:
    """A sum of nothing is zero, not what `out` held before."""
    out = np.full((4, 2, 3, 3), np.nan)
    cg.grad_kernel(np.empty((0, 4, 3, 4)), np.empty((0, 2, 5, 6)), 3, out=out, algorithm=algorithm)
    np.testing.assert_array_equal(out, 0)
    out = np.full((1, 2, 9, 9), np.nan)
    cg.grad_input(np.ones((1, 4, 1, 1)), np.ones((4, 2, 1, 1)), 9, stride=9, out=out, algorithm=algorithm)
    assert out[0, 0, 0, 0] == 4
    assert np.count_nonzero(out) == 2

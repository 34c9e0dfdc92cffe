"""The error bound that the library promises for every element of every result:

    |error| <= c * eps * sqrt(terms) * (|X| |K|)

with (|X| |K|) the same sum over absolute values, eps the spacing of the dtype at 1, and terms the length of the sum. c
is the algorithm's own, and asked of it.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

import convgrad as cg
from problem import FloatArray, Problem


@functools.cache
def error_constant(algorithm: Any) -> float:
    """What a plan of the algorithm says."""
    return cg.plan("forward", (1, 1, 1), (1, 1, 1), algorithm=algorithm).error_constant


def term_count(pass_name: str, problem: Problem) -> int:
    """How many products the longest sum of the pass has (and one more for a bias)."""
    taps = math.prod(problem.kernel_size)
    return {
        "forward": problem.in_channels // problem.groups * taps + 1,
        "grad_kernel": problem.batch * math.prod(problem.output_size),
        "grad_input": problem.out_channels // problem.groups * taps,
    }[pass_name]


def assert_within_bound(
    got: FloatArray, expected: FloatArray, magnitude: FloatArray, terms: int, algorithm: str = "auto"
) -> None:
    """Every element of `got` is as close to the float64 `expected` as the bound promises for the dtype of `got`."""
    assert got.shape == expected.shape
    assert np.isfinite(got).all()
    allowed = error_constant(algorithm) * np.finfo(got.dtype).eps * math.sqrt(max(terms, 1)) * magnitude
    error = np.abs(got.astype(np.float64) - expected)
    if (error > allowed).any():
        worst = np.unravel_index(np.argmax(error - allowed), error.shape)
        raise AssertionError(
            f"at {tuple(map(int, worst))}: got {got[worst]}, expected {expected[worst]}, allowed error {allowed[worst]}"
        )

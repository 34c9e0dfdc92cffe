"""Reference results of a problem, computed once and kept for all the dtypes, algorithms and layouts tried on it."""

from __future__ import annotations

import functools
from typing import NamedTuple

import by_taps
import operands
import reference
from operands import Operands
from problem import FloatArray, Problem

PASSES = ("forward", "grad_kernel", "grad_input")


class Expected(NamedTuple):
    """Float64 results of the three passes; forward with a bias."""

    forward: FloatArray
    grad_kernel: FloatArray
    grad_input: FloatArray


def by_loops(data: Operands, problem: Problem) -> Expected:
    """By reference.py."""
    return Expected(
        reference.forward(data.V, data.K, data.bias, problem),
        reference.grad_kernel(data.G, data.V, problem),
        reference.grad_input(data.G, data.K, problem),
    )


def by_matrices(data: Operands, problem: Problem) -> Expected:
    """By by_taps.py, for larger layers."""
    return Expected(
        by_taps.forward(data.V, data.K, data.bias, problem),
        by_taps.grad_kernel(data.G, data.V, problem),
        by_taps.grad_input(data.G, data.K, problem),
    )


@functools.cache
def of_integers(problem: Problem) -> tuple[Operands, Expected]:
    """Whole-number operands and the exact results."""
    data = operands.integers(problem)
    return data, by_loops(data, problem)


@functools.cache
def of_normals(problem: Problem) -> tuple[Operands, Expected, Expected]:
    """Real operands, the results, and the magnitudes (|X| |K|) for the error bound."""
    data = operands.normals(problem)
    return data, by_loops(data, problem), by_loops(data.absolute(), problem)

"""Numbers to convolve. Both kinds are exact in float32, so one reference result serves both dtypes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from problem import FloatArray, Problem


class Operands(NamedTuple):
    """What the passes of one problem read."""

    V: FloatArray
    K: FloatArray
    bias: FloatArray
    G: FloatArray

    def astype(self, dtype: npt.DTypeLike) -> Operands:
        return Operands(*(array.astype(dtype) for array in self))

    def absolute(self) -> Operands:
        return Operands(*(np.abs(array) for array in self))


def integers(problem: Problem, seed: int = 0) -> Operands:
    """Whole numbers so small that no sum of a test can round, whatever its order: results compare exactly."""
    generator = np.random.default_rng(seed)
    return _fill(problem, lambda shape: generator.integers(-3, 4, shape))


def normals(problem: Problem, seed: int = 0) -> Operands:
    """Normally distributed numbers, for the error bound."""
    generator = np.random.default_rng(seed)
    return _fill(problem, lambda shape: generator.standard_normal(shape, np.float32))


def _fill(problem: Problem, draw: Any) -> Operands:
    shapes = problem.input_shape, problem.kernel_shape, (problem.out_channels,), problem.output_shape
    return Operands(*(draw(shape).astype(np.float64) for shape in shapes))

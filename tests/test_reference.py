"""The oracles themselves: two independent forms of the equations agree exactly."""

from __future__ import annotations

import numpy as np
import pytest

import expected
import operands
from cases import CASES
from expected import PASSES


@pytest.mark.parametrize("name", CASES)
def test_loops_agree_with_matrices(name: str) -> None:
    problem = CASES[name]
    data, by_loops = expected.of_integers(problem)
    by_matrices = expected.by_matrices(data, problem)
    for pass_name in PASSES:
        np.testing.assert_array_equal(getattr(by_loops, pass_name), getattr(by_matrices, pass_name))


def test_operands_are_exact_in_float32() -> None:
    data = operands.normals(CASES["3d-groups"])
    assert all((array.astype(np.float32) == array).all() for array in data)
    assert len({array.ravel()[0] for array in data}) == len(data)

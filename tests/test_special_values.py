"""Infinities and nan reach exactly the results whose sums they are in, whatever a vector reads beside them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import expected
import operands
from expected import PASSES
from operands import Operands
from passes import ALGORITHMS, run
from problem import Problem, layer

LAYERS = (
    *(layer((3, width), (3, 3), (2, 3), padding=1) for width in (1, 2, 5, 7, 9, 15, 16, 17, 23, 31, 33, 40)),
    *(layer((4, 9), (2, 3), (c, o), batch=2) for c, o in ((1, 1), (3, 17), (16, 5), (17, 33))),
    layer((9, 20), (3, 3), (2, 3), stride=2, padding=((0, 2), (2, 1))),
    layer((8, 9), (3, 2), (4, 6), groups=2, dilation=2),
    layer((6, 18), (3, 3), (5, 5), groups=5, padding=1),
    layer((40,), (5,), (2, 3), stride=3, dilation=2),
    layer((4, 5, 6), (2, 3, 2), (2, 2), padding=1),
    # Whole rows of taps on the border, with output channels as lanes.
    layer((8, 7), (3, 3), (20, 40), padding=1),
    layer((13, 6), (3, 2), (36, 34), padding=((6, 6), (0, 0)), dilation=(6, 1)),
    layer((3, 5, 6), (3, 3, 1), (20, 33), padding=(1, 1, 0)),
    layer((31, 50), (3, 3), (16, 33), padding=1),
    # With pixels as lanes, in one of two groups.
    layer((6, 14), (3, 3), (6, 4), batch=3, padding=2, groups=2),
    # Columns and planes of them, over several images, with a stride and with dilation.
    layer((7, 7), (5, 5), (12, 33), batch=3, padding=2),
    layer((3, 4, 6), (3, 3, 3), (10, 33), batch=2, padding=1),
    layer((9, 11), (3, 3), (32, 33), stride=2, padding=1),
    layer((5, 13), (3, 3), (40, 33), padding=(2, 6), dilation=(2, 6)),
    # Images of which grad_kernel takes several blocks together.
    layer((4, 4), (2, 2), (7, 9), batch=33, padding=((1, 0), (0, 1))),
)
VALUES = (np.inf, -np.inf, np.nan)


def with_one_special(data: Operands, problem: Problem) -> Iterator[tuple[str, Operands]]:
    """One element of one operand at a time becomes infinite or nan: the first, the last, and two in between."""
    for slot in ("V", "K", "G"):
        size = getattr(data, slot).size
        for count, place in enumerate((0, size - 1, size // 3, 2 * size // 3)):
            array = getattr(data, slot).copy()
            array.flat[place] = VALUES[count % 3]
            yield slot, data._replace(**{slot: array})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values_stay_in_their_sums(algorithm: str, dtype: str) -> None:
    for problem in LAYERS:
        whole = operands.integers(problem)
        # No zeros among the partners: 0 * inf would be nan in one order of evaluation as in any other.
        data = Operands(*(np.where(array == 0, 1, array) for array in whole))
        for slot, special in with_one_special(data, problem):
            with np.errstate(invalid="ignore"):
                exact = expected.by_matrices(special, problem)
            for pass_name in PASSES:
                if pass_name == "grad_input" and slot == "K":
                    continue  # a border of zeros around G may meet the kernel, as the border of V does in forward
                got = run(pass_name, special.astype(dtype), problem, algorithm=algorithm)
                message = f"{pass_name}, special value in {slot}, {problem}"
                np.testing.assert_array_equal(got, getattr(exact, pass_name), err_msg=message)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_infinite_bias(algorithm: str) -> None:
    problem = layer((3, 20), (3, 3), (2, 19), padding=1)
    data = operands.integers(problem)
    data.bias[7] = np.inf
    got = run("forward", data, problem, algorithm=algorithm)
    assert np.isposinf(got[:, 7]).all()
    assert np.isfinite(np.delete(got, 7, axis=1)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tiny_numbers_are_kept(dtype: str) -> None:
    """Subnormal numbers are not flushed to zero."""
    tiny = np.finfo(dtype).smallest_subnormal
    problem = layer((3, 20), (1, 1), (1, 17))
    data = Operands(*(np.ones_like(array) for array in operands.integers(problem))).astype(dtype)
    for slot, pass_name in (("V", "forward"), ("K", "grad_input"), ("G", "grad_input")):
        small = data._replace(**{slot: getattr(data, slot) * tiny, "bias": data.bias * 0})
        results = run(pass_name, small, problem)
        np.testing.assert_array_equal(results, tiny * (17 if pass_name == "grad_input" else 1))

"""The forms that stride, padding, dilation and sizes may take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convgrad as cg
import operands
from expected import by_loops
from passes import ALGORITHMS
from problem import Problem, layer


class Index:
    """Anything with __index__ counts as an int."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


def check(problem: Problem, **options: Any) -> None:
    """All three passes with these options are those of the spelled-out problem."""
    data = operands.integers(problem)
    exact = by_loops(data, problem)
    options = {"groups": problem.groups, **options}
    kernel_size = options.pop("kernel_size", problem.kernel_size)
    input_size = options.pop("input_size", problem.input_size)
    np.testing.assert_array_equal(cg.forward(data.V, data.K, data.bias, **options), exact.forward)
    np.testing.assert_array_equal(cg.grad_kernel(data.G, data.V, kernel_size, **options), exact.grad_kernel)
    np.testing.assert_array_equal(cg.grad_input(data.G, data.K, input_size, **options), exact.grad_input)


@pytest.mark.parametrize(
    "two", [2, (2, 2), [2, 2], np.int64(2), np.array([2, 2]), (np.int32(2), 2), Index(2), (Index(2), 2)], ids=repr
)
def test_ints_and_sequences(two: Any) -> None:
    check(layer((7, 7), (2, 2), (2, 3), stride=2), stride=two)
    check(layer((7, 7), (2, 2), (2, 3), dilation=2), dilation=two)
    check(layer((7, 7), (2, 2), (2, 3), padding=2), padding=two)
    check(layer((7, 7), (2, 2), (2, 3)), kernel_size=two)
    check(layer((2, 2), (2, 1), (2, 3)), input_size=two)


@pytest.mark.parametrize("groups", [2, np.int64(2), Index(2)])
def test_groups(groups: Any) -> None:
    check(layer((4, 4), (2, 2), (4, 6), groups=2), groups=groups)


@pytest.mark.parametrize(
    ("rank", "padding", "pairs"),
    [
        (1, 3, ((3, 3),)),
        (1, (3,), ((3, 3),)),
        (1, ((1, 2),), ((1, 2),)),
        (1, [[1, 2]], ((1, 2),)),
        (2, 1, ((1, 1), (1, 1))),
        (2, (1, 2), ((1, 1), (2, 2))),
        (2, ((1, 2), (3, 0)), ((1, 2), (3, 0))),
        (2, [(1, 2), [3, 0]], ((1, 2), (3, 0))),
        (2, np.array([[1, 2], [3, 0]]), ((1, 2), (3, 0))),
        (3, (0, 1, 2), ((0, 0), (1, 1), (2, 2))),
        (3, ((0, 1), (2, 0), (1, 1)), ((0, 1), (2, 0), (1, 1))),
    ],
    ids=repr,
)
def test_padding_of_numbers(rank: int, padding: Any, pairs: tuple[tuple[int, int], ...]) -> None:
    check(layer((4,) * rank, (3,) * rank, (2, 2), padding=pairs), padding=padding)


def test_valid_is_no_padding() -> None:
    check(layer((6, 7), (3, 2), (2, 3), stride=2, dilation=2), padding="valid", stride=2, dilation=2)


def test_full_is_every_overlap() -> None:
    problem = layer((4, 5), (3, 2), (2, 3), padding=((4, 4), (3, 3)), dilation=(2, 3), stride=2)
    check(problem, padding="full", dilation=(2, 3), stride=2)
    plain = layer((4,), (3,), (1, 1), padding=2)
    assert plain.output_size == (6,)
    check(plain, padding="full")


@pytest.mark.parametrize("size", range(1, 10))
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_divides_the_size_by_the_stride(size: int, stride: int) -> None:
    """Output size ceil(input / stride), the odd element after."""
    for kernel in (1, 2, 3, 4):
        for dilation in (1, 2):
            output = -(-size // stride)
            total = max(0, (output - 1) * stride + (kernel - 1) * dilation + 1 - size)
            padding = ((total // 2, total - total // 2),)
            problem = layer((size,), (kernel,), (2, 3), stride=stride, dilation=dilation, padding=padding)
            assert problem.output_size == (output,)
            check(problem, padding="same", stride=stride, dilation=dilation)


def test_same_differs_between_axes() -> None:
    problem = layer((7, 8), (3, 4), (2, 3), stride=(2, 3), padding=((1, 1), (1, 1)))
    assert problem.output_size == (4, 3)
    check(problem, padding="same", stride=(2, 3))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_border_is_zeros_as_pad_adds_them(algorithm: Any, dtype: str) -> None:
    """Zeros are multiplied too: an infinite weight that meets one gives nan, as with numpy.pad."""
    generator = np.random.default_rng(0)
    V, K, G = (generator.standard_normal(shape).astype(dtype) for shape in ((2, 3, 5, 6), (4, 3, 3, 3), (2, 4, 6, 7)))
    K[1, 2, 0, 0], K[2, 0, 1, 1], K[3, 1, 2, 2] = np.inf, np.nan, -np.inf
    V[0, 1, 2, 3] = np.inf
    G[1, 2, 0, 0] = np.inf
    border = ((1, 2), (2, 1))
    padded = np.pad(V, ((0, 0), (0, 0), *border))
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(
            cg.forward(V, K, padding=border, algorithm=algorithm), cg.forward(padded, K, algorithm=algorithm)
        )
        direct = cg.forward(padded, K, algorithm="reference")
        np.testing.assert_array_equal(np.isnan(cg.forward(V, K, padding=border, algorithm=algorithm)), np.isnan(direct))
        np.testing.assert_array_equal(
            cg.grad_kernel(G, V, 3, padding=border, algorithm=algorithm),
            cg.grad_kernel(G, padded, 3, algorithm=algorithm),
        )

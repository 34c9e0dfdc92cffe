"""Generated problems: any rank, batch, channels, groups, kernel, stride, dilation, padding and memory layout."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import convgrad as cg
import expected
import operands
import reference
from bound import assert_within_bound, term_count
from expected import PASSES
from layouts import LAYOUTS, assert_untouched_around, constant_along, laid_out
from operands import Operands
from passes import ALGORITHMS, DTYPES, result_shape, run
from problem import FloatArray, Problem

MOST_MULTIPLICATIONS = 15_000


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Layers small enough for plain loops whose kernel fits into the padded input; a few of their sizes may be 0."""
    rank = draw(st.integers(1, 3))
    largest = {1: 24, 2: 7, 3: 3}[rank]
    per_axis = [draw(axes(largest)) for _ in range(rank)]
    input_size, kernel_size, stride, padding, dilation = zip(*per_axis, strict=True)
    groups = draw(st.integers(1, 3))
    channels = st.one_of(st.integers(1, 4), st.sampled_from([0, 7, 8, 15, 16, 17]))
    in_channels, out_channels = draw(channels) * groups, draw(channels) * groups
    batch = draw(st.integers(0, 3))
    problem = Problem(batch, in_channels, out_channels, groups, input_size, kernel_size, stride, padding, dilation)
    while problem.multiplications > MOST_MULTIPLICATIONS:
        in_channels, out_channels = (max(c // 2 // groups, 1) * groups for c in (in_channels, out_channels))
        smaller = Problem(1, in_channels, out_channels, groups, input_size, kernel_size, stride, padding, dilation)
        if smaller == problem:
            break
        problem = smaller
    return problem


@st.composite
def axes(draw: st.DrawFn, largest: int) -> Any:
    """Input size, kernel size, stride, padding and dilation of one axis."""
    kernel, stride, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    padding = draw(st.tuples(st.integers(0, 5), st.integers(0, 5)))
    smallest = max((kernel - 1) * dilation + 1 - sum(padding), 0)
    return smallest + draw(st.integers(0, largest)), kernel, stride, padding, dilation


layout = st.sampled_from(sorted(LAYOUTS))
seeds = st.integers(0, 2**32 - 1)
algorithms = st.sampled_from(ALGORITHMS)
dtypes = st.sampled_from(DTYPES)


def relaid(data: Operands, layouts: list[str]) -> Operands:
    """All operands but the bias, which has one axis, in these layouts."""
    V, K, G = (laid_out(array, name) for array, name in zip((data.V, data.K, data.G), layouts, strict=True))
    return Operands(V, K, data.bias[::-1].copy()[::-1], G)


@settings(max_examples=150)
@given(problems(), seeds, dtypes, algorithms, st.lists(layout, min_size=3, max_size=3), layout)
def test_integers_exactly_in_any_layout(
    problem: Problem, seed: int, dtype: str, algorithm: str, layouts: list[str], out_layout: str
) -> None:
    exact_data = operands.integers(problem, seed)
    exact = expected.by_loops(exact_data, problem)
    data = relaid(exact_data.astype(dtype), layouts)
    for pass_name in PASSES:
        out, buffer = LAYOUTS[out_layout](result_shape(pass_name, problem), dtype)
        assert run(pass_name, data, problem, out=out, algorithm=algorithm) is out
        np.testing.assert_array_equal(out, getattr(exact, pass_name), err_msg=pass_name)
        assert_untouched_around(out, buffer)


@settings(max_examples=100)
@given(problems(), seeds, dtypes, algorithms)
def test_error_bound(problem: Problem, seed: int, dtype: str, algorithm: str) -> None:
    data = operands.normals(problem, seed)
    exact = expected.by_loops(data, problem)
    magnitude = expected.by_loops(data.absolute(), problem)
    for pass_name in PASSES:
        got = run(pass_name, data.astype(dtype), problem, algorithm=algorithm)
        terms = term_count(pass_name, problem)
        assert_within_bound(got, getattr(exact, pass_name), getattr(magnitude, pass_name), terms, algorithm)


@settings(max_examples=60)
@given(problems(), seeds, algorithms, st.data())
def test_broadcast_operands(problem: Problem, seed: int, algorithm: str, choice: st.DataObject) -> None:
    """Strides of zero: some axes of every operand repeat their first element."""

    def repeat(array: FloatArray) -> FloatArray:
        return constant_along(array, tuple(choice.draw(st.sets(st.integers(0, array.ndim - 1)))))

    data = Operands(*map(repeat, operands.integers(problem, seed)))
    exact = expected.by_loops(data, problem)
    for pass_name in PASSES:
        got = run(pass_name, data, problem, algorithm=algorithm)
        np.testing.assert_array_equal(got, getattr(exact, pass_name), err_msg=pass_name)


@settings(max_examples=60)
@given(problems(), seeds, layout, dtypes)
def test_bias_gradient(problem: Problem, seed: int, name: str, dtype: str) -> None:
    G = operands.integers(problem, seed).G.astype(dtype)
    got = cg.grad_bias(laid_out(G, name), spatial_rank=problem.spatial_rank)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, reference.grad_bias(G, problem))

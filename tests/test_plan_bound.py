"""The bound on extra memory, for generated layers of any size: the plan alone, nothing runs."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import convgrad as cg
from expected import PASSES
from problem import Problem
from test_plan import packed_weights


@st.composite
def large_problems(draw: st.DrawFn) -> Problem:
    """Up to millions of elements along an axis, thousands of channels, kernels or strides as long."""
    rank = draw(st.integers(1, 3))
    sizes = st.one_of(st.integers(1, 12), st.integers(1, {1: 3_000_000, 2: 2_000, 3: 150}[rank]))
    small = st.one_of(st.integers(1, 5), st.integers(1, 300))
    axes: list[tuple[Any, ...]] = []
    for _ in range(rank):
        kernel = draw(st.one_of(small, sizes))
        # grad_input plans a correlation for every residue of the stride that a tap meets.
        stride = draw(st.one_of(small, sizes) if kernel <= 300 else small)
        dilation = draw(st.one_of(st.just(1), small))
        before, after = draw(st.integers(0, 9)), draw(st.integers(0, 9))
        smallest = max((kernel - 1) * dilation + 1 - before - after, 0)
        axes.append((smallest + draw(sizes), kernel, stride, (before, after), dilation))
    groups = draw(st.one_of(st.just(1), st.integers(1, 64)))
    channels = st.one_of(st.integers(1, 64), st.integers(1, 1024))
    counts = draw(channels) * groups, draw(channels) * groups
    problem = Problem(draw(st.integers(1, 64)), *counts, groups, *map(tuple, zip(*axes, strict=True)))
    shapes = (problem.input_shape, problem.kernel_shape, problem.output_shape)
    assume(max(map(math.prod, shapes)) <= 2**59)  # more is refused: test_overflow.py
    return problem


@settings(max_examples=300)
@example(Problem(1, 1, 1, 1, (2**21,), (2**20,), (1,), ((0, 0),), (1,)), "float32", 1)
@example(Problem(1, 1, 1, 1, (8, 2**20), (3, 2**19), (1, 1), ((0, 0), (0, 0)), (1, 1)), "float32", 3)
@example(Problem(1, 1, 90, 1, (3, 2**20), (1, 2**19), (1, 1), ((0, 0), (0, 0)), (1, 1)), "float64", 2)
@example(Problem(1, 2, 833, 1, (28000,), (2,), (4,), ((1, 1),), (1,)), "float64", 1)
@example(Problem(1, 256, 512, 1, (372, 426), (2, 1), (1, 4), ((0, 0), (0, 0)), (1, 1)), "float32", 1)
@example(Problem(29, 33, 528, 33, (2, 161), (1, 160), (1, 1), ((0, 0), (0, 0)), (1, 1)), "float64", 1)
@given(large_problems(), st.sampled_from(["float32", "float64"]), st.integers(1, 9))
def test_workspace_is_packed_weights_and_two_mebibytes_a_thread(problem: Problem, dtype: str, threads: int) -> None:
    cg.set_num_threads(threads)
    for pass_name in PASSES:
        plan = cg.plan(
            pass_name,  # type: ignore[arg-type]
            problem.input_shape,
            problem.kernel_shape,
            dtype=dtype,
            **problem.options,
        )
        itemsize = 4 if dtype == "float32" else 8
        allowed = packed_weights(problem, pass_name, itemsize) + threads * 2 * 2**20
        assert plan.workspace_bytes <= allowed, (pass_name, plan)

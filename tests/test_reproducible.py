"""The same bits for any number of threads, memory layout and batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import convgrad as cg
import operands
from cases import CASES
from convgrad import _core
from expected import PASSES
from operands import Operands
from passes import ALGORITHMS, DTYPES, run
from problem import FloatArray, Problem, layer

# Beside the small cases, enough work that several threads get some.
PROBLEMS: dict[str, Problem] = {
    "wide": layer((40, 56), (3, 3), (16, 40), batch=3, padding=1),
    "strided": layer((45, 44), (5, 5), (6, 33), batch=2, stride=2, padding=2),
    "channels": layer((7, 7), (3, 3), (130, 200), batch=5, padding=1),
    "pointwise": layer((20, 21), (1, 1), (70, 90), batch=4),
    "depthwise": layer((30, 31), (3, 3), (20, 20), batch=3, groups=20, padding=1),
    "groups": layer((30, 31), (3, 3), (32, 32), batch=3, groups=4, padding=1),
    "many-pixels": layer((200, 150), (3, 3), (2, 3), batch=2, padding=1),
    "row": layer((9_001,), (7,), (3, 20), batch=2, dilation=3),
    "volume": layer((9, 10, 11), (3, 3, 3), (5, 18), batch=2, padding=1),
    "patches": layer((96, 97), (8, 8), (3, 40), stride=8),
    "few-channels": layer((150, 140), (5, 5), (2, 24), padding=2),
    "strided-row": layer((20_001,), (10,), (1, 500), stride=5),
    "few-channels-volume": layer((10, 40, 41), (3, 3, 3), (2, 20), padding=1),
    **{name: CASES[name] for name in ("worked-example", "width-33", "stride-3-kernel-2", "1d-stride", "3d-dilation")},
}

every_problem = pytest.mark.parametrize("name", PROBLEMS)
every_pass = pytest.mark.parametrize("pass_name", PASSES)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def channels_last(data: Operands) -> Operands:
    """NHWC memory seen as NCHW, and kernels in HWIO memory seen as OIHW."""
    order = (*range(2, data.K.ndim), 1, 0)
    kernel = np.ascontiguousarray(data.K.transpose(order)).transpose(np.argsort(order))
    return Operands(with_channels_last(data.V), kernel, data.bias, with_channels_last(data.G))


def with_channels_last(array: FloatArray) -> FloatArray:
    """The same array with its second axis innermost in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1)


@every_problem
@every_pass
@every_dtype
def test_threads(name: str, pass_name: str, dtype: str) -> None:
    problem = PROBLEMS[name]
    data = operands.normals(problem).astype(dtype)
    for algorithm in ALGORITHMS if problem.multiplications < 1_000_000 else ("auto", "gemm"):
        results = []
        for threads in (1, 2, 3, 5):
            cg.set_num_threads(threads)
            results.append(run(pass_name, data, problem, algorithm=algorithm))
        for other in results[1:]:
            np.testing.assert_array_equal(other, results[0])


@every_problem
@every_pass
@every_dtype
def test_channels_last_views(name: str, pass_name: str, dtype: str) -> None:
    problem = PROBLEMS[name]
    data = operands.normals(problem).astype(dtype)
    plain = run(pass_name, data, problem)
    np.testing.assert_array_equal(run(pass_name, channels_last(data), problem), plain)
    out = with_channels_last(np.empty_like(plain))
    np.testing.assert_array_equal(run(pass_name, data, problem, out=out), plain)


@every_problem
@every_dtype
@pytest.mark.parametrize("pass_name", ["forward", "grad_input"])
def test_one_image_alone_or_in_a_batch(name: str, dtype: str, pass_name: str) -> None:
    problem = replace(PROBLEMS[name], batch=3)
    data = operands.normals(problem).astype(dtype)
    together = run(pass_name, data, problem)
    for image in range(problem.batch):
        one = data._replace(V=data.V[image : image + 1], G=data.G[image : image + 1])
        alone = run(pass_name, one, replace(problem, batch=1))
        np.testing.assert_array_equal(alone[0], together[image])


@every_dtype
@pytest.mark.parametrize("pass_name", ["forward", "grad_input"])
@pytest.mark.parametrize("channels", [(16, 16), (1, 9), (130, 260)])
@pytest.mark.parametrize("size", [(3, 3), (7, 7), (10, 9), (14,)], ids=str)
@pytest.mark.parametrize(("kernel", "stride"), [(1, 2), (3, 1), (3, 2), (4, 2), (5, 3)])
def test_one_small_image_alone_or_among_many(
    kernel: int, stride: int, size: tuple[int, ...], channels: tuple[int, int], pass_name: str, dtype: str
) -> None:
    """Where it would pay to choose by the number of pixels of all images together."""
    problem = layer(size, (kernel,) * len(size), channels, batch=40, stride=stride, padding=kernel // 2)
    data = operands.normals(problem).astype(dtype)
    together = run(pass_name, data, problem)
    for batch in (1, 2, 9):
        some = data._replace(V=data.V[:batch], G=data.G[:batch])
        np.testing.assert_array_equal(run(pass_name, some, replace(problem, batch=batch)), together[:batch])


@every_problem
@every_pass
@every_dtype
def test_alignment(name: str, pass_name: str, dtype: str) -> None:
    """Operands that start at any multiple of their element size."""
    problem = PROBLEMS[name]
    data = operands.normals(problem).astype(dtype)

    def shifted(array: FloatArray, by: int) -> FloatArray:
        buffer = np.empty(array.size + by, array.dtype)
        buffer[by:] = array.ravel()
        return buffer[by:].reshape(array.shape)

    plain = run(pass_name, data, problem)
    for by in (1, 3):
        moved = Operands(*(shifted(array, by) for array in data))
        np.testing.assert_array_equal(run(pass_name, moved, problem), plain)


@every_problem
@every_pass
def test_again(name: str, pass_name: str) -> None:
    """Nothing is left behind by one call that the next could see."""
    problem = PROBLEMS[name]
    data = operands.normals(problem).astype("float32")
    first = run(pass_name, data, problem)
    run(pass_name, Operands(*(np.full_like(array, np.nan) for array in data)), problem)
    np.testing.assert_array_equal(run(pass_name, data, problem), first)


@pytest.mark.parametrize("pass_name", PASSES)
def test_plan_does_not_depend_on_threads(pass_name: Any) -> None:
    for problem in PROBLEMS.values():
        chosen = set()
        for threads in (1, 2, 5):
            cg.set_num_threads(threads)
            plan = cg.plan(pass_name, problem.input_shape, problem.kernel_shape, **problem.options)
            chosen.add((plan.algorithm, plan.isa, plan.output_shape, plan.flops))
        assert len(chosen) == 1


@pytest.mark.skipif(_core.isa() == "baseline", reason="the baseline has no fused multiply-add")
@pytest.mark.parametrize("pass_name", PASSES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_multiply_and_add_round_once(pass_name: str, dtype: str) -> None:
    """(1 + e)^2 - (1 + 2e) is e^2 if the product is added as it is, and 0 if it is rounded before.

    Either of the two products may be the first, so both orders are tried.
    """
    e = 2.0**-13 if dtype == "float32" else 2.0**-27
    # The layer, and which axes of which operands the pass sums over.
    problem, left, left_axis, right, right_axis = {
        "forward": (layer((1, 40), (1, 1), (2, 20)), "V", 1, "K", 1),
        "grad_kernel": (layer((1, 2), (1, 1), (40, 20)), "G", 3, "V", 3),
        "grad_input": (layer((1, 40), (1, 1), (20, 2)), "G", 1, "K", 0),
    }[pass_name]
    results = set()
    for first, second in ((0, 1), (1, 0)):
        data = operands.integers(problem).astype(dtype)
        data.bias[:] = 0
        for name, axis, values in ((left, left_axis, (-(1 + 2 * e), 1 + e)), (right, right_axis, (1, 1 + e))):
            along = np.moveaxis(getattr(data, name), axis, 0)
            along[first], along[second] = values
        results |= set(np.unique(run(pass_name, data, problem)).tolist())
    assert e * e in results
    assert results <= {0.0, e * e}

"""What plan() says: shapes, algorithm, work, and the bound on extra memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import convgrad as cg
from cases import CASES
from convgrad import _core
from expected import PASSES
from passes import DTYPES, result_shape
from problem import Problem, layer

every_pass = pytest.mark.parametrize("pass_name", PASSES)

# From the tables of well-known networks, and the large image that any stored im2col matrix would sink.
LAYERS = {
    "worked-example": layer((3, 3), (2, 2)),
    "mnist": layer((28, 28), (5, 5), (1, 32), batch=32),
    "cifar": layer((32, 32), (3, 3), (32, 64), batch=32, padding=1),
    "resnet-conv1": layer((224, 224), (7, 7), (3, 64), batch=4, stride=2, padding=3),
    "resnet-56": layer((56, 56), (3, 3), (64, 64), batch=4, padding=1),
    "resnet-7": layer((7, 7), (3, 3), (512, 512), batch=4, padding=1),
    "resnet-1x1": layer((14, 14), (1, 1), (1024, 256), batch=4),
    "resnet-1x1-stride-2": layer((56, 56), (1, 1), (256, 512), batch=4, stride=2),
    "vgg": layer((56, 56), (3, 3), (256, 256), padding=1),
    "aspp": layer((33, 33), (3, 3), (256, 256), dilation=6, padding=6),
    "mobilenet-depthwise": layer((56, 56), (3, 3), (144, 144), batch=4, groups=144, padding=1),
    "resnext": layer((56, 56), (3, 3), (128, 128), batch=4, groups=32, padding=1),
    "kernel-31": layer((128, 128), (31, 31), (8, 8), padding=15),
    "large-image": layer((1024, 1024), (9, 9), (64, 64), padding=4),
    "large-image-kernel-31": layer((4096, 4096), (31, 31), (8, 8), padding=15),
    "large-image-stride-4": layer((4096, 4096), (11, 11), (3, 96), stride=4),
    "very-long-row": layer((10_000_000,), (101,), (2, 16), padding=50),
    "volume": layer((128, 256, 256), (5, 5, 5), (8, 16), padding=2),
    "stride-beyond-kernel": layer((3_000_000,), (3,), (64, 64), stride=100_000),
    "stride-beyond-input": layer((5, 4), (2, 3), (3, 4), stride=2**40),
    "dilation-beyond-strip": layer((3_000_000,), (3,), (64, 64), dilation=1_000_000),
    "kernel-is-long": layer((3_000_000,), (1_000_000,), (2, 2)),
    "large-batch": layer((32, 32), (3, 3), (16, 16), batch=4096, padding=1),
}


def plan_of(pass_name: Any, problem: Problem, **options: Any) -> Any:
    return cg.plan(pass_name, problem.input_shape, problem.kernel_shape, **problem.options, **options)


@every_pass
@pytest.mark.parametrize("name", CASES)
def test_fields(name: str, pass_name: str) -> None:
    problem = CASES[name]
    plan = plan_of(pass_name, problem)
    assert plan.output_shape == result_shape(pass_name, problem)
    assert plan.flops == 2 * problem.multiplications
    assert plan.algorithm in ("gemm", "reference")
    assert plan.isa == _core.isa()
    assert 1 <= plan.threads <= cg.get_num_threads()
    assert plan.workspace_bytes >= 0


@every_pass
def test_unbatched(pass_name: str) -> None:
    problem = layer((5, 6), (3, 3), (2, 4))
    plan = cg.plan(pass_name, problem.input_shape[1:], problem.kernel_shape)  # type: ignore[arg-type]
    expected = result_shape(pass_name, problem)
    assert plan.output_shape == (expected if pass_name == "grad_kernel" else expected[1:])


@every_pass
def test_padding_names(pass_name: str) -> None:
    problem = layer((7, 8), (3, 3), (2, 4), padding=1)
    plan = cg.plan(pass_name, problem.input_shape, problem.kernel_shape, padding="same")  # type: ignore[arg-type]
    assert plan.output_shape == result_shape(pass_name, problem)


@every_pass
def test_dtype_forms(pass_name: str) -> None:
    """A name, a type or a dtype; float32 unless said."""
    problem = LAYERS["vgg"]
    sizes = []
    for dtype in ("float32", "float64"):
        forms = (dtype, np.dtype(dtype), getattr(np, dtype))
        (size,) = {plan_of(pass_name, problem, dtype=form).workspace_bytes for form in forms}
        sizes.append(size)
    assert plan_of(pass_name, problem).workspace_bytes == sizes[0]
    if pass_name != "grad_kernel":
        assert sizes[1] > sizes[0], "the packed weights of float64 take more"


@every_pass
@pytest.mark.parametrize("algorithm", ["gemm", "reference"])
def test_algorithm_that_is_asked_for(pass_name: str, algorithm: str) -> None:
    assert plan_of(pass_name, LAYERS["cifar"], algorithm=algorithm).algorithm == algorithm


@every_pass
def test_gemm_serves_a_dense_layer(pass_name: str) -> None:
    assert plan_of(pass_name, LAYERS["resnet-56"]).algorithm == "gemm"


@every_pass
def test_fields_are_read_only(pass_name: str) -> None:
    plan = plan_of(pass_name, LAYERS["cifar"])
    for field in ("algorithm", "output_shape", "flops", "workspace_bytes", "threads", "isa"):
        with pytest.raises(AttributeError):
            setattr(plan, field, None)


@every_pass
def test_repr_shows_the_fields(pass_name: str) -> None:
    plan = plan_of(pass_name, LAYERS["cifar"])
    for value in (plan.algorithm, plan.output_shape, plan.workspace_bytes, plan.isa):
        assert str(value) in repr(plan)


@every_pass
def test_threads_follow_the_setting(pass_name: str) -> None:
    cg.set_num_threads(1)
    assert plan_of(pass_name, LAYERS["vgg"]).threads == 1
    cg.set_num_threads(2)
    assert plan_of(pass_name, LAYERS["vgg"]).threads == 2


def packed_weights(problem: Problem, pass_name: str, itemsize: int) -> int:
    """Bytes of K with the channels that fill the vectors rounded up to 32 (whole vectors on any machine)."""
    taps = math.prod(problem.kernel_size)
    rows, columns = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    if pass_name == "grad_input":
        rows, columns = columns, rows
    return problem.groups * taps * rows * -(-columns // 32) * 32 * itemsize


@every_pass
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_workspace_is_packed_weights_and_two_mebibytes_a_thread(
    name: str, pass_name: str, dtype: str, threads: int
) -> None:
    cg.set_num_threads(threads)
    problem = LAYERS[name]
    plan = plan_of(pass_name, problem, dtype=dtype)
    itemsize = 4 if dtype == "float32" else 8
    assert plan.workspace_bytes <= packed_weights(problem, pass_name, itemsize) + threads * 2 * 2**20


@pytest.mark.parametrize("name", ["forwards", "", "Forward", "grad_bias"])
def test_unknown_pass(name: Any) -> None:
    with pytest.raises(ValueError, match=r"(?s)pass.*forward.*grad_kernel.*grad_input"):
        cg.plan(name, (1, 3, 3), (1, 1, 2, 2))


@pytest.mark.parametrize("dtype", ["int32", "float16", "complex64", bool, ">f4"])
def test_unknown_dtype(dtype: Any) -> None:
    with pytest.raises(TypeError, match="float32"):
        cg.plan("forward", (1, 3, 3), (1, 1, 2, 2), dtype=dtype)


@pytest.mark.parametrize(
    ("input_shape", "kernel_shape", "error", "fragment"),
    [
        ((1, 3, 3), (1, 2, 2, 2), ValueError, "2"),
        ((1, 3), (1, 1, 2, 2), ValueError, "input_shape"),
        ((1, 3, 3), (2, 2), ValueError, "kernel_shape"),
        ((1, 1, -3, 3), (1, 1, 2, 2), ValueError, "-3"),
        ((1, 3, 3.0), (1, 1, 2, 2), TypeError, "input_shape"),
        ((1, 3, 3), (1, True, 2, 2), TypeError, "kernel_shape"),
        (3, (1, 1, 2, 2), TypeError, "input_shape"),
        ((1, 3, 3), None, TypeError, "kernel_shape"),
    ],
    ids=repr,
)
def test_bad_shapes(input_shape: Any, kernel_shape: Any, error: type[Exception], fragment: str) -> None:
    with pytest.raises(error, match=fragment):
        cg.plan("forward", input_shape, kernel_shape)

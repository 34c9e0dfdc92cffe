"""Calls of the three passes of the library by name, all alike."""

from __future__ import annotations

from typing import Any

import convgrad as cg
from operands import Operands
from problem import FloatArray, Problem, Shape

ALGORITHMS = ("auto", "gemm", "reference")
DTYPES = ("float32", "float64")


def run(pass_name: str, data: Operands, problem: Problem, **options: Any) -> FloatArray:
    """One pass of the library; `options` are `out` and `algorithm`."""
    options |= problem.options
    if pass_name == "forward":
        return cg.forward(data.V, data.K, data.bias, **options)
    if pass_name == "grad_kernel":
        return cg.grad_kernel(data.G, data.V, problem.kernel_size, **options)
    return cg.grad_input(data.G, data.K, problem.input_size, **options)


def result_shape(pass_name: str, problem: Problem) -> Shape:
    """Of Z, dK or dV."""
    shapes = {
        "forward": problem.output_shape,
        "grad_kernel": problem.kernel_shape,
        "grad_input": problem.input_shape,
    }
    return shapes[pass_name]

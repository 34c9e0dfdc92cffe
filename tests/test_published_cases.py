"""Convolutions with numbers published by others: textbooks, papers and the test suites of other libraries.

They live outside of the project and are read where they are present, or from CONVGRAD_ORACLES.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convgrad as cg
import reference
from operands import Operands
from passes import DTYPES
from problem import FloatArray, Problem

FOLDER = Path(os.environ.get("CONVGRAD_ORACLES", Path(__file__).parents[2] / "shared" / "oracles"))
FILE = FOLDER / "published_cases.json"
CASES: dict[str, dict[str, Any]] = (
    {case["name"]: case for case in json.loads(FILE.read_text())} if FILE.is_file() else {}
)

pytestmark = pytest.mark.skipif(not CASES, reason=f"no published cases at {FILE}")
every_case = pytest.mark.parametrize("name", CASES)


def problem_of(case: dict[str, Any]) -> Problem:
    (batch, in_channels, *input_size), (out_channels, _, *kernel_size) = np.shape(case["x"]), np.shape(case["w"])
    padding = tuple(zip(case["pad_lo"], case["pad_hi"], strict=True))
    sizes = tuple(input_size), tuple(kernel_size), tuple(case["stride"]), padding, tuple(case["dilation"])
    return Problem(batch, in_channels, out_channels, case["groups"], *sizes)


def operands_of(case: dict[str, Any], problem: Problem) -> Operands:
    """G is what the case says; where it says "y", the output by the loops of reference.py."""
    V, K = np.array(case["x"], np.float64), np.array(case["w"], np.float64)
    bias = np.zeros(problem.out_channels) if case["b"] is None else np.array(case["b"], np.float64)
    if case["dy"] == "ones":
        G: FloatArray = np.ones(problem.output_shape)
    elif case["dy"] == "y":
        G = reference.forward(V, K, bias, problem)
    else:
        G = np.array(case["dy"], np.float64)
    return Operands(V, K, bias, G)


def check(
    case: dict[str, Any], problem: Problem, Z: FloatArray, dV: FloatArray, dK: FloatArray, db: FloatArray
) -> None:
    """Whatever the case expects, exactly where it is in whole numbers and else to the digits that were published."""
    arrays = {"y": Z, "dx": dV, "dw": dK, "db": db}
    results = arrays | {f"mean_{name}": array.mean(dtype=np.float64) for name, array in arrays.items()}
    if "y_3_2_1" in case["expect"]:
        results["y_3_2_1"] = Z[3, :, 2, 1]
    assert case["expect"].keys() <= results.keys()
    for quantity, expected in case["expect"].items():
        tolerance = 5e-9 if quantity == "y_3_2_1" else case["tol"]  # that one is published to eight decimals
        if tolerance and Z.dtype == np.float32:
            tolerance = 2e-5 * np.abs(expected).max()
        np.testing.assert_allclose(results[quantity], expected, rtol=0, atol=tolerance, err_msg=quantity)


@every_case
def test_reference(name: str) -> None:
    case = CASES[name]
    problem = problem_of(case)
    data = operands_of(case, problem)
    check(
        case,
        problem,
        reference.forward(data.V, data.K, data.bias, problem),
        reference.grad_input(data.G, data.K, problem),
        reference.grad_kernel(data.G, data.V, problem),
        reference.grad_bias(data.G, problem),
    )


@every_case
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("algorithm", ["auto", "gemm", "reference"])
def test_library(name: str, dtype: str, algorithm: str) -> None:
    case = CASES[name]
    problem = problem_of(case)
    data = operands_of(case, problem).astype(dtype)
    options = {**problem.options, "algorithm": algorithm}
    Z = cg.forward(data.V, data.K, None if case["b"] is None else data.bias, **options)
    gradients = cg.backward(data.G, data.V, data.K, **options)
    check(case, problem, Z, gradients.input, gradients.kernel, gradients.bias)

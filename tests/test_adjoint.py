"""The gradients are the transposes of the forward pass, and the slopes of the loss."""

from __future__ import annotations

import numpy as np
import pytest

import convgrad as cg
import expected
import operands
from cases import CASES
from operands import Operands
from passes import run
from problem import FloatArray, Problem


def output(data: Operands, problem: Problem) -> FloatArray:
    return cg.forward(data.V, data.K, **problem.options)


@pytest.mark.parametrize("name", CASES)
def test_adjoint_identities(name: str) -> None:
    """<forward(V, K), G> = <V, grad_input(G, K)> = <K, grad_kernel(G, V)>, exactly on whole numbers."""
    problem = CASES[name]
    data = operands.integers(problem, seed=1)
    through_output = np.vdot(output(data, problem), data.G)
    assert np.vdot(data.V, run("grad_input", data, problem)) == through_output
    assert np.vdot(data.K, run("grad_kernel", data, problem)) == through_output


@pytest.mark.parametrize(
    "name",
    [
        "width-7",
        "stride-3-kernel-2",
        "dilation-6-stride-4",
        "groups-stride-dilation",
        "1d-stride",
        "3d-stride-dilation",
    ],
)
@pytest.mark.parametrize("operand", ["V", "K", "bias"])
def test_central_differences(name: str, operand: str) -> None:
    """J = sum of G tanh(Z): every partial derivative against (J(x + h) - J(x - h)) / 2h."""
    problem = CASES[name]
    data = expected.of_normals(problem)[0]
    variable = getattr(data, operand).copy()

    def loss(value: FloatArray) -> float:
        changed = data._replace(**{operand: value})
        return float(np.vdot(data.G, np.tanh(run("forward", changed, problem))))

    slope = data.G / np.cosh(run("forward", data, problem)) ** 2
    gradients = cg.backward(slope, data.V, data.K, **problem.options)
    gradient = {"V": gradients.input, "K": gradients.kernel, "bias": gradients.bias}[operand]

    h = 1e-5
    numeric = np.empty_like(variable)
    for index in np.ndindex(*variable.shape):
        step = np.zeros_like(variable)
        step[index] = h
        numeric[index] = (loss(variable + step) - loss(variable - step)) / (2 * h)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("pass_name", expected.PASSES)
def test_linear_in_each_operand(pass_name: str) -> None:
    """Twice an operand is twice the result, to the bit: a power of two changes exponents only."""
    problem = CASES["groups-stride-dilation"]
    data = operands.normals(problem)
    once = run(pass_name, data, problem)
    read = {"forward": ("V", "K"), "grad_kernel": ("G", "V"), "grad_input": ("G", "K")}[pass_name]
    for name in read:
        doubled = data._replace(**{name: 2 * getattr(data, name)})
        if pass_name == "forward":
            doubled = doubled._replace(bias=2 * data.bias)
        np.testing.assert_array_equal(run(pass_name, doubled, problem), 2 * once)

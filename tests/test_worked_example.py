"""The worked example of the equations, symbol by symbol: V 3x3, K 2x2, stride 1, so Z and G are 2x2.

The numbers are distinct primes, so that every product tells which two of them it came from; and with one operand
one-hot whatever does not belong into a sum would show.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convgrad as cg
from problem import FloatArray

V = np.array([[[2.0, 3.0, 5.0], [7.0, 11.0, 13.0], [17.0, 19.0, 23.0]]])
K = np.array([[[[29.0, 31.0], [37.0, 41.0]]]])
G = np.array([[[43.0, 47.0], [53.0, 59.0]]])

algorithms = pytest.mark.parametrize("algorithm", ["auto", "gemm", "reference"])


def one_hot(shape: tuple[int, ...], *index: int) -> FloatArray:
    array = np.zeros(shape)
    array[index] = 1
    return array


@algorithms
def test_forward_with_one_hot_kernel_copies_a_corner_of_the_input(algorithm: Any) -> None:
    """K = delta at (m, n): Z[j, k] = V[j - 1 + m, k - 1 + n]."""
    for m, n in np.ndindex(2, 2):
        Z = cg.forward(V, one_hot((1, 1, 2, 2), 0, 0, m, n), algorithm=algorithm)
        np.testing.assert_array_equal(Z, V[:, m : m + 2, n : n + 2])


@algorithms
def test_grad_kernel_with_one_hot_gradient_copies_a_corner_of_the_input(algorithm: Any) -> None:
    """G = delta at (m, n): dK[k, l] = V[m - 1 + k, n - 1 + l]."""
    for m, n in np.ndindex(2, 2):
        dK = cg.grad_kernel(one_hot((1, 2, 2), 0, m, n), V, 2, algorithm=algorithm)
        np.testing.assert_array_equal(dK[0], V[:, m : m + 2, n : n + 2])


@algorithms
def test_grad_input_with_one_hot_gradient_places_the_kernel(algorithm: Any) -> None:
    """G = delta at (l, n): dV is K with its corner at (l, n), zero elsewhere."""
    for m, n in np.ndindex(2, 2):
        expected = np.zeros((1, 3, 3))
        expected[:, m : m + 2, n : n + 2] = K[0]
        np.testing.assert_array_equal(cg.grad_input(one_hot((1, 2, 2), 0, m, n), K, 3, algorithm=algorithm), expected)


@algorithms
def test_grad_input_with_one_hot_kernel_places_the_gradient(algorithm: Any) -> None:
    """K = delta at (m, n): dV is G with its corner at (m, n), zero elsewhere."""
    for m, n in np.ndindex(2, 2):
        expected = np.zeros((1, 3, 3))
        expected[:, m : m + 2, n : n + 2] = G
        got = cg.grad_input(G, one_hot((1, 1, 2, 2), 0, 0, m, n), 3, algorithm=algorithm)
        np.testing.assert_array_equal(got, expected)


@algorithms
def test_every_symbol_of_the_forward_pass(algorithm: Any) -> None:
    (v,), ((k,),) = V, K
    Z = cg.forward(V, K, algorithm=algorithm)
    assert Z.shape == (1, 2, 2)
    assert Z[0, 0, 0] == v[0, 0] * k[0, 0] + v[0, 1] * k[0, 1] + v[1, 0] * k[1, 0] + v[1, 1] * k[1, 1]
    assert Z[0, 0, 1] == v[0, 1] * k[0, 0] + v[0, 2] * k[0, 1] + v[1, 1] * k[1, 0] + v[1, 2] * k[1, 1]
    assert Z[0, 1, 0] == v[1, 0] * k[0, 0] + v[1, 1] * k[0, 1] + v[2, 0] * k[1, 0] + v[2, 1] * k[1, 1]
    assert Z[0, 1, 1] == v[1, 1] * k[0, 0] + v[1, 2] * k[0, 1] + v[2, 1] * k[1, 0] + v[2, 2] * k[1, 1]


@algorithms
def test_every_symbol_of_the_kernel_gradient(algorithm: Any) -> None:
    (v,), (g,) = V, G
    ((dK,),) = cg.grad_kernel(G, V, (2, 2), algorithm=algorithm)
    assert dK[0, 0] == v[0, 0] * g[0, 0] + v[0, 1] * g[0, 1] + v[1, 0] * g[1, 0] + v[1, 1] * g[1, 1]
    assert dK[0, 1] == v[0, 1] * g[0, 0] + v[0, 2] * g[0, 1] + v[1, 1] * g[1, 0] + v[1, 2] * g[1, 1]
    assert dK[1, 0] == v[1, 0] * g[0, 0] + v[1, 1] * g[0, 1] + v[2, 0] * g[1, 0] + v[2, 1] * g[1, 1]
    assert dK[1, 1] == v[1, 1] * g[0, 0] + v[1, 2] * g[0, 1] + v[2, 1] * g[1, 0] + v[2, 2] * g[1, 1]


@algorithms
def test_every_symbol_of_the_input_gradient(algorithm: Any) -> None:
    ((k,),), (g,) = K, G
    (dV,) = cg.grad_input(G, K, (3, 3), algorithm=algorithm)
    assert dV[0, 0] == k[0, 0] * g[0, 0]
    assert dV[0, 1] == k[0, 1] * g[0, 0] + k[0, 0] * g[0, 1]
    assert dV[0, 2] == k[0, 1] * g[0, 1]
    assert dV[1, 0] == k[1, 0] * g[0, 0] + k[0, 0] * g[1, 0]
    assert dV[1, 1] == k[1, 1] * g[0, 0] + k[1, 0] * g[0, 1] + k[0, 1] * g[1, 0] + k[0, 0] * g[1, 1]
    assert dV[1, 2] == k[1, 1] * g[0, 1] + k[0, 1] * g[1, 1]
    assert dV[2, 0] == k[1, 0] * g[1, 0]
    assert dV[2, 1] == k[1, 1] * g[1, 0] + k[1, 0] * g[1, 1]
    assert dV[2, 2] == k[1, 1] * g[1, 1]


@algorithms
def test_one_dimension(algorithm: Any) -> None:
    v, k, g = np.array([2.0, 3.0, 5.0]), np.array([7.0, 11.0]), np.array([13.0, 17.0])
    ((z1, z2),) = cg.forward(v[None], k[None, None], algorithm=algorithm)
    assert (z1, z2) == (v[0] * k[0] + v[1] * k[1], v[1] * k[0] + v[2] * k[1])
    (((dk1, dk2),),) = cg.grad_kernel(g[None], v[None], 2, algorithm=algorithm)
    assert (dk1, dk2) == (g[0] * v[0] + g[1] * v[1], g[0] * v[1] + g[1] * v[2])
    ((dv1, dv2, dv3),) = cg.grad_input(g[None], k[None, None], 3, algorithm=algorithm)
    assert (dv1, dv2, dv3) == (k[0] * g[0], k[0] * g[1] + k[1] * g[0], k[1] * g[1])


def test_stride_two_leaves_the_odd_inputs_to_the_odd_taps() -> None:
    """s = 2 in one dimension: dV[j] sums over (l - 1) s + m = j."""
    k, g = np.array([5.0, 7.0, 11.0]), np.array([13.0, 17.0])
    (dV,) = cg.grad_input(g[None], k[None, None], 5, stride=2)
    np.testing.assert_array_equal(dV, [k[0] * g[0], k[1] * g[0], k[2] * g[0] + k[0] * g[1], k[1] * g[1], k[2] * g[1]])


def test_channels_do_not_mix_up() -> None:
    """K[i, l] one-hot in its channels too: Z[i] = V[l] moved by the tap; dK[i, l] and dV[l] likewise."""
    many = np.arange(2 * 9.0).reshape(2, 3, 3)
    gradient = np.arange(3 * 4.0).reshape(3, 2, 2)
    for i, c, m, n in np.ndindex(3, 2, 2, 2):
        kernel = one_hot((3, 2, 2, 2), i, c, m, n)
        Z = np.zeros((3, 2, 2))
        Z[i] = many[c, m : m + 2, n : n + 2]
        np.testing.assert_array_equal(cg.forward(many, kernel), Z)
        dV = np.zeros((2, 3, 3))
        dV[c, m : m + 2, n : n + 2] = gradient[i]
        np.testing.assert_array_equal(cg.grad_input(gradient, kernel, 3), dV)
    for i, m, n in np.ndindex(3, 2, 2):
        dK = np.zeros((3, 2, 2, 2))
        dK[i] = many[:, m : m + 2, n : n + 2]
        np.testing.assert_array_equal(cg.grad_kernel(one_hot((3, 2, 2), i, m, n), many, 2), dK)


def test_descent_step_lowers_the_loss_by_the_square_of_the_gradient() -> None:
    """K <- K - alpha dK with J = sum(Z * G): J is linear in K, so it falls by exactly alpha |dK|^2."""
    alpha = 0.5
    dK = cg.grad_kernel(G, V, 2)
    before, after = ((cg.forward(V, kernel) * G).sum() for kernel in (K, K - alpha * dK))
    assert before - after == alpha * (dK**2).sum()

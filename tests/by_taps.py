"""The same three equations one tap at a time with matrix products: the oracle for layers too large for plain loops.

test_reference.py holds it against reference.py.
"""

from __future__ import annotations

import math

import numpy as np

from problem import FloatArray, Problem
from reference import with_border, without_border


def forward(V: FloatArray, K: FloatArray, bias: FloatArray | None, problem: Problem) -> FloatArray:
    P, weights = _by_group(with_border(V, problem), problem), _kernel_by_group(K, problem)
    Z = np.zeros((problem.batch, problem.groups, problem.out_channels // problem.groups, *problem.output_size))
    for tap in np.ndindex(*problem.kernel_size):
        Z += np.einsum("ngc...,goc->ngo...", P[_under(tap, problem)], weights[(..., *tap)], optimize=True)
    Z = Z.reshape(problem.output_shape)
    return Z if bias is None else Z + bias.reshape(-1, *(1,) * problem.spatial_rank)


def grad_kernel(G: FloatArray, V: FloatArray, problem: Problem) -> FloatArray:
    P, places = _by_group(with_border(V, problem), problem), math.prod(problem.output_size)
    gradient = _by_group(G, problem)
    gradient = gradient.reshape(*gradient.shape[:3], places)
    dK = np.zeros(problem.kernel_shape)
    by_group = _kernel_by_group(dK, problem)
    for tap in np.ndindex(*problem.kernel_size):
        window = P[_under(tap, problem)].reshape(*P.shape[:3], places)
        by_group[(..., *tap)] = np.einsum("ngox,ngcx->goc", gradient, window, optimize=True)
    return dK


def grad_input(G: FloatArray, K: FloatArray, problem: Problem) -> FloatArray:
    dP = with_border(np.zeros(problem.input_shape), problem)
    by_group, gradient, weights = _by_group(dP, problem), _by_group(G, problem), _kernel_by_group(K, problem)
    for tap in np.ndindex(*problem.kernel_size):
        by_group[_under(tap, problem)] += np.einsum("ngo...,goc->ngc...", gradient, weights[(..., *tap)], optimize=True)
    return without_border(dP, problem)


def _by_group(array: FloatArray, problem: Problem) -> FloatArray:
    batch, channels, *size = array.shape
    return array.reshape(batch, problem.groups, channels // problem.groups, *size)


def _kernel_by_group(K: FloatArray, problem: Problem) -> FloatArray:
    return K.reshape(problem.groups, problem.out_channels // problem.groups, *K.shape[1:])


def _under(tap: tuple[int, ...], problem: Problem) -> tuple[slice, ...]:
    """Where the padded input lies under this tap, over all output places."""
    spatial = (
        slice(m * d, m * d + (n - 1) * s + 1, s)
        for m, d, n, s in zip(tap, problem.dilation, problem.output_size, problem.stride, strict=True)
    )
    return (slice(None), slice(None), slice(None), *spatial)

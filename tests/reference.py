"""Equations (1)-(3) of the convolutional layer as plain loops in float64: slow, and meant to be believed by reading.

V is the input (batch, channel, *spatial), K the kernel (output channel, channel within the group, *spatial),
Z the output and G = dJ/dZ its gradient (batch, output channel, *spatial). P is V with its border of zeros.

A term of any of the three sums pairs an output place j with a tap m of the kernel; they meet the padded input at
position x = j * stride + m * dilation. Summing the same terms into Z, dK or dP gives equation (1), (2) or (3).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from problem import FloatArray, Problem


def forward(V: FloatArray, K: FloatArray, bias: FloatArray | None, problem: Problem) -> FloatArray:
    """Equation (1): Z[o, j] = bias[o] + sum over channels and taps of P[c, x] K[o, c, m]."""
    P = with_border(V, problem)
    Z = np.zeros(problem.output_shape)
    for image, o, c, c_in_group in channel_pairs(problem):
        z, p, k = Z[image, o], P[image, c], K[o, c_in_group]
        for j, m, x in meetings(problem):
            z[j] += p[x] * k[m]
    if bias is not None:
        for o in range(problem.out_channels):
            Z[:, o] += bias[o]
    return Z


def grad_kernel(G: FloatArray, V: FloatArray, problem: Problem) -> FloatArray:
    """Equation (2): dK[o, c, m] = sum over images and output places of G[o, j] P[c, x]."""
    P = with_border(V, problem)
    dK = np.zeros(problem.kernel_shape)
    for image, o, c, c_in_group in channel_pairs(problem):
        g, p, dk = G[image, o], P[image, c], dK[o, c_in_group]
        for j, m, x in meetings(problem):
            dk[m] += g[j] * p[x]
    return dK


def grad_input(G: FloatArray, K: FloatArray, problem: Problem) -> FloatArray:
    """Equation (3): dP[c, x] = sum of K[o, c, m] G[o, j] over all j, m with j * stride + m * dilation = x; dV is dP
    without its border."""
    dP = with_border(np.zeros(problem.input_shape), problem)
    for image, o, c, c_in_group in channel_pairs(problem):
        g, k, dp = G[image, o], K[o, c_in_group], dP[image, c]
        for j, m, x in meetings(problem):
            dp[x] += k[m] * g[j]
    return without_border(dP, problem)


def grad_bias(G: FloatArray, problem: Problem) -> FloatArray:
    """The bias enters every place of its channel once: db[o] = sum over images and places of G[o, j]."""
    db = np.zeros(problem.out_channels)
    for image in range(problem.batch):
        for o in range(problem.out_channels):
            for j in np.ndindex(*problem.output_size):
                db[o] += G[image, o][j]
    return db


def channel_pairs(problem: Problem) -> Iterator[tuple[int, int, int, int]]:
    """Every (image, output channel, input channel, the same counted within its group) that share a group."""
    group_in = problem.in_channels // problem.groups
    group_out = problem.out_channels // problem.groups
    for image in range(problem.batch):
        for o in range(problem.out_channels):
            for c_in_group in range(group_in):
                yield image, o, o // group_out * group_in + c_in_group, c_in_group


def meetings(problem: Problem) -> list[tuple[tuple[int, ...], ...]]:
    """Every (output place j, tap m, position x in the padded input) along the spatial axes."""
    return [
        (j, m, tuple(a * s + b * d for a, s, b, d in zip(j, problem.stride, m, problem.dilation, strict=True)))
        for j, m in itertools.product(np.ndindex(*problem.output_size), np.ndindex(*problem.kernel_size))
    ]


def with_border(V: FloatArray, problem: Problem) -> FloatArray:
    """P: V inside its border of zeros."""
    return np.pad(np.asarray(V, np.float64), ((0, 0), (0, 0), *problem.padding))


def without_border(P: FloatArray, problem: Problem) -> FloatArray:
    """The part of P that lies over V."""
    inner = (slice(before, before + n) for (before, _), n in zip(problem.padding, problem.input_size, strict=True))
    return P[(slice(None), slice(None), *inner)]

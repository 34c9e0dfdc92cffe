"""grad_bias, and backward as the three gradients in one call."""

from __future__ import annotations

import numpy as np
import pytest

import convgrad as cg
import expected
import operands
import reference
from bound import assert_within_bound
from cases import CASES
from layouts import LAYOUTS, laid_out
from passes import ALGORITHMS, DTYPES
from problem import layer


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_grad_bias_sums_over_images_and_places(name: str, dtype: str) -> None:
    problem = CASES[name]
    data = operands.integers(problem)
    got = cg.grad_bias(data.G.astype(dtype), spatial_rank=problem.spatial_rank)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, reference.grad_bias(data.G, problem))


@pytest.mark.parametrize("dtype", DTYPES)
def test_grad_bias_error_bound(dtype: str) -> None:
    problem = layer((150, 70), (1, 1), (1, 3), batch=4)
    data = operands.normals(problem)
    exact, magnitude = (reference.grad_bias(G, problem) for G in (data.G, np.abs(data.G)))
    assert_within_bound(cg.grad_bias(data.G.astype(dtype)), exact, magnitude, 4 * 150 * 70)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((3, 7), (1,)), ((3, 4, 5), (1, 2)), ((2, 3, 4, 5), (0, 2, 3)), ((2, 3, 4, 5, 6), (0, 2, 3, 4))],
)
def test_grad_bias_reads_the_usual_ranks_without_being_told(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    """(O, L), (O, H, W), (N, O, H, W) and (N, O, D, H, W)."""
    G = np.arange(float(np.prod(shape))).reshape(shape)
    np.testing.assert_array_equal(cg.grad_bias(G), G.sum(axis=axes))


@pytest.mark.parametrize(
    ("shape", "spatial_rank", "axes"),
    [((3, 4, 5), 1, (0, 2)), ((2, 3, 4, 5), 3, (1, 2, 3)), ((3, 4), 1, (1,)), ((3, 4, 5), 2, (1, 2))],
)
def test_grad_bias_reads_other_ranks_when_told(
    shape: tuple[int, ...], spatial_rank: int, axes: tuple[int, ...]
) -> None:
    """(N, O, L) and (O, D, H, W) look like images; spatial_rank tells."""
    G = np.arange(float(np.prod(shape))).reshape(shape)
    np.testing.assert_array_equal(cg.grad_bias(G, spatial_rank=spatial_rank), G.sum(axis=axes))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_grad_bias_layout_does_not_change_a_bit(layout: str, dtype: str) -> None:
    G = operands.normals(layer((13, 40), (1, 1), (1, 17), batch=3)).G.astype(dtype)
    np.testing.assert_array_equal(cg.grad_bias(laid_out(G, layout)), cg.grad_bias(G))


def test_grad_bias_of_a_broadcast_gradient() -> None:
    np.testing.assert_array_equal(cg.grad_bias(np.broadcast_to(np.float32(2), (3, 5, 7, 9))), np.full(5, 378))


@pytest.mark.parametrize("shape", [(0, 4, 3, 3), (2, 0, 3, 3)])
def test_grad_bias_of_nothing_is_zero(shape: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(cg.grad_bias(np.zeros(shape)), np.zeros(shape[1]))


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_grad_bias_bits_do_not_depend_on_threads(threads: int) -> None:
    G = operands.normals(layer((90, 110), (1, 1), (1, 5), batch=3)).G.astype("float32")
    cg.set_num_threads(1)
    alone = cg.grad_bias(G)
    cg.set_num_threads(threads)
    np.testing.assert_array_equal(cg.grad_bias(G), alone)


@pytest.mark.parametrize("name", ["width-13", "groups-stride-dilation", "1d-dilation", "3d-stride", "batch-2"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_backward_equals_its_three_parts(name: str, algorithm: str, dtype: str) -> None:
    problem = CASES[name]
    data = expected.of_normals(problem)[0].astype(dtype)
    options = {**problem.options, "algorithm": algorithm}
    gradients = cg.backward(data.G, data.V, data.K, **options)
    dV, dK, db = gradients
    assert dV is gradients.input
    assert dK is gradients.kernel
    assert db is gradients.bias
    np.testing.assert_array_equal(dV, cg.grad_input(data.G, data.K, problem.input_size, **options))
    np.testing.assert_array_equal(dK, cg.grad_kernel(data.G, data.V, problem.kernel_size, **options))
    np.testing.assert_array_equal(db, cg.grad_bias(data.G, spatial_rank=problem.spatial_rank))


def test_backward_unbatched() -> None:
    """The bias gradient of an unbatched 1-D or 3-D problem, whose G has the rank of a batch of another."""
    for name in ("1d-stride", "3d-stride", "stride-2"):
        problem = CASES[name]
        data = operands.integers(problem)
        (V,), (G,) = data.V, data.G
        gradients = cg.backward(G, V, data.K, **problem.options)
        exact = expected.by_loops(data, problem)
        np.testing.assert_array_equal(gradients.input, exact.grad_input[0])
        np.testing.assert_array_equal(gradients.kernel, exact.grad_kernel)
        np.testing.assert_array_equal(gradients.bias, reference.grad_bias(data.G, problem))


@pytest.mark.parametrize(
    "shape", [(1, 3, 2**33, 0), (2, 3, 2**30, 2**20, 0), (2**50, 3, 1, 0), (0, 3, 2**20, 2**20)], ids=str
)
def test_bias_gradient_of_many_empty_rows(shape: tuple[int, ...]) -> None:
    """There is nothing to add up, however many rows of nothing there are."""
    assert cg.grad_bias(np.zeros(shape, np.float32)).tolist() == [0, 0, 0]

"""ConvLayer: the three passes with the kernel they share, and one step of descent."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import convgrad as cg
import operands
from cases import CASES
from passes import DTYPES

NAMES = ("width-13", "groups-stride-dilation", "1d-stride", "3d-stride", "batch-2")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("has_bias", [True, False])
def test_passes_are_those_of_the_functions(name: str, dtype: str, has_bias: bool) -> None:
    problem = CASES[name]
    data = operands.normals(problem).astype(dtype)
    bias = data.bias if has_bias else None
    layer = cg.ConvLayer(data.K, bias, **problem.options)
    np.testing.assert_array_equal(layer.forward(data.V), cg.forward(data.V, data.K, bias, **problem.options))
    gradients = cg.backward(data.G, data.V, data.K, **problem.options)
    np.testing.assert_array_equal(layer.backward(data.G), gradients.input)
    np.testing.assert_array_equal(layer.grad_kernel, gradients.kernel)
    if has_bias:
        np.testing.assert_array_equal(layer.grad_bias, gradients.bias)
    else:
        assert layer.grad_bias is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_update_steps_down_the_gradient(dtype: str) -> None:
    """K <- K - alpha dK and b <- b - alpha db, in the layer's own arrays and dtype."""
    problem = CASES["batch-2"]
    data = operands.integers(problem).astype(dtype)
    layer = cg.ConvLayer(data.K, data.bias, **problem.options)
    kernel, bias = layer.kernel, layer.bias
    layer.forward(data.V)
    layer.backward(data.G)
    assert layer.grad_kernel is not None
    assert layer.grad_bias is not None
    layer.update(0.25)
    np.testing.assert_array_equal(layer.kernel, data.K - 0.25 * layer.grad_kernel)
    np.testing.assert_array_equal(layer.bias, data.bias - 0.25 * layer.grad_bias)
    assert layer.kernel is kernel
    assert layer.bias is bias
    assert layer.kernel.dtype == dtype


def test_layer_learns_the_kernel_behind_its_data() -> None:
    """Descent on |Z - Z*|^2 with Z* made by a known kernel finds that kernel."""
    generator = np.random.default_rng(0)
    V = generator.standard_normal((8, 2, 10, 10))
    K, bias = generator.standard_normal((3, 2, 3, 3)), generator.standard_normal(3)
    target = cg.forward(V, K, bias, padding="same")
    layer = cg.ConvLayer.initialize(2, 3, 3, rng=1, dtype="float64", padding="same")
    for _ in range(300):
        layer.backward((layer.forward(V) - target) / len(V))
        layer.update(0.005)
    np.testing.assert_allclose(layer.kernel, K, atol=1e-5)
    assert layer.bias is not None
    np.testing.assert_allclose(layer.bias, bias, atol=1e-5)


def test_layer_keeps_copies() -> None:
    K, bias, stride = np.ones((2, 1, 3)), np.ones(2), [1]
    layer = cg.ConvLayer(K, bias, stride=stride)
    K[...], bias[...], stride[0] = 7, 7, 2
    np.testing.assert_array_equal(layer.forward(np.ones((1, 5))), np.full((2, 3), 4))
    layer.backward(np.ones((2, 3)))
    layer.update(1.0)
    assert (K == 7).all()
    assert (bias == 7).all()


def test_initialize_scales_with_the_fan_in() -> None:
    """He: normal with variance 2 / (channels of a group x taps); biases zero."""
    layer = cg.ConvLayer.initialize(64, 96, (5, 3), rng=0, groups=2, dtype="float64")
    assert layer.kernel.shape == (96, 32, 5, 3)
    expected = np.sqrt(2 / (32 * 15))
    assert abs(layer.kernel.std() / expected - 1) < 0.01
    assert abs(layer.kernel.mean()) < 0.01 * expected
    np.testing.assert_array_equal(layer.bias, np.zeros(96))


@pytest.mark.parametrize(
    ("kernel_size", "shape"),
    [(3, (3, 3)), (np.array(3), (3, 3)), ((5,), (5,)), ((1, 7), (1, 7)), ([2, 3, 4], (2, 3, 4))],
)
def test_initialize_sizes(kernel_size: Any, shape: tuple[int, ...]) -> None:
    assert cg.ConvLayer.initialize(2, 4, kernel_size, rng=0).kernel.shape == (4, 2, *shape)


@pytest.mark.parametrize("dtype", ["float32", "float64", np.float32, np.dtype("float64")])
def test_initialize_dtype(dtype: Any) -> None:
    layer = cg.ConvLayer.initialize(2, 4, 3, dtype=dtype)
    assert layer.kernel.dtype == dtype
    assert layer.bias is not None
    assert layer.bias.dtype == dtype


def test_initialize_is_repeatable_by_its_seed() -> None:
    first, same, other = (cg.ConvLayer.initialize(2, 4, 3, rng=seed).kernel for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).all()
    by_generator = cg.ConvLayer.initialize(2, 4, 3, rng=np.random.default_rng(1)).kernel
    np.testing.assert_array_equal(first, by_generator)


def test_initialize_without_bias() -> None:
    layer = cg.ConvLayer.initialize(2, 4, 3, bias=False)
    assert layer.bias is None
    layer.backward(np.ones_like(layer.forward(np.ones((1, 2, 3, 3), np.float32))))
    layer.update(0.1)
    assert layer.bias is None


def test_failed_call_changes_nothing() -> None:
    layer = cg.ConvLayer(np.ones((1, 1, 2)))
    layer.forward(np.ones((1, 4)))
    layer.backward(np.ones((1, 3)))
    gradient = layer.grad_kernel
    with pytest.raises(ValueError, match="channels"):
        layer.forward(np.ones((2, 4)))
    with pytest.raises(ValueError, match="G"):
        layer.backward(np.ones((1, 4)))
    assert layer.grad_kernel is gradient
    np.testing.assert_array_equal(layer.backward(np.ones((1, 3))), [[1, 2, 2, 1]])


def test_calls_out_of_order() -> None:
    layer = cg.ConvLayer(np.ones((1, 1, 2)))
    with pytest.raises(RuntimeError, match="forward"):
        layer.backward(np.ones((1, 3)))
    layer.forward(np.ones((1, 4)))
    with pytest.raises(RuntimeError, match="backward"):
        layer.update(0.1)


K = np.ones((4, 2, 3, 3))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "fragments"),
    [
        ((K.tolist(),), {}, TypeError, ("K", "list")),
        ((K.astype(int),), {}, TypeError, ("K", "int64")),
        ((K[0, 0],), {}, ValueError, ("K", "2")),
        ((K, np.ones(3)), {}, ValueError, ("bias", "3", "4")),
        ((K, np.ones(4, "float32")), {}, TypeError, ("bias", "float32", "float64")),
        ((K,), {"stride": 0}, ValueError, ("stride", "0")),
        ((K,), {"stride": 1.0}, TypeError, ("stride", "float")),
        ((K,), {"padding": "some"}, ValueError, ("padding", "some")),
        ((K,), {"padding": (1, 2, 3)}, ValueError, ("padding", "3")),
        ((K,), {"dilation": -1}, ValueError, ("dilation", "-1")),
        ((K,), {"groups": 3}, ValueError, ("groups", "3", "4")),
        ((K,), {"groups": True}, TypeError, ("groups", "bool")),
    ],
)
def test_constructor_errors(arguments: Any, options: Any, error: type[Exception], fragments: tuple[str, ...]) -> None:
    with pytest.raises(error) as caught:
        cg.ConvLayer(*arguments, **options)
    assert all(fragment in str(caught.value) for fragment in fragments), caught.value


@pytest.mark.parametrize(
    ("arguments", "options", "error", "fragments"),
    [
        ((0, 4, 3), {}, ValueError, ("in_channels", "0")),
        ((2, -4, 3), {}, ValueError, ("out_channels", "-4")),
        ((2.0, 4, 3), {}, TypeError, ("in_channels", "float")),
        ((2, True, 3), {}, TypeError, ("out_channels", "bool")),
        ((2, 4, 0), {}, ValueError, ("kernel_size", "0")),
        ((2, 4, (3, 0)), {}, ValueError, ("kernel_size[1]", "0")),
        ((2, 4, b"\1\1"), {}, TypeError, ("kernel_size", "bytes")),
        ((2, 4, "3"), {}, TypeError, ("kernel_size", "str")),
        ((2, 4, np.array(1.5)), {}, TypeError, ("kernel_size", "float")),
        ((2, 4, -(10**5000)), {}, ValueError, ("kernel_size", "64 bits")),
        ((2**62, 4, 3), {}, ValueError, ("in_channels", "overflows")),
        ((2, 4, 2**62), {}, ValueError, ("kernel_size", "overflows")),
        ((2, 4, 3), {"bias": "no"}, TypeError, ("bias", "str")),
        ((2, 4, 3), {"bias": np.zeros(4)}, TypeError, ("bias", "ndarray")),
        ((2, 4, 3), {"dtype": ","}, TypeError, ("dtype", "','")),
        ((2, 4, 3), {"dtype": "(1,"}, TypeError, ("dtype", "'(1,'")),
        ((2, 4, 1.5), {}, TypeError, ("kernel_size", "float")),
        ((2, 4, ()), {}, ValueError, ("kernel_size", "0")),
        ((2, 4, (1, 1, 1, 1)), {}, ValueError, ("kernel_size", "4")),
        ((2, 4, 3), {"groups": 4}, ValueError, ("groups", "4", "2")),
        ((2, 4, 3), {"groups": 0}, ValueError, ("groups", "0")),
        ((2, 4, 3), {"dtype": "float16"}, TypeError, ("dtype", "float16")),
        ((2, 4, 3), {"dtype": int}, TypeError, ("dtype", "int")),
        ((2, 4, 3), {"stride": (1, 1, 1)}, ValueError, ("stride", "3", "2")),
    ],
)
def test_initialize_errors(arguments: Any, options: Any, error: type[Exception], fragments: tuple[str, ...]) -> None:
    with pytest.raises(error) as caught:
        cg.ConvLayer.initialize(*arguments, **options)
    assert all(fragment in str(caught.value) for fragment in fragments), caught.value


@pytest.mark.parametrize("learning_rate", [-0.1, float("nan"), float("inf"), "0.1", True, None])
def test_bad_learning_rates(learning_rate: Any) -> None:
    layer = cg.ConvLayer(np.ones((1, 1, 2)))
    layer.forward(np.ones((1, 4)))
    layer.backward(np.ones((1, 3)))
    with pytest.raises((TypeError, ValueError), match="learning_rate"):
        layer.update(learning_rate)
    np.testing.assert_array_equal(layer.kernel, np.ones((1, 1, 2)))


def test_types_are_the_layers() -> None:
    """The message names what was handed over, not the layer's own kernel."""
    layer = cg.ConvLayer.initialize(1, 2, 3, rng=0)
    with pytest.raises(TypeError, match=r"V: expected float32, .* got float64; .* V\.astype\(numpy\.float32\)"):
        layer.forward(np.zeros((1, 5, 5)))
    layer.forward(np.zeros((1, 5, 5), np.float32))
    with pytest.raises(TypeError, match=r"G: expected float32, .* got int64"):
        layer.backward(np.zeros((2, 3, 3), np.int64))


@pytest.mark.parametrize("rate", [10**400, Fraction(10**400)])
def test_learning_rate_beyond_all_floats(rate: Any) -> None:
    layer = cg.ConvLayer.initialize(1, 2, 3, rng=0)
    with pytest.raises(ValueError, match="learning_rate: expected a finite number"):
        layer.update(rate)

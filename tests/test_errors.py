"""Every documented error: its type, and a message that names the argument and the numbers; `out` stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import convgrad as cg
from problem import FloatArray

V = np.zeros((2, 4, 9, 8))
K = np.zeros((6, 4, 3, 3))
G = np.zeros((2, 6, 7, 6))

Call = Callable[[], object]


def forward(V: Any = V, K: Any = K, bias: Any = None, **options: Any) -> Call:
    return lambda: cg.forward(V, K, bias, **options)


def grad_kernel(G: Any = G, V: Any = V, kernel_size: Any = 3, **options: Any) -> Call:
    return lambda: cg.grad_kernel(G, V, kernel_size, **options)


def grad_input(G: Any = G, K: Any = K, input_size: Any = (9, 8), **options: Any) -> Call:
    return lambda: cg.grad_input(G, K, input_size, **options)


def backward(G: Any = G, V: Any = V, K: Any = K, **options: Any) -> Call:
    return lambda: cg.backward(G, V, K, **options)


def structured_field(shape: tuple[int, ...]) -> FloatArray:
    """Doubles nine bytes apart: strides that are no multiple of the element size."""
    return np.zeros(shape, np.dtype([("tag", "u1"), ("value", "f8")]))["value"]


def misaligned(shape: tuple[int, ...]) -> FloatArray:
    """Doubles that start one byte into their buffer."""
    return np.zeros(int(np.prod(shape)) * 8 + 8, "u1")[1:-7].view("f8").reshape(shape)


def read_only(shape: tuple[int, ...]) -> FloatArray:
    array = np.zeros(shape)
    array.flags.writeable = False
    return array


SELF_OVERLAPPING = np.lib.stride_tricks.as_strided(np.zeros(200), G.shape, (0, 8, 8, 8))

# call, what the message must contain
TYPE_ERRORS: dict[str, tuple[Call, tuple[str, ...]]] = {
    # Operands that are not arrays of float32 or float64, all alike.
    "V-list": (forward(V=V.tolist()), ("V", "list", "numpy.asarray")),
    "V-none": (forward(V=None), ("V", "NoneType", "numpy.asarray")),
    "V-float": (forward(V=1.5), ("V", "float", "numpy.asarray")),
    "K-list": (forward(K=K.tolist()), ("K", "list", "numpy.asarray")),
    "K-tuple": (grad_input(K=((1.0,),)), ("K", "tuple", "numpy.asarray")),
    "G-list": (grad_kernel(G=G.tolist()), ("G", "list", "numpy.asarray")),
    "G-string": (grad_input(G="G"), ("G", "str", "numpy.asarray")),
    "bias-list": (forward(bias=[0.0] * 6), ("bias", "list", "numpy.asarray")),
    "bias-float": (forward(bias=0.0), ("bias", "float", "numpy.asarray")),
    "out-list": (forward(out=[]), ("out", "list")),
    "grad-bias-list": (lambda: cg.grad_bias(G.tolist()), ("G", "list", "numpy.asarray")),
    "V-int": (forward(V=V.astype("int64")), ("V", "int64", "astype")),
    "V-bool": (forward(V=V.astype(bool)), ("V", "bool", "astype")),
    "V-half": (forward(V=V.astype("float16")), ("V", "float16", "astype")),
    "V-long-double": (forward(V=V.astype(np.longdouble)), ("V", str(np.dtype(np.longdouble)), "astype")),
    "V-complex": (forward(V=V.astype("complex128")), ("V", "complex128", "astype")),
    "V-object": (forward(V=V.astype(object)), ("V", "object", "astype")),
    "V-byte-order": (forward(V=V.astype(">f8")), ("V", ">f8", "astype")),
    "K-byte-order": (forward(K=K.astype(">f8")), ("K", ">f8", "astype")),
    "K-differs": (forward(K=K.astype("float32")), ("K", "float32", "float64", "astype")),
    "bias-differs": (forward(bias=np.zeros(6, "float32")), ("bias", "float32", "float64", "astype")),
    "V-differs": (grad_kernel(V=V.astype("float32")), ("V", "float32", "float64", "astype")),
    "K-differs-in-grad-input": (grad_input(K=K.astype("float32")), ("K", "float32", "float64", "astype")),
    "out-differs": (forward(out=np.empty(G.shape, "float32")), ("out", "float32", "float64")),
    "out-int": (forward(out=np.empty(G.shape, "int64")), ("out", "int64")),
    "backward-differs": (backward(K=K.astype("float32")), ("K", "float32", "float64", "astype")),
    "grad-bias-int": (lambda: cg.grad_bias(G.astype("int32")), ("G", "int32", "astype")),
    # Integers that are none.
    "stride-float": (forward(stride=1.0), ("stride", "float")),
    "stride-bool": (forward(stride=True), ("stride", "bool")),
    "stride-none": (forward(stride=None), ("stride", "None")),
    "stride-string": (forward(stride="1"), ("stride", "str")),
    "stride-of-floats": (forward(stride=(1, 2.0)), ("stride", "float")),
    "stride-of-bools": (forward(stride=(1, False)), ("stride", "bool")),
    "stride-numpy-float": (forward(stride=np.float64(1)), ("stride", "float64")),
    "stride-numpy-bool": (forward(stride=np.True_), ("stride", "bool")),
    "dilation-float": (grad_kernel(dilation=1.0), ("dilation", "float")),
    "padding-float": (grad_input(padding=0.0), ("padding", "float")),
    "padding-none": (forward(padding=None), ("padding", "None")),
    "padding-bool": (forward(padding=True), ("padding", "bool")),
    "padding-pair-of-floats": (forward(padding=((1, 1), (1.0, 1))), ("padding", "float")),
    "padding-pair-and-int": (forward(padding=((1, 1), 1)), ("padding", "pair", "int")),
    "padding-array-of-float": (forward(padding=np.array(1.0)), ("padding", "ndarray")),
    "stride-array-of-float": (forward(stride=np.array(1.0)), ("stride", "ndarray")),
    "padding-dict": (forward(padding={1: 2, 3: 4}), ("padding", "dict")),
    "groups-float": (forward(groups=1.0), ("groups", "float")),
    "groups-bool": (forward(groups=True), ("groups", "bool")),
    "groups-tuple": (forward(groups=(1,)), ("groups", "tuple")),
    "kernel-size-float": (grad_kernel(kernel_size=3.0), ("kernel_size", "float")),
    "kernel-size-none": (grad_kernel(kernel_size=None), ("kernel_size", "None")),
    "input-size-float": (grad_input(input_size=(9, 8.0)), ("input_size", "float")),
    "input-size-array-of-floats": (grad_input(input_size=np.array([9.0, 8.0])), ("input_size", "float")),
    "algorithm-none": (forward(algorithm=None), ("algorithm", "None")),
    "algorithm-int": (forward(algorithm=1), ("algorithm", "int")),
    "V-masked": (lambda: cg.forward(np.ma.masked_array(V), K), ("V", "masked array", "filled")),
    "out-masked": (lambda: cg.forward(V, K, out=np.ma.zeros(G.shape)), ("out", "masked array")),
    "dtype-unreadable": (lambda: cg.plan("forward", (1, 1, 4, 4), (1, 1, 2, 2), dtype=","), ("dtype", "','")),
    "threads-float": (lambda: cg.set_num_threads(1.0), ("float",)),  # type: ignore[arg-type]
    "threads-bool": (lambda: cg.set_num_threads(True), ("bool",)),
    "spatial-rank-float": (lambda: cg.grad_bias(G, spatial_rank=2.0), ("spatial_rank", "float")),  # type: ignore[arg-type]
    # Calls that the signature forbids.
    "stride-positional": (lambda: cg.forward(V, K, None, 1), ()),  # type: ignore[call-arg]
    "unknown-keyword": (lambda: cg.forward(V, K, strides=1), ("strides",)),  # type: ignore[call-arg]
    "input-size-missing": (lambda: cg.grad_input(G, K), ("input_size",)),  # type: ignore[call-arg]
}

VALUE_ERRORS: dict[str, tuple[Call, tuple[str, ...]]] = {
    # Ranks.
    "K-rank-2": (forward(K=np.zeros((6, 4))), ("K", "2")),
    "K-rank-6": (forward(K=np.zeros((6, 4, 1, 1, 1, 1))), ("K", "6")),
    "V-rank-2": (forward(V=np.zeros((4, 9))), ("V", "(4, 9)", "3", "4")),
    "V-rank-5": (forward(V=np.zeros((2, 4, 9, 8, 7))), ("V", "(2, 4, 9, 8, 7)", "3", "4")),
    "V-rank-0": (forward(V=np.zeros(())), ("V", "()", "3", "4")),
    "G-rank-5": (grad_input(G=np.zeros((2, 6, 7, 6, 5))), ("G", "(2, 6, 7, 6, 5)", "3", "4")),
    "G-rank-differs-from-V": (grad_kernel(G=G[0]), ("G", "(2, 6, 7, 6)", "(6, 7, 6)")),
    "bias-rank-2": (forward(bias=np.zeros((6, 1))), ("bias", "(6, 1)", "1")),
    "grad-bias-rank-1": (lambda: cg.grad_bias(np.zeros(6)), ("G", "1")),
    "grad-bias-rank-6": (lambda: cg.grad_bias(np.zeros((1,) * 6)), ("G", "6")),
    "grad-bias-rank-and-spatial-rank": (lambda: cg.grad_bias(np.zeros((2, 3)), spatial_rank=2), ("G", "2")),
    "grad-bias-spatial-rank-4": (lambda: cg.grad_bias(G, spatial_rank=4), ("spatial_rank", "4")),
    "grad-bias-spatial-rank-0": (lambda: cg.grad_bias(G, spatial_rank=0), ("spatial_rank", "0")),
    # Shapes that do not fit each other.
    "channels": (forward(K=np.zeros((6, 5, 3, 3))), ("K", "5", "4")),
    "channels-of-groups": (forward(groups=2), ("K", "4", "2")),
    "groups-do-not-divide-channels": (forward(K=np.zeros((6, 1, 3, 3)), groups=3), ("groups", "3", "4")),
    "groups-do-not-divide-outputs": (
        forward(V=np.zeros((1, 4, 9, 8)), K=np.zeros((6, 1, 3, 3)), groups=4),
        ("groups", "4", "6"),
    ),
    "bias-length": (forward(bias=np.zeros(5)), ("bias", "5", "6")),
    "G-size": (grad_kernel(G=np.zeros((2, 6, 7, 5))), ("G", "(2, 6, 7, 5)", "(2, 6, 7, 6)")),
    "G-batch": (grad_kernel(G=np.zeros((3, 6, 7, 6))), ("G", "(3, 6, 7, 6)", "(2, 6, 7, 6)")),
    "G-size-in-grad-input": (grad_input(G=np.zeros((2, 6, 6, 6))), ("G", "(2, 6, 6, 6)", "(2, 6, 7, 6)")),
    "G-channels-in-grad-input": (grad_input(G=np.zeros((2, 5, 7, 6))), ("G", "(2, 5, 7, 6)", "(2, 6, 7, 6)")),
    "input-size": (grad_input(input_size=(10, 8)), ("G", "(2, 6, 7, 6)", "(2, 6, 8, 6)")),
    "G-groups-in-grad-kernel": (grad_kernel(G=np.zeros((2, 5, 7, 6)), groups=2), ("groups", "2", "5")),
    "backward-G": (backward(G=np.zeros((2, 6, 7, 7))), ("G", "(2, 6, 7, 7)", "(2, 6, 7, 6)")),
    "backward-groups": (backward(groups=2), ("K", "4", "2")),
    "kernel-too-large": (forward(K=np.zeros((6, 4, 10, 3))), ("10", "9")),
    "kernel-too-large-by-dilation": (forward(dilation=(1, 4)), ("9", "8")),
    "kernel-too-large-by-one-despite-padding": (forward(K=np.zeros((6, 4, 12, 3)), padding=(1, 0)), ("12", "11")),
    "kernel-too-large-in-grad-kernel": (grad_kernel(kernel_size=(3, 9)), ("9", "8")),
    "kernel-too-large-in-grad-input": (grad_input(input_size=(2, 8)), ("3", "2")),
    "kernel-of-no-size": (forward(K=np.zeros((6, 4, 0, 3))), ("0",)),
    "empty-input": (forward(V=np.zeros((2, 4, 0, 8))), ("3", "0")),
    # Values.
    "stride-0": (forward(stride=0), ("stride", "0")),
    "stride-negative": (grad_input(stride=(1, -2)), ("stride", "-2")),
    "dilation-0": (grad_kernel(dilation=0), ("dilation", "0")),
    "dilation-negative": (forward(dilation=-3), ("dilation", "-3")),
    "groups-0": (forward(groups=0), ("groups", "0")),
    "groups-negative": (grad_kernel(groups=-2), ("groups", "-2")),
    "padding-negative": (forward(padding=-1), ("padding", "-1")),
    "padding-pair-negative": (forward(padding=((0, 0), (0, -4))), ("padding", "-4")),
    "padding-name": (forward(padding="sane"), ("padding", "sane", "valid", "same", "full")),
    "kernel-size-0": (grad_kernel(kernel_size=0), ("kernel_size", "0")),
    "kernel-size-negative": (grad_kernel(kernel_size=(3, -3)), ("kernel_size", "-3")),
    "input-size-negative": (grad_input(input_size=(-9, 8)), ("input_size", "-9")),
    "stride-too-many": (forward(stride=(1, 1, 1)), ("stride", "3", "2")),
    "stride-too-few": (forward(stride=(1,)), ("stride", "1", "2")),
    "stride-none-at-all": (forward(stride=()), ("stride", "0", "2")),
    "dilation-too-many": (forward(dilation=[1] * 5), ("dilation", "5", "2")),
    "padding-too-many": (forward(padding=(1, 2, 3)), ("padding", "3", "2")),
    "padding-too-many-pairs": (forward(padding=((1, 2),) * 3), ("padding", "3", "2")),
    "padding-triple": (forward(padding=((1, 2, 3), (1, 2, 3))), ("padding", "3", "pair")),
    "kernel-size-too-many": (grad_kernel(kernel_size=(3, 3, 3, 3)), ("kernel_size", "4", "3")),
    "kernel-size-none-at-all": (grad_kernel(kernel_size=()), ("kernel_size", "0", "1")),
    "kernel-size-too-few": (grad_kernel(kernel_size=(3,)), ("G", "(2, 6, 7, 6)", "2", "3")),
    "input-size-too-few": (grad_input(input_size=(9,)), ("input_size", "1", "2")),
    "algorithm": (forward(algorithm="fast"), ("algorithm", "fast", "auto", "gemm", "reference")),
    "algorithm-in-backward": (backward(algorithm=""), ("algorithm", "auto", "gemm", "reference")),
    "threads-0": (lambda: cg.set_num_threads(0), ("0", "1")),
    "threads-negative": (lambda: cg.set_num_threads(-4), ("-4",)),
    "threads-too-many-to-count": (lambda: cg.set_num_threads(2**80), ("64 bits",)),
    # Output arrays.
    "out-shape": (forward(out=np.empty((2, 6, 7, 7))), ("out", "(2, 6, 7, 7)", "(2, 6, 7, 6)")),
    "out-rank": (forward(out=np.empty((6, 7, 6))), ("out", "(6, 7, 6)", "(2, 6, 7, 6)")),
    "out-shape-of-grad-kernel": (grad_kernel(out=np.empty((6, 4, 3, 2))), ("out", "(6, 4, 3, 2)", "(6, 4, 3, 3)")),
    "out-shape-of-grad-input": (grad_input(out=np.empty((2, 4, 9, 9))), ("out", "(2, 4, 9, 9)", "(2, 4, 9, 8)")),
    "out-read-only": (forward(out=read_only(G.shape)), ("out",)),
    "out-overlaps-itself": (forward(out=SELF_OVERLAPPING), ("out", "overlap")),
}

UNREADABLE: dict[str, tuple[Call, tuple[str, ...]]] = {
    "V-structured": (forward(V=structured_field(V.shape)), ("V", "copy()")),
    "K-misaligned": (forward(K=misaligned(K.shape)), ("K", "copy()")),
    "bias-structured": (forward(bias=structured_field((6,))), ("bias", "copy()")),
    "G-misaligned": (grad_input(G=misaligned(G.shape)), ("G", "copy()")),
    "grad-bias-misaligned": (lambda: cg.grad_bias(misaligned(G.shape)), ("G", "copy()")),
    "out-misaligned": (forward(out=misaligned(G.shape)), ("out",)),
}


def check(call: Call, exception: type[Exception] | tuple[type[Exception], ...], fragments: tuple[str, ...]) -> None:
    with pytest.raises(exception) as caught:
        call()
    assert type(caught.value) in (exception if isinstance(exception, tuple) else (exception,))
    message = str(caught.value)
    missing = [fragment for fragment in fragments if fragment not in message]
    assert not missing, f"{missing} not in: {message}"


@pytest.mark.parametrize("name", TYPE_ERRORS)
def test_type_errors(name: str) -> None:
    call, fragments = TYPE_ERRORS[name]
    check(call, TypeError, fragments)


@pytest.mark.parametrize("name", VALUE_ERRORS)
def test_value_errors(name: str) -> None:
    call, fragments = VALUE_ERRORS[name]
    check(call, ValueError, fragments)


@pytest.mark.parametrize("name", UNREADABLE)
def test_arrays_that_no_strides_in_elements_describe(name: str) -> None:
    call, fragments = UNREADABLE[name]
    check(call, (TypeError, ValueError), fragments)

"""The three passes in NumPy, as well as we know how to write them: what convgrad is measured against.

Each pass is written in several ways, because none is the fastest for every layer:

`windows`
    sliding_window_view + tensordot: the im2col matrix is stored, then one matrix product (per group).
`columns`
    grad_input only: one matrix product makes every tap's part (as large as im2col), then the parts are added up.
`taps`
    One matrix product per tap (kernel position) on a shifted view of the input, accumulated. Nothing is stored beyond
    one shifted copy; for a 1x1 kernel it is the plain matrix product.
`elementwise`
    Depthwise layers only, where a tap's matrix product is one multiplication.

Equations and axis order are those of `convgrad.forward`, `grad_kernel` and `grad_input`; padding is given per axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .layers import Array, Layer, Operands, PassName

Formulation = Callable[[Layer, Operands], Array]
Index = tuple[Any, ...]

# Storing the im2col matrix of a large kernel takes gigabytes; beyond this the other formulations are the sensible ones.
MAXIMUM_STORED_BYTES = 1 << 30


def forward_windows(layer: Layer, operands: Operands) -> Array:
    """Equation (1): the windows of the padded V times K."""
    return _correlate(_pad(operands.input, layer), operands.kernel, layer.stride, layer.dilation, layer.groups)


def forward_taps(layer: Layer, operands: Operands) -> Array:
    """Equation (1): the sum over taps of K[tap] times the shifted V."""
    padded = _pad(operands.input, layer)
    kernel = _grouped_kernel(operands.kernel, layer)
    output: Array | None = None
    for tap, shifted in _shifts(layer):
        part = kernel[tap] @ _flat(padded[shifted], layer.groups)
        output = part if output is None else np.add(output, part, out=output)
    assert output is not None
    return output.reshape(layer.output_shape)


def forward_elementwise(layer: Layer, operands: Operands) -> Array:
    """Equation (1) where every channel stands alone: the sum over taps of K[tap] times the shifted V, elementwise."""
    padded = _pad(operands.input, layer)
    output = np.zeros(layer.output_shape, padded.dtype)
    scratch = np.empty_like(output)
    for tap, shifted in _shifts(layer):
        output += np.multiply(padded[shifted], _per_channel(operands.kernel[tap], layer), out=scratch)
    return output


def grad_kernel_windows(layer: Layer, operands: Operands) -> Array:
    """Equation (2): G times the windows of the padded V, summed over images and pixels."""
    windows = _windows(_pad(operands.input, layer), layer.kernel_size, layer.stride, layer.dilation)
    pixels = (0, *range(2, operands.grad_output.ndim))
    # The windows first: the copy that tensordot makes of them then runs along image rows, which is the faster order.
    pairs = zip(_split(windows, layer.groups, 1), _split(operands.grad_output, layer.groups, 1), strict=True)
    parts = [np.tensordot(window, grad_output, axes=(pixels, pixels)) for window, grad_output in pairs]
    return np.moveaxis(_joined(parts, axis=-1), -1, 0)


def grad_kernel_taps(layer: Layer, operands: Operands) -> Array:
    """Equation (2): one tap at a time, G times the transposed shifted V, summed over images."""
    padded = _pad(operands.input, layer)
    grad_output = _flat(operands.grad_output, layer.groups)
    grad_kernel = np.empty(layer.kernel_shape, padded.dtype)
    for tap, shifted in _shifts(layer):
        by_image = grad_output @ _flat(padded[shifted], layer.groups).swapaxes(-1, -2)
        grad_kernel[tap] = by_image.sum(axis=0).reshape(layer.kernel_shape[:2])
    return grad_kernel


def grad_kernel_elementwise(layer: Layer, operands: Operands) -> Array:
    """Equation (2) where every channel stands alone: per tap, the inner product of G and the shifted V."""
    padded = _pad(operands.input, layer)
    grad_kernel = np.empty(layer.kernel_shape, padded.dtype)
    for tap, shifted in _shifts(layer):
        by_row: Array = np.einsum("nc...k,nc...k->nc...", operands.grad_output, padded[shifted])
        grad_kernel[tap] = by_row.sum(axis=(0, *range(2, by_row.ndim)))[:, None]
    return grad_kernel


def grad_input_windows(layer: Layer, operands: Operands) -> Array:
    """Equation (3) as a full correlation: G with zeros inserted between its elements times the flipped K."""
    reach = [(size - 1) * dilation for size, dilation in zip(layer.kernel_size, layer.dilation, strict=True)]
    padded_size = [size + more for size, more in zip(_padded_shape(layer)[2:], reach, strict=True)]
    spread = np.zeros((layer.batch, layer.out_channels, *padded_size), operands.grad_output.dtype)
    spread[_slices(reach, layer.output_size, layer.stride)] = operands.grad_output
    needed = [size + more for size, more in zip(layer.input_size, reach, strict=True)]
    flipped = np.flip(operands.kernel, axis=tuple(range(2, operands.kernel.ndim)))
    swapped = _joined([part.swapaxes(0, 1) for part in _split(flipped, layer.groups, 0)], axis=0)
    step = (1,) * len(reach)
    return _correlate(spread[_slices(layer.padding, needed, step)], swapped, step, layer.dilation, layer.groups)


def grad_input_columns(layer: Layer, operands: Operands) -> Array:
    """Equation (3): the transposed K times G for all taps at once, then each tap's part added where the tap reads."""
    kernel = operands.kernel.reshape(layer.groups, layer.out_channels // layer.groups, -1)
    columns = kernel.swapaxes(-1, -2) @ _flat(operands.grad_output, layer.groups)
    columns = columns.reshape(layer.batch, layer.in_channels, *layer.kernel_size, *layer.output_size)
    padded = np.zeros(_padded_shape(layer), columns.dtype)
    for tap, shifted in _shifts(layer):
        padded[shifted] += columns[(slice(None), slice(None), *tap[1:])]
    return padded[_unpadded(layer)]


def grad_input_taps(layer: Layer, operands: Operands) -> Array:
    """Equation (3): one tap at a time, the transposed K[tap] times G, added where the tap reads."""
    kernel = _grouped_kernel(operands.kernel, layer)
    grad_output = _flat(operands.grad_output, layer.groups)
    if math.prod(layer.kernel_size) == 1 and layer.input_size == layer.output_size:
        return (kernel.reshape(kernel.shape[:3]).swapaxes(-1, -2) @ grad_output).reshape(layer.input_shape)
    padded = np.zeros(_padded_shape(layer), grad_output.dtype)
    for tap, shifted in _shifts(layer):
        part = kernel[tap].swapaxes(-1, -2) @ grad_output
        padded[shifted] += part.reshape(layer.batch, layer.in_channels, *layer.output_size)
    return padded[_unpadded(layer)]


def grad_input_elementwise(layer: Layer, operands: Operands) -> Array:
    """Equation (3) where every channel stands alone: per tap, K[tap] times G, added where the tap reads."""
    padded = np.zeros(_padded_shape(layer), operands.grad_output.dtype)
    scratch = np.empty_like(operands.grad_output)
    for tap, shifted in _shifts(layer):
        weight = _per_channel(operands.kernel[tap], layer)
        padded[shifted] += np.multiply(operands.grad_output, weight, out=scratch)
    return padded[_unpadded(layer)]


_FORMULATIONS: dict[PassName, dict[str, Formulation]] = {
    "forward": {"windows": forward_windows, "taps": forward_taps, "elementwise": forward_elementwise},
    "grad_kernel": {"windows": grad_kernel_windows, "taps": grad_kernel_taps, "elementwise": grad_kernel_elementwise},
    "grad_input": {
        "windows": grad_input_windows,
        "columns": grad_input_columns,
        "taps": grad_input_taps,
        "elementwise": grad_input_elementwise,
    },
}


def formulations(layer: Layer, pass_name: PassName, item_bytes: int) -> dict[str, Formulation]:
    """Give the ways of computing one pass of one layer that make sense for it, by name."""
    chosen = dict(_FORMULATIONS[pass_name])
    if not layer.depthwise:
        del chosen["elementwise"]
    taps = layer.batch * math.prod(layer.kernel_size)
    columns = taps * math.prod(layer.output_size) * layer.in_channels
    full_correlation = taps * math.prod(layer.input_size) * layer.out_channels
    stored = {"windows": full_correlation if pass_name == "grad_input" else columns, "columns": columns}
    for name, elements in stored.items():
        if elements * item_bytes > MAXIMUM_STORED_BYTES:
            chosen.pop(name, None)
    return chosen


def _correlate(padded: Array, kernel: Array, stride: Sequence[int], dilation: Sequence[int], groups: int) -> Array:
    """Correlate an already padded (N, C, *size) with K through stored windows."""
    windows = _windows(padded, kernel.shape[2:], stride, dilation)
    rank = kernel.ndim - 2
    taps_of_windows, taps_of_kernel = (1, *range(2 + rank, 2 + 2 * rank)), tuple(range(1, 2 + rank))
    # K first: the copy that tensordot makes of the windows then runs along image rows, which is the faster order.
    pairs = zip(_split(kernel, groups, 0), _split(windows, groups, 1), strict=True)
    parts = [np.tensordot(weights, window, axes=(taps_of_kernel, taps_of_windows)) for weights, window in pairs]
    return _joined(parts, axis=0).swapaxes(0, 1)


def _windows(padded: Array, kernel_size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Array:
    """View every place of the dilated kernel: (N, C, *output_size, *kernel_size)."""
    reach = tuple((size - 1) * dilate + 1 for size, dilate in zip(kernel_size, dilation, strict=True))
    view: Array = sliding_window_view(padded, reach, axis=tuple(range(2, padded.ndim)))
    steps: Index = tuple(slice(None, None, step) for step in (*stride, *dilation))
    return view[(..., *steps)]


def _shifts(layer: Layer) -> Iterator[tuple[Index, Index]]:
    """For every tap, its index in K and the index of the elements of the padded V that it reads."""
    for tap in product(*map(range, layer.kernel_size)):
        offset = [position * dilation for position, dilation in zip(tap, layer.dilation, strict=True)]
        yield (..., *tap), _slices(offset, layer.output_size, layer.stride)


def _slices(start: Iterable[int], count: Iterable[int], step: Iterable[int]) -> Index:
    """Index the last axes: per axis `count` elements from `start`, `step` apart."""
    axes = zip(start, count, step, strict=True)
    return (..., *(slice(first, first + (number - 1) * by + 1, by) for first, number, by in axes))


def _unpadded(layer: Layer) -> Index:
    return _slices(layer.padding, layer.input_size, (1,) * len(layer.padding))


def _pad(array: Array, layer: Layer) -> Array:
    if not any(layer.padding):
        return array
    return np.pad(array, [(0, 0), (0, 0), *((pad, pad) for pad in layer.padding)])


def _padded_shape(layer: Layer) -> tuple[int, ...]:
    size = (size + 2 * pad for size, pad in zip(layer.input_size, layer.padding, strict=True))
    return (layer.batch, layer.in_channels, *size)


def _grouped_kernel(kernel: Array, layer: Layer) -> Array:
    """K as (groups, O / groups, C / groups, *kernel_size)."""
    return kernel.reshape(layer.groups, -1, *kernel.shape[1:])


def _flat(array: Array, groups: int) -> Array:
    """(N, C, *size) as (N, groups, C / groups, pixels): copied only where the pixels do not lie in one row."""
    return array.reshape(array.shape[0], groups, array.shape[1] // groups, -1)


def _per_channel(weights: Array, layer: Layer) -> Array:
    return weights.reshape(-1, *(1,) * len(layer.kernel_size))


def _split(array: Array, parts: int, axis: int) -> list[Array]:
    return [array] if parts == 1 else np.split(array, parts, axis=axis)


def _joined(parts: list[Array], axis: int) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)

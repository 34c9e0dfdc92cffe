"""JAX on the CPU: `conv_general_dilated` and its two transpositions, compiled before anything is timed.

The thread count comes from the environment that the process was started with (environment.py).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .contender import Array, Layer, Layout, Operands, PassName, Prepared, nothing_to_set


class Jax:
    """JAX; with "nhwc", K is spatial axes first, as in JAX's own layers."""

    name = "jax"

    def __init__(self, layout: Layout) -> None:
        """Load JAX and allow float64."""
        self._jax: Any = importlib.import_module("jax")
        self._jax.config.update("jax_enable_x64", True)
        self._layout = layout

    def limit_threads(self, count: int) -> AbstractContextManager[None]:
        """Do nothing: XLA's pool was made with the count of the environment."""
        del count
        return nothing_to_set()

    def prepare(self, layer: Layer, pass_name: PassName, operands: Operands) -> Prepared:
        """Give JAX the arrays and compile."""
        jax = self._jax
        last = self._layout == "nhwc"
        axes = "DHW"[3 - len(layer.kernel_size) :]
        data, weights = (f"N{axes}C", f"{axes}IO") if last else (f"NC{axes}", f"OI{axes}")

        def convolution(array: Any, kernel: Any) -> Any:
            return jax.lax.conv_general_dilated(
                array,
                kernel,
                layer.stride,
                [(pad, pad) for pad in layer.padding],
                rhs_dilation=layer.dilation,
                dimension_numbers=(data, weights, data),
                feature_group_count=layer.groups,
            )

        def move(operand: Array, *, to_kernel: bool = False) -> Any:
            if last:
                operand = _kernel_last(operand) if to_kernel else np.moveaxis(operand, 1, -1)
            return jax.device_put(np.ascontiguousarray(operand))

        array, grad_output = move(operands.input), move(operands.grad_output)
        kernel = move(operands.kernel, to_kernel=True)
        passes: dict[PassName, tuple[Callable[[Any, Any], Any], Any, Any]] = {
            "forward": (convolution, array, kernel),
            "grad_input": (
                lambda grad, weight: jax.linear_transpose(lambda one: convolution(one, weight), array)(grad)[0],
                grad_output,
                kernel,
            ),
            "grad_kernel": (
                lambda grad, source: jax.linear_transpose(lambda one: convolution(source, one), kernel)(grad)[0],
                grad_output,
                array,
            ),
        }
        function, first, second = passes[pass_name]
        compiled = jax.jit(function)
        compiled(first, second).block_until_ready()

        def as_array(result: Any) -> Array:
            found: Array = np.asarray(result)
            if not last:
                return found
            return _kernel_first(found) if pass_name == "grad_kernel" else np.moveaxis(found, -1, 1)

        return Prepared(lambda: compiled(first, second).block_until_ready(), as_array, "jit")


def _kernel_last(kernel: Array) -> Array:
    """(O, C, *size) as (*size, C, O)."""
    return kernel.transpose(*range(2, kernel.ndim), 1, 0)


def _kernel_first(kernel: Array) -> Array:
    """(*size, C, O) as (O, C, *size)."""
    return kernel.transpose(-1, -2, *range(kernel.ndim - 2))


def make(layout: Layout) -> Jax:
    """Make the contender."""
    return Jax(layout)

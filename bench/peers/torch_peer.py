"""PyTorch on the CPU: `conv1d` to `conv3d` forward, and for gradients the operator that autograd would call.

Called directly, without autograd's bookkeeping around it. Tensors share the memory of the NumPy arrays.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from .contender import Array, Layer, Layout, Operands, PassName, Prepared


class Torch:
    """PyTorch; with "nhwc", K is channels_last, too, as PyTorch's documentation advises."""

    name = "torch"

    def __init__(self, layout: Layout) -> None:
        """Load PyTorch."""
        self._torch: Any = importlib.import_module("torch")
        self._layout = layout

    @contextmanager
    def limit_threads(self, count: int) -> Generator[None]:
        """Set PyTorch's own thread count; nothing is recorded for autograd meanwhile."""
        torch = self._torch
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            with torch.inference_mode():
                yield
        finally:
            torch.set_num_threads(before)

    def prepare(self, layer: Layer, pass_name: PassName, operands: Operands) -> Prepared:
        """Make tensors of the arrays and bind them."""
        torch = self._torch
        array, kernel, grad_output = map(torch.from_numpy, operands)
        rank = len(layer.kernel_size)
        if self._layout == "nhwc" and rank > 1:
            kernel = kernel.contiguous(memory_format=torch.channels_last if rank == 2 else torch.channels_last_3d)
        options = (layer.stride, layer.padding, layer.dilation)
        convolution = getattr(torch.nn.functional, f"conv{rank}d")
        gradients = torch.ops.aten.convolution_backward
        zeros = (0,) * rank

        def gradient(index: int) -> Callable[[], Any]:
            mask = [place == index for place in range(3)]
            return lambda: gradients(grad_output, array, kernel, None, *options, False, zeros, layer.groups, mask)[
                index
            ]

        calls: dict[PassName, Callable[[], Any]] = {
            "forward": lambda: convolution(array, kernel, None, *options, layer.groups),
            "grad_input": gradient(0),
            "grad_kernel": gradient(1),
        }
        return Prepared(calls[pass_name], _as_array, "channels_last" if self._layout == "nhwc" else "")


def _as_array(result: Any) -> Array:
    array: Array = result.numpy()
    return array


def make(layout: Layout) -> Torch:
    """Make the contender."""
    return Torch(layout)

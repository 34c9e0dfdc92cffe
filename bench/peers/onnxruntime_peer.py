"""ONNX Runtime on the CPU: a model of one node.

Forward is a Conv. grad_input is a ConvTranspose; with stride 1 it is a Conv of the flipped kernel as well, mostly
faster, so there both are tried. K is a constant of the model, flipped or not, so that the library may rearrange it
once, before anything is timed: that is its way of working. It has no gradient with respect to K, and its Conv no
float64 on the CPU.
"""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .contender import Array, Layer, Layout, Operands, PassName, Prepared, as_it_is, fastest, nothing_to_set

_OPSET = 13
_IR_VERSION = 8


class OnnxRuntime:
    """ONNX Runtime, one session per layer, pass and thread count."""

    name = "onnxruntime"

    def __init__(self, layout: Layout) -> None:
        """Load ONNX Runtime, and ONNX to write models with."""
        self._runtime: Any = importlib.import_module("onnxruntime")
        self._onnx: Any = importlib.import_module("onnx")
        importlib.import_module("onnx.numpy_helper")
        self._layout = layout
        self._threads = 1

    def limit_threads(self, count: int) -> AbstractContextManager[None]:
        """Note the count for the sessions made from now on."""
        self._threads = count
        return nothing_to_set()

    def prepare(self, layer: Layer, pass_name: PassName, operands: Operands) -> Prepared | None:
        """Make a session; None for grad_kernel, for other layouts, and where the library lacks the data type."""
        if pass_name == "grad_kernel" or self._layout != "nchw":
            return None
        nodes = [forward_node(layer, operands)] if pass_name == "forward" else grad_input_nodes(layer, operands)
        try:
            return fastest([self.prepare_node(node) for node in nodes])
        except self._runtime.capi.onnxruntime_pybind11_state.NotImplemented:
            return None

    def prepare_node(self, node: Node) -> Prepared:
        """Make a session for one node; raise NotImplemented of the library where it lacks the data type."""
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        session = self._runtime.InferenceSession(
            self._model(node).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        run, feed = session.run, {"source": node.source}
        return Prepared(lambda: run(None, feed)[0], as_it_is, f"{node.operator}, K rearranged beforehand")

    def _model(self, node: Node) -> Any:
        helper = self._onnx.helper
        element = helper.np_dtype_to_tensor_dtype(node.kernel.dtype)
        graph = helper.make_graph(
            [helper.make_node(node.operator, ["source", "kernel"], ["target"], **node.attributes)],
            "layer",
            [helper.make_tensor_value_info("source", element, node.source.shape)],
            [helper.make_tensor_value_info("target", element, node.target_shape)],
            [self._onnx.numpy_helper.from_array(node.kernel, "kernel")],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


@dataclass(frozen=True)
class Node:
    """What the one node of a model computes, and from what."""

    operator: str
    source: Array
    kernel: Array
    target_shape: tuple[int, ...]
    attributes: dict[str, Any]


def forward_node(layer: Layer, operands: Operands) -> Node:
    """Give the node that computes Z."""
    attributes = {
        "strides": layer.stride,
        "pads": layer.padding * 2,
        "dilations": layer.dilation,
        "group": layer.groups,
    }
    return Node("Conv", operands.input, operands.kernel, layer.output_shape, attributes)


def grad_input_nodes(layer: Layer, operands: Operands) -> list[Node]:
    """Give the ways to compute grad_input, one or two."""
    transposed = replace(
        forward_node(layer, operands),
        operator="ConvTranspose",
        source=operands.grad_output,
        target_shape=layer.input_shape,
    )
    reach = [(window - 1) * dilation for window, dilation in zip(layer.kernel_size, layer.dilation, strict=True)]
    # What the last stride did not reach.
    unreached = [
        (size + 2 * pad - length - 1) % step
        for size, pad, length, step in zip(layer.input_size, layer.padding, reach, layer.stride, strict=True)
    ]
    transposed.attributes["output_padding"] = unreached
    pads = [length - pad for length, pad in zip(reach, layer.padding, strict=True)]
    if max(layer.stride) > 1 or min(pads) < 0:
        return [transposed]
    flipped = replace(
        forward_node(layer, operands),
        source=operands.grad_output,
        kernel=_flipped(operands.kernel, layer.groups),
        target_shape=layer.input_shape,
    )
    flipped.attributes["pads"] = pads * 2
    return [transposed, flipped]


def _flipped(kernel: Array, groups: int) -> Array:
    """K backwards along its spatial axes, and with its two axes of channels swapped within each group."""
    out_channels, in_channels, *size = kernel.shape
    split = kernel.reshape(groups, out_channels // groups, in_channels, *size)
    swapped = np.flip(split.swapaxes(1, 2), axis=tuple(range(3, split.ndim)))
    return np.ascontiguousarray(swapped).reshape(groups * in_channels, out_channels // groups, *size)


def make(layout: Layout) -> OnnxRuntime:
    """Make the contender."""
    return OnnxRuntime(layout)

"""ONNX Runtime on the CPU: a model of one node, Conv for forward and ConvTranspose for grad_input.

K is a constant of the model, so that the library may rearrange it once, before anything is timed: that is its way of
working. It has no gradient with respect to K, and its Conv no float64 on the CPU.
"""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from typing import Any

from .contender import Layer, Layout, Operands, PassName, Prepared, as_it_is, nothing_to_set

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
        forward = pass_name == "forward"
        source = operands.input if forward else operands.grad_output
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            session = self._runtime.InferenceSession(
                self._model(layer, forward, operands).SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except self._runtime.capi.onnxruntime_pybind11_state.NotImplemented:
            return None
        run, feed = session.run, {"source": source}
        return Prepared(lambda: run(None, feed)[0], as_it_is, "K rearranged beforehand")

    def _model(self, layer: Layer, forward: bool, operands: Operands) -> Any:
        helper = self._onnx.helper
        attributes: dict[str, Any] = {
            "strides": layer.stride,
            "pads": layer.padding * 2,
            "dilations": layer.dilation,
            "group": layer.groups,
        }
        if not forward:
            # What the last stride did not reach.
            attributes["output_padding"] = [
                (size + 2 * pad - (window - 1) * dilation - 1) % step
                for size, pad, window, dilation, step in zip(
                    layer.input_size, layer.padding, layer.kernel_size, layer.dilation, layer.stride, strict=True
                )
            ]
        shapes = (layer.input_shape, layer.output_shape)
        source, target = shapes if forward else shapes[::-1]
        element = helper.np_dtype_to_tensor_dtype(operands.kernel.dtype)
        graph = helper.make_graph(
            [helper.make_node("Conv" if forward else "ConvTranspose", ["source", "kernel"], ["target"], **attributes)],
            "layer",
            [helper.make_tensor_value_info("source", element, source)],
            [helper.make_tensor_value_info("target", element, target)],
            [self._onnx.numpy_helper.from_array(operands.kernel, "kernel")],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


def make(layout: Layout) -> OnnxRuntime:
    """Make the contender."""
    return OnnxRuntime(layout)

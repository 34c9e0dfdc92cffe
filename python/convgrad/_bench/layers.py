"""The layers that the benchmark times, as data: MNIST's first to 31x31 kernels, dense, depthwise and grouped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray

PassName = Literal["forward", "grad_kernel", "grad_input"]
PASSES: tuple[PassName, ...] = get_args(PassName)

# float32 or float64 throughout; NumPy's own functions do not carry the union through.
Array = NDArray[Any]


class Options(TypedDict):
    """The keyword arguments that every convgrad operation takes."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int


class Operands(NamedTuple):
    """V, K and G of one layer."""

    input: Array
    kernel: Array
    grad_output: Array


@dataclass(frozen=True)
class Layer:
    """The sizes of one convolutional layer; sizes per spatial axis are tuples, padding is the same before and after."""

    name: str
    batch: int
    in_channels: int
    input_size: tuple[int, ...]
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1

    @property
    def options(self) -> Options:
        """What is passed to convgrad beside the arrays."""
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}

    @property
    def output_size(self) -> tuple[int, ...]:
        """Spatial sizes of Z."""
        reach = ((size - 1) * dilation + 1 for size, dilation in zip(self.kernel_size, self.dilation, strict=True))
        axes = zip(self.input_size, reach, self.stride, self.padding, strict=True)
        return tuple((size + 2 * pad - window) // step + 1 for size, window, step, pad in axes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of V and dV."""
        return (self.batch, self.in_channels, *self.input_size)

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Shape of K and dK."""
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of Z and G."""
        return (self.batch, self.out_channels, *self.output_size)

    @property
    def depthwise(self) -> bool:
        """Whether every channel is convolved on its own."""
        return self.groups == self.in_channels == self.out_channels

    @property
    def flops(self) -> int:
        """Multiplications and additions of any of the three passes, taps on padding counted as work done."""
        return 2 * math.prod(self.output_shape) * math.prod(self.kernel_shape[1:])

    def terms(self, pass_name: PassName) -> int:
        """How many products are summed into one element of the result, at most."""
        if pass_name == "grad_kernel":
            return self.batch * math.prod(self.output_size)
        channels = self.in_channels if pass_name == "forward" else self.out_channels
        return channels // self.groups * math.prod(self.kernel_size)

    def operands(self, dtype: str, seed: int = 0) -> Operands:
        """Draw V, K and G from a normal distribution, in C order.

        Parameters
        ----------
        dtype : {"float32", "float64"}
            Type of all three.
        seed : int, optional
            The same seed gives the same arrays.

        Returns
        -------
        Operands
            V of `input_shape`, K of `kernel_shape` and G of `output_shape`.
        """
        rng = np.random.default_rng(seed)
        shapes = (self.input_shape, self.kernel_shape, self.output_shape)
        return Operands(*(rng.standard_normal(shape, dtype=np.dtype(dtype).type) for shape in shapes))

    def __str__(self) -> str:
        """Give the sizes in the short notation of the report: `4,64,56x56 -> 64, 3x3 s1 p1`."""
        sizes = _times(self.input_size)
        text = f"{self.batch},{self.in_channels},{sizes} -> {self.out_channels}, {_times(self.kernel_size)}"
        for letter, values, default in (("s", self.stride, 1), ("p", self.padding, 0), ("d", self.dilation, 1)):
            if any(value != default for value in values):
                text += f" {letter}{values[0] if len(set(values)) == 1 else _times(values)}"
        return text if self.groups == 1 else f"{text}, {self.groups} groups"


def _times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def square(
    name: str,
    batch: int,
    in_channels: int,
    size: int,
    out_channels: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Layer:
    """Make a two-dimensional layer that has the same sizes along both axes."""
    pair = [(value, value) for value in (size, kernel, stride, padding, dilation)]
    return Layer(name, batch, in_channels, pair[0], out_channels, pair[1], pair[2], pair[3], pair[4], groups)


LAYERS: tuple[Layer, ...] = (
    square("mnist", 32, 1, 28, 32, 5),
    square("cifar", 32, 32, 32, 64, 3, padding=1),
    square("resnet-conv1", 4, 3, 224, 64, 7, stride=2, padding=3),
    square("resnet-56", 4, 64, 56, 64, 3, padding=1),
    square("resnet-56-s2", 4, 128, 56, 128, 3, stride=2, padding=1),
    square("resnet-14", 4, 256, 14, 256, 3, padding=1),
    square("resnet-7", 4, 512, 7, 512, 3, padding=1),
    square("resnet-56-1x1", 4, 64, 56, 256, 1),
    square("resnet-14-1x1", 4, 1024, 14, 256, 1),
    square("resnet-56-1x1-s2", 4, 256, 56, 512, 1, stride=2),
    square("vgg", 1, 256, 56, 256, 3, padding=1),
    square("inception", 4, 48, 35, 64, 5, padding=2),
    square("aspp", 1, 256, 33, 256, 3, padding=6, dilation=6),
    square("mobilenet", 4, 144, 56, 144, 3, padding=1, groups=144),
    square("convnext", 4, 96, 56, 96, 7, padding=3, groups=96),
    square("resnext", 4, 128, 56, 128, 3, padding=1, groups=32),
    square("large", 1, 8, 128, 8, 31, padding=15),
)

# A minute's worth that still has a small layer, a common one, a strided one, a 1x1 and a grouped one.
QUICK: tuple[str, ...] = ("mnist", "resnet-56", "resnet-56-s2", "resnet-14-1x1", "resnext")

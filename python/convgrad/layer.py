"""ConvLayer: the three passes together with the kernel that they share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from operator import index
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import _core
from ._typing import AxisSizes, Padding


class ConvLayer:
    """A convolutional layer that keeps its kernel and bias and learns by gradient descent.

    Z = `forward` (V); dV = `backward` (G) leaves dK and db in the layer; `update` does K <- K - alpha dK.

    Parameters
    ----------
    K : ndarray, shape (O, C / groups, *kernel_size)
        Kernel to start from: float32 or float64. The layer keeps a copy.
    bias : ndarray, shape (O,), optional
        Bias to start from, of K's dtype. The layer keeps a copy. Without one, the layer has no bias.
    stride : int or sequence of r ints, default 1
        Elements that the kernel moves from one output pixel to the next.
    padding : int, r ints, r pairs (before, after), "valid", "same" or "full", default 0
        Zeros around the input, as in `convgrad.forward`.
    dilation : int or sequence of r ints, default 1
        Distance of neighboring taps of the kernel in the input.
    groups : int, default 1
        Independent groups of channels; divides C and O.

    Attributes
    ----------
    kernel : ndarray, shape (O, C / groups, *kernel_size)
        K.
    bias : ndarray, shape (O,), or None
        b.
    grad_kernel : ndarray, shape of kernel, or None
        dK of the last `backward`; None before the first.
    grad_bias : ndarray, shape (O,), or None
        db of the last `backward`; None before the first, and always when the layer has no bias.

    Raises
    ------
    TypeError
        K or bias is no array or not float32/float64, their dtypes differ, or another argument has the wrong type.
    ValueError
        Shapes or values that no input could be used with.

    Examples
    --------
    >>> import numpy as np, convgrad as cg
    >>> layer = cg.ConvLayer.initialize(1, 8, 3, padding="same", rng=0)
    >>> V = np.zeros((32, 1, 28, 28), np.float32)
    >>> Z = layer.forward(V)
    >>> dV = layer.backward(np.ones_like(Z))
    >>> layer.update(0.01)
    """

    def __init__(
        self,
        K: NDArray[Any],
        bias: NDArray[Any] | None = None,
        *,
        stride: AxisSizes = 1,
        padding: Padding = 0,
        dilation: AxisSizes = 1,
        groups: SupportsIndex = 1,
    ) -> None:
        _core.check_layer(K, bias, stride, padding, dilation, groups)
        self.kernel: NDArray[Any] = np.array(K)
        self.bias: NDArray[Any] | None = None if bias is None else np.array(bias)
        self.stride: AxisSizes = _frozen(stride)
        self.padding: Padding = _frozen(padding)
        self.dilation: AxisSizes = _frozen(dilation)
        self.groups = index(groups)
        self.grad_kernel: NDArray[Any] | None = None
        self.grad_bias: NDArray[Any] | None = None
        self._input: NDArray[Any] | None = None

    @classmethod
    def initialize(
        cls,
        in_channels: SupportsIndex,
        out_channels: SupportsIndex,
        kernel_size: AxisSizes,
        *,
        rng: np.random.Generator | int | None = None,
        bias: bool = True,
        dtype: DTypeLike = "float32",
        stride: AxisSizes = 1,
        padding: Padding = 0,
        dilation: AxisSizes = 1,
        groups: SupportsIndex = 1,
    ) -> ConvLayer:
        """Make a layer with random weights (He initialization) and a bias of zeros.

        The weights are normal with mean 0 and standard deviation sqrt(2 / fan_in), fan_in = C / groups x the number of
        taps, which keeps the variance of activations through layers of rectified linear units.

        Parameters
        ----------
        in_channels, out_channels : int
            C and O.
        kernel_size : int or sequence of r ints
            Spatial sizes of the kernel. The sequence says the spatial rank r; an int stands for (k, k).
        rng : numpy.random.Generator, int or None
            Where the weights come from: a generator, a seed, or None for an unpredictable seed.
        bias : bool, default True
            Whether the layer has a bias.
        dtype : dtype-like, default "float32"
            float32 or float64.
        stride, padding, dilation, groups
            As for the class.

        Returns
        -------
        ConvLayer

        Raises
        ------
        TypeError
            An argument has the wrong type.
        ValueError
            Sizes or values out of range, or groups that do not divide the channels.
        """
        groups = _integer("groups", groups)
        channels = _integer("in_channels", in_channels)
        outputs = _integer("out_channels", out_channels)
        if channels % groups or outputs % groups:
            raise ValueError(
                f"groups: expected a divisor of {channels} input and {outputs} output channels, got {groups}"
            )
        if not isinstance(bias, bool | np.bool_):
            raise TypeError(f"bias: expected True or False, got {type(bias).__name__}")
        shape = (outputs, channels // groups, *_kernel_size(kernel_size))
        if math.prod(shape) > 1 << 59:
            raise ValueError("out_channels, in_channels, kernel_size: K overflows: more than 2**59 elements")
        kind = _float_type(dtype)
        K = _generator(rng).standard_normal(shape, dtype=kind)
        K *= math.sqrt(2 / math.prod(shape[1:]))
        start = np.zeros(outputs, kind) if bias else None
        return cls(K, start, stride=stride, padding=padding, dilation=dilation, groups=groups)

    def forward(self, V: NDArray[Any]) -> NDArray[Any]:
        """Compute Z = b + K * V, and keep V for `backward`.

        Parameters
        ----------
        V : ndarray, shape (N, C, *input_size) or (C, *input_size)
            Input, of the kernel's dtype. It is kept, not copied: leave it unchanged until `backward`.

        Returns
        -------
        Z : ndarray, shape (N, O, *output_size) or (O, *output_size)

        Raises
        ------
        TypeError, ValueError, MemoryError
            As `convgrad.forward`. The input of the call before is kept then.
        """
        self._check_type("V", V)
        Z = _core.forward(
            V, self.kernel, self.bias, self.stride, self.padding, self.dilation, self.groups, None, "auto"
        )
        self._input = V
        return Z

    def backward(self, G: NDArray[Any]) -> NDArray[Any]:
        """Compute dV from G = dJ/dZ for the last input, and leave dK and db in `grad_kernel` and `grad_bias`.

        Parameters
        ----------
        G : ndarray, shape (N, O, *output_size) or (O, *output_size)
            dJ/dZ, the shape of the last Z.

        Returns
        -------
        dV : ndarray, shape of V

        Raises
        ------
        RuntimeError
            `forward` has not been called.
        TypeError, ValueError, MemoryError
            As `convgrad.backward`. The gradients of the call before are kept then.
        """
        if self._input is None:
            raise RuntimeError("ConvLayer.backward needs the input of a forward pass: call forward first")
        self._check_type("G", G)
        dV, dK, db = _core.backward(
            G, self._input, self.kernel, self.stride, self.padding, self.dilation, self.groups, "auto"
        )
        self.grad_kernel = dK
        self.grad_bias = None if self.bias is None else db
        return dV

    def update(self, learning_rate: float) -> None:
        """Take one step of gradient descent: K <- K - alpha dK, b <- b - alpha db, in place.

        Parameters
        ----------
        learning_rate : float
            alpha, a finite number of at least 0.

        Raises
        ------
        RuntimeError
            `backward` has not been called.
        TypeError
            `learning_rate` is no real number.
        ValueError
            `learning_rate` is negative, infinite or not a number.
        """
        alpha = _learning_rate(learning_rate)
        if self.grad_kernel is None:
            raise RuntimeError("ConvLayer.update needs gradients: call backward first")
        self.kernel -= alpha * self.grad_kernel
        if self.bias is not None and self.grad_bias is not None:
            self.bias -= alpha * self.grad_bias

    def _check_type(self, name: str, array: NDArray[Any]) -> None:
        """Leave anything but the dtype to the passes, whose messages would want K to follow it."""
        dtype = self.kernel.dtype
        if isinstance(array, np.ndarray) and array.dtype != dtype:
            raise TypeError(
                f"{name}: expected {dtype}, the layer's dtype, got {array.dtype}; convert it, e.g. "
                f"{name}.astype(numpy.{dtype})"
            )

    def __repr__(self) -> str:
        out_channels, group_channels, *size = self.kernel.shape
        return (
            f"ConvLayer({group_channels * self.groups} -> {out_channels} channels, kernel_size={tuple(size)}, "
            f"stride={self.stride}, padding={self.padding!r}, dilation={self.dilation}, groups={self.groups}, "
            f"bias={self.bias is not None}, dtype={self.kernel.dtype})"
        )


def _integer(name: str, value: object) -> int:
    """A size: an int of at least 1."""
    if isinstance(value, bool | np.bool_ | np.ndarray) or not isinstance(value, SupportsIndex):
        raise TypeError(f"{name}: expected an int, got {type(value).__name__}")
    number = index(value)
    if not -1 << 63 <= number < 1 << 63:  # Python refuses to print some
        raise ValueError(f"{name}: expected a signed integer of at most 64 bits, got one beyond")
    if number < 1:
        raise ValueError(f"{name}: expected at least 1, got {number}")
    return number


def _kernel_size(value: AxisSizes) -> tuple[int, ...]:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, str | bytes | bytearray) or not isinstance(value, Sequence | np.ndarray):
        return (_integer("kernel_size", value),) * 2
    if not 1 <= len(value) <= 3:
        raise ValueError(f"kernel_size: expected an int or 1, 2 or 3 ints, got {len(value)} values")
    return tuple(_integer(f"kernel_size[{axis}]", size) for axis, size in enumerate(value))


def _float_type(dtype: DTypeLike) -> type[np.float32] | type[np.float64]:
    try:
        kind = None if dtype is None else np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):  # the last one from parsing texts such as ","
        kind = None
    if kind == np.float32:
        return np.float32
    if kind == np.float64:
        return np.float64
    raise TypeError(f"dtype: expected float32 or float64, got {dtype!r}")


def _generator(rng: np.random.Generator | int | None) -> np.random.Generator:
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(f"rng: expected a numpy.random.Generator, a seed of at least 0 or None ({error})") from None


def _learning_rate(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"learning_rate: expected a real number, got {type(value).__name__}")
    try:
        alpha = float(value)
    except OverflowError:
        alpha = math.inf
    if not 0 <= alpha < math.inf:
        raise ValueError(f"learning_rate: expected a finite number of at least 0, got {alpha}")
    return alpha


def _frozen(value: Any) -> Any:
    """A copy that the caller cannot change later: an int, a string, or tuples of ints."""
    if isinstance(value, str):
        return value
    try:
        return index(value)
    except TypeError:
        return tuple(_frozen(item) for item in value)

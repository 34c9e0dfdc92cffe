"""The three passes of a convolutional layer as functions on NumPy arrays.

V is the input, K the kernel (weights), Z the output, G = dJ/dZ the gradient of a loss J that arrives from the next
layer. Indices in the equations count from 1, for one image without padding, dilation and groups, with stride s.

Rules that hold for every function:

- Spatial rank r = K.ndim - 2, one of 1, 2, 3. K is (O, C / groups, *kernel_size). V is (N, C, *input_size) or, for one
  image, (C, *input_size); Z and G follow V: (N, O, *output_size) or (O, *output_size), where on each axis
  output_size = floor((input_size + before + after - (kernel_size - 1) dilation - 1) / stride) + 1.
- All sizes, strides and paddings are counted in elements. Sizes may be 0 where the mathematics allows it.
- float32 and float64, the same for all operands and the result. Nothing is cast.
- Any memory layout is read and written in place, by its strides: transposed, sliced, reversed, broadcast.
- Results are new C-contiguous arrays unless `out` is given.
- The same bits come out for any number of threads and any memory layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, SupportsIndex

from numpy.typing import DTypeLike, NDArray

from . import _core
from ._typing import Algorithm, AxisSizes, FloatT, Padding, PassName


class Gradients(NamedTuple):
    """The gradients of a layer, in the order of `backward`."""

    input: NDArray[Any]
    """dV = dJ/dV, the shape of V."""
    kernel: NDArray[Any]
    """dK = dJ/dK, the shape of K."""
    bias: NDArray[Any]
    """db = dJ/db, shape (O,)."""


class Plan(NamedTuple):
    """What runs for one pass of one problem, as `plan` tells."""

    algorithm: str
    """Name of the algorithm, never "auto"."""
    output_shape: tuple[int, ...]
    """Shape of the pass' result: Z, dK or dV."""
    flops: int
    """Floating-point operations: 2 x multiplications, taps on padding counted."""
    workspace_bytes: int
    """Memory beyond operands and result, in bytes."""
    threads: int
    """Threads that take part."""
    isa: str
    """Kernel set: "avx512", "avx2", "neon" or "baseline"."""
    error_constant: float
    """c of the bound |error| <= c eps sqrt(terms) S for every element of the result."""
    description: str
    """What was chosen and why, for a person who wonders about a layer's speed: the way, what the others were estimated
    to take, blocks, tasks, what is copied. The wording may change."""


def forward(
    V: NDArray[FloatT],
    K: NDArray[FloatT],
    bias: NDArray[FloatT] | None = None,
    *,
    stride: AxisSizes = 1,
    padding: Padding = 0,
    dilation: AxisSizes = 1,
    groups: SupportsIndex = 1,
    out: NDArray[FloatT] | None = None,
    algorithm: Algorithm = "auto",
) -> NDArray[FloatT]:
    """Apply a convolutional layer: the output Z for the input V and the kernel K.

    .. math:: Z_{i,j,k} = b_i + \\sum_{l,m,n} V_{l,(j-1)s+m,(k-1)s+n} K_{i,l,m,n}

    This is cross-correlation, as in every deep-learning library: the kernel is not flipped.

    Parameters
    ----------
    V : ndarray, shape (N, C, *input_size) or (C, *input_size)
        Input: float32 or float64, any strides.
    K : ndarray, shape (O, C / groups, *kernel_size)
        Kernel, of V's dtype.
    bias : ndarray, shape (O,), optional
        Added to every pixel of its output channel.
    stride : int or sequence of r ints, default 1
        Elements that the kernel moves from one output pixel to the next, at least 1.
    padding : int, r ints, r pairs (before, after), "valid", "same" or "full", default 0
        Zeros around the input. "valid": none. "same": output_size = ceil(input_size / stride), the odd zero goes after.
        "full": every overlap of kernel and input, (kernel_size - 1) dilation on both sides.
    dilation : int or sequence of r ints, default 1
        Distance of neighboring taps of the kernel in the input, at least 1.
    groups : int, default 1
        Independent groups of channels; divides C and O. groups = C is a depthwise layer.
    out : ndarray, optional
        Where to write Z: its shape and dtype, any strides, no memory in common with V, K or bias.
    algorithm : {"auto", "gemm", "reference"}, default "auto"
        How to compute. "auto" chooses by shape and dtype alone; "reference" is slow and obvious.

    Returns
    -------
    Z : ndarray, shape (N, O, *output_size) or (O, *output_size)
        `out` if it was given.

    Raises
    ------
    TypeError
        An operand is no array or not float32/float64, dtypes differ, or another argument has the wrong type.
    ValueError
        Shapes that do not fit together, values out of range, a kernel larger than the padded input, sizes that
        overflow, misaligned memory, an unsuitable `out`, or an algorithm that is unknown or cannot serve the problem.
    MemoryError
        No memory for the result or the workspace.

    See Also
    --------
    grad_kernel, grad_input, grad_bias, backward : the gradients.
    plan : what would run, and with how much memory.

    Examples
    --------
    >>> import numpy as np, convgrad as cg
    >>> V = np.arange(1.0, 10.0).reshape(1, 3, 3)
    >>> K = np.array([[[[1.0, 0.0], [0.0, -1.0]]]])
    >>> cg.forward(V, K)
    array([[[-4., -4.],
            [-4., -4.]]])
    """
    return _core.forward(V, K, bias, stride, padding, dilation, groups, out, algorithm)


def grad_kernel(
    G: NDArray[FloatT],
    V: NDArray[FloatT],
    kernel_size: AxisSizes,
    *,
    stride: AxisSizes = 1,
    padding: Padding = 0,
    dilation: AxisSizes = 1,
    groups: SupportsIndex = 1,
    out: NDArray[FloatT] | None = None,
    algorithm: Algorithm = "auto",
) -> NDArray[FloatT]:
    """Gradient with respect to the kernel: dK = dJ/dK from G = dJ/dZ and the input V.

    .. math:: dK_{i,j,k,l} = \\sum_{m,n} G_{i,m,n} V_{j,(m-1)s+k,(n-1)s+l}

    summed over the images of a batch as well.

    Parameters
    ----------
    G : ndarray, shape (N, O, *output_size) or (O, *output_size)
        dJ/dZ: float32 or float64, any strides, exactly the shape that `forward` gives.
    V : ndarray, shape (N, C, *input_size) or (C, *input_size)
        Input of the layer, of G's dtype, with a batch axis exactly if G has one.
    kernel_size : int or sequence of r ints
        Spatial sizes of the kernel (``K.shape[2:]``), at least 1. A sequence says the spatial rank r as well. An int
        leaves it to the arrays: 2 axes are read as r = 1, 3 and 4 axes as r = 2, 5 axes as r = 3. Write ``(k,)`` for
        a batch of one-dimensional inputs and ``(k, k, k)`` for one three-dimensional input without a batch axis.
    stride, padding, dilation, groups
        As in `forward`, the values that made Z.
    out : ndarray, optional
        Where to write dK: its shape and dtype, any strides, no memory in common with G or V.
    algorithm : {"auto", "gemm", "reference"}, default "auto"
        How to compute.

    Returns
    -------
    dK : ndarray, shape (O, C / groups, *kernel_size)
        `out` if it was given. Zero for an empty batch.

    Raises
    ------
    TypeError
        An operand is no array or not float32/float64, dtypes differ, or another argument has the wrong type.
    ValueError
        G does not have the shape that `forward` gives, or one of the reasons named there.
    MemoryError
        No memory for the result or the workspace.

    Examples
    --------
    >>> import numpy as np, convgrad as cg
    >>> V = np.arange(1.0, 10.0).reshape(1, 3, 3)
    >>> G = np.ones((1, 2, 2))
    >>> cg.grad_kernel(G, V, 2)
    array([[[[12., 16.],
             [24., 28.]]]])
    """
    return _core.grad_kernel(G, V, kernel_size, stride, padding, dilation, groups, out, algorithm)


def grad_input(
    G: NDArray[FloatT],
    K: NDArray[FloatT],
    input_size: AxisSizes,
    *,
    stride: AxisSizes = 1,
    padding: Padding = 0,
    dilation: AxisSizes = 1,
    groups: SupportsIndex = 1,
    out: NDArray[FloatT] | None = None,
    algorithm: Algorithm = "auto",
) -> NDArray[FloatT]:
    """Gradient with respect to the input: dV = dJ/dV from G = dJ/dZ and the kernel K.

    .. math:: dV_{i,j,k} = \\sum_{l,m : (l-1)s+m=j} \\; \\sum_{n,p : (n-1)s+p=k} \\; \\sum_q K_{q,i,m,p} G_{q,l,n}

    The same sum is the forward pass of a transposed convolution. G counts as zero outside its map: an infinite or nan
    weight may make nan of what it meets there.

    Parameters
    ----------
    G : ndarray, shape (N, O, *output_size) or (O, *output_size)
        dJ/dZ: float32 or float64, any strides, exactly the shape that `forward` gives.
    K : ndarray, shape (O, C / groups, *kernel_size)
        Kernel, of G's dtype.
    input_size : int or sequence of r ints
        Spatial sizes of the input (``V.shape[-r:]``). G does not tell them: with a stride, inputs of several sizes have
        outputs of one size.
    stride, padding, dilation, groups
        As in `forward`, the values that made Z.
    out : ndarray, optional
        Where to write dV: its shape and dtype, any strides, no memory in common with G or K.
    algorithm : {"auto", "gemm", "reference"}, default "auto"
        How to compute.

    Returns
    -------
    dV : ndarray, shape (N, C, *input_size) or (C, *input_size)
        `out` if it was given. Zero where no output pixel depends on the input.

    Raises
    ------
    TypeError
        An operand is no array or not float32/float64, dtypes differ, or another argument has the wrong type.
    ValueError
        G does not have the shape that `forward` gives, or one of the reasons named there.
    MemoryError
        No memory for the result or the workspace.

    Examples
    --------
    >>> import numpy as np, convgrad as cg
    >>> G = np.ones((1, 2, 2))
    >>> K = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> cg.grad_input(G, K, 3)
    array([[[ 1.,  3.,  2.],
            [ 4., 10.,  6.],
            [ 3.,  7.,  4.]]])
    """
    return _core.grad_input(G, K, input_size, stride, padding, dilation, groups, out, algorithm)


def grad_bias(G: NDArray[FloatT], *, spatial_rank: SupportsIndex | None = None) -> NDArray[FloatT]:
    """Gradient with respect to the bias: db = dJ/db from G = dJ/dZ.

    .. math:: db_i = \\sum_{m,n} G_{i,m,n}

    summed over the images of a batch as well, in an order fixed by the shape.

    Parameters
    ----------
    G : ndarray, shape (N, O, *output_size) or (O, *output_size)
        dJ/dZ: float32 or float64, any strides.
    spatial_rank : {1, 2, 3}, optional
        Number of spatial axes. Without it, 2 axes are read as (O, L), 3 as (O, H, W), 4 as (N, O, H, W) and 5 as
        (N, O, D, H, W). Pass 1 for (N, O, L) and 3 for (O, D, H, W).

    Returns
    -------
    db : ndarray, shape (O,)

    Raises
    ------
    TypeError
        G is no array or not float32/float64, or `spatial_rank` is no int.
    ValueError
        G has too few or too many axes, `spatial_rank` is out of range, or memory is misaligned.
    MemoryError
        No memory for the result.

    Examples
    --------
    >>> import numpy as np, convgrad as cg
    >>> cg.grad_bias(np.ones((3, 2, 5, 5)))
    array([75., 75.])
    """
    return _core.grad_bias(G, spatial_rank)


def backward(
    G: NDArray[FloatT],
    V: NDArray[FloatT],
    K: NDArray[FloatT],
    *,
    stride: AxisSizes = 1,
    padding: Padding = 0,
    dilation: AxisSizes = 1,
    groups: SupportsIndex = 1,
    algorithm: Algorithm = "auto",
) -> Gradients:
    """Compute all gradients of a layer: dV, dK and db from G = dJ/dZ, the input V and the kernel K.

    The same values as `grad_input`, `grad_kernel` and `grad_bias`, whose documentation has the equations.

    Parameters
    ----------
    G : ndarray, shape (N, O, *output_size) or (O, *output_size)
        dJ/dZ: float32 or float64, any strides, exactly the shape that `forward` gives.
    V : ndarray, shape (N, C, *input_size) or (C, *input_size)
        Input of the layer, of G's dtype.
    K : ndarray, shape (O, C / groups, *kernel_size)
        Kernel, of G's dtype.
    stride, padding, dilation, groups, algorithm
        As in `forward`, the values that made Z.

    Returns
    -------
    Gradients
        A named tuple: ``input`` (dV, the shape of V), ``kernel`` (dK, the shape of K) and ``bias`` (db, shape (O,)).

    Raises
    ------
    TypeError
        An operand is no array or not float32/float64, dtypes differ, or another argument has the wrong type.
    ValueError
        G does not have the shape that `forward` gives, or one of the reasons named there.
    MemoryError
        No memory for the results or the workspace.
    """
    return Gradients(*_core.backward(G, V, K, stride, padding, dilation, groups, algorithm))


def plan(
    pass_name: PassName,
    input_shape: Sequence[SupportsIndex],
    kernel_shape: Sequence[SupportsIndex],
    *,
    dtype: DTypeLike = "float32",
    stride: AxisSizes = 1,
    padding: Padding = 0,
    dilation: AxisSizes = 1,
    groups: SupportsIndex = 1,
    algorithm: Algorithm = "auto",
) -> Plan:
    """Tell what a pass would run, without arrays and without running it.

    Parameters
    ----------
    pass_name : {"forward", "grad_kernel", "grad_input"}
        The function that would be called.
    input_shape : sequence of ints
        Shape of V: (N, C, *input_size) or (C, *input_size), for every pass.
    kernel_shape : sequence of ints
        Shape of K: (O, C / groups, *kernel_size), for every pass.
    dtype : dtype-like, default "float32"
        float32 or float64.
    stride, padding, dilation, groups, algorithm
        As in `forward`.

    Returns
    -------
    Plan
        A named tuple: ``algorithm`` (a name, never "auto"), ``output_shape`` (of Z, dK or dV), ``flops`` (2 x
        multiplications, taps on padding counted), ``workspace_bytes`` (memory beyond operands and result),
        ``threads``, ``isa``, ``error_constant`` and ``description``: the text to read first when a layer is slow.

    Raises
    ------
    TypeError
        A dtype other than float32 and float64, or another argument of the wrong type.
    ValueError
        An unknown `pass_name`, or one of the reasons named in `forward`.

    Examples
    --------
    >>> import convgrad as cg
    >>> cg.plan("forward", (32, 3, 28, 28), (8, 3, 5, 5)).output_shape
    (32, 8, 24, 24)
    """
    return Plan(*_core.plan(pass_name, input_shape, kernel_shape, dtype, stride, padding, dilation, groups, algorithm))

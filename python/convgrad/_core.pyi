"""The compiled part of convgrad. Private: use the functions of the package, which carry the documentation."""

from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

from numpy.typing import DTypeLike, NDArray

from ._typing import Algorithm, AxisSizes, FloatT, Padding, PassName

def forward(
    V: NDArray[FloatT],
    K: NDArray[FloatT],
    bias: NDArray[FloatT] | None,
    stride: AxisSizes,
    padding: Padding,
    dilation: AxisSizes,
    groups: SupportsIndex,
    out: NDArray[FloatT] | None,
    algorithm: Algorithm,
    /,
) -> NDArray[FloatT]: ...
def grad_kernel(
    G: NDArray[FloatT],
    V: NDArray[FloatT],
    kernel_size: AxisSizes,
    stride: AxisSizes,
    padding: Padding,
    dilation: AxisSizes,
    groups: SupportsIndex,
    out: NDArray[FloatT] | None,
    algorithm: Algorithm,
    /,
) -> NDArray[FloatT]: ...
def grad_input(
    G: NDArray[FloatT],
    K: NDArray[FloatT],
    input_size: AxisSizes,
    stride: AxisSizes,
    padding: Padding,
    dilation: AxisSizes,
    groups: SupportsIndex,
    out: NDArray[FloatT] | None,
    algorithm: Algorithm,
    /,
) -> NDArray[FloatT]: ...
def grad_bias(G: NDArray[FloatT], spatial_rank: SupportsIndex | None, /) -> NDArray[FloatT]: ...
def backward(
    G: NDArray[FloatT],
    V: NDArray[FloatT],
    K: NDArray[FloatT],
    stride: AxisSizes,
    padding: Padding,
    dilation: AxisSizes,
    groups: SupportsIndex,
    algorithm: Algorithm,
    /,
) -> tuple[NDArray[FloatT], NDArray[FloatT], NDArray[FloatT]]: ...
def check_layer(
    K: NDArray[Any],
    bias: NDArray[Any] | None,
    stride: AxisSizes,
    padding: Padding,
    dilation: AxisSizes,
    groups: SupportsIndex,
    /,
) -> None: ...
def tuning_numbers() -> list[tuple[str, str, str, float]]: ...
def set_tuning_number(name: str | None, value: float, /) -> None: ...
def plan(
    pass_name: PassName,
    input_shape: Sequence[SupportsIndex],
    kernel_shape: Sequence[SupportsIndex],
    dtype: DTypeLike,
    stride: AxisSizes,
    padding: Padding,
    dilation: AxisSizes,
    groups: SupportsIndex,
    algorithm: Algorithm,
    /,
) -> tuple[str, tuple[int, ...], int, int, int, str, float, str]: ...
def set_num_threads(n: SupportsIndex, /) -> None: ...
def get_num_threads() -> int: ...
def isa() -> str: ...
def built_isas() -> tuple[str, ...]: ...
def supported_isas() -> tuple[str, ...]: ...
def version() -> str: ...
def bits_version() -> int: ...
def compiler() -> str: ...
def measure_peak_flops(dtype: DTypeLike, threads: SupportsIndex, /) -> float: ...
def measure_bandwidth(threads: SupportsIndex, /) -> float: ...
def measure_phases(function: Callable[[], object], /) -> dict[str, float]: ...

"""Types of the arguments that the public functions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex, TypeAlias, TypeVar

import numpy as np

# The data type of operands and result: float32 or float64. Anything else is a TypeError when called; the bound is the
# wider one that arrays are usually annotated with.
FloatT = TypeVar("FloatT", bound="np.floating[Any]")

# One value for every spatial axis, or one for each.
AxisSizes: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
# The same, or one pair (before, after) for each spatial axis, or a rule.
Padding: TypeAlias = (
    SupportsIndex | Sequence[SupportsIndex] | Sequence[Sequence[SupportsIndex]] | Literal["valid", "same", "full"]
)
Algorithm: TypeAlias = Literal["auto", "gemm", "reference"]
PassName: TypeAlias = Literal["forward", "grad_kernel", "grad_input"]

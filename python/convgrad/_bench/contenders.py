"""Who is timed: convgrad and NumPy behind one interface, which further libraries can implement too."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

import convgrad

from .layers import Array, Layer, Operands, PassName
from .numpy_convolution import Formulation, formulations


@dataclass(frozen=True)
class Prepared:
    """One pass of one layer, ready to be called over and over.

    Attributes
    ----------
    run : callable
        Computes the pass once and returns the contender's own kind of result. This is all that is timed.
    as_array : callable
        Makes a NumPy array of what `run` returned, so that results can be compared.
    detail : str
        How it is computed, for the report.
    """

    run: Callable[[], Any]
    as_array: Callable[[Any], Array]
    detail: str = ""


class Contender(Protocol):
    """A library that can compute the three passes."""

    @property
    def name(self) -> str:
        """How the report calls it."""

    def limit_threads(self, count: int) -> AbstractContextManager[None]:
        """Let the library use `count` threads inside the `with` block."""

    def prepare(self, layer: Layer, pass_name: PassName, operands: Operands) -> Prepared | None:
        """Do everything that need not be done per call; None when the library lacks this pass."""


class Convgrad:
    """convgrad, a fresh result for every call."""

    name = "convgrad"

    @contextmanager
    def limit_threads(self, count: int) -> Generator[None]:
        """Set convgrad's own thread count."""
        before = convgrad.get_num_threads()
        convgrad.set_num_threads(count)
        try:
            yield
        finally:
            convgrad.set_num_threads(before)

    def prepare(self, layer: Layer, pass_name: PassName, operands: Operands) -> Prepared:
        """Bind the operands; the detail is the algorithm that convgrad chooses."""
        array, kernel, grad_output = operands
        options = layer.options
        calls: dict[PassName, Callable[[], Array]] = {
            "forward": lambda: convgrad.forward(array, kernel, **options),
            "grad_kernel": lambda: convgrad.grad_kernel(grad_output, array, layer.kernel_size, **options),
            "grad_input": lambda: convgrad.grad_input(grad_output, kernel, layer.input_size, **options),
        }
        plan = convgrad.plan(pass_name, layer.input_shape, layer.kernel_shape, dtype=array.dtype.name, **options)
        return Prepared(calls[pass_name], _unchanged, plan.algorithm)


class NumPy:
    """NumPy, for every layer and pass in the fastest of the ways that `numpy_convolution` knows."""

    name = "NumPy"

    def limit_threads(self, count: int) -> AbstractContextManager[None]:
        """Set the thread count of the BLAS that NumPy was built with."""
        return _limit_blas_threads(count)

    def prepare(self, layer: Layer, pass_name: PassName, operands: Operands) -> Prepared:
        """Try every formulation and bind the fastest; the detail is its name."""

        def bind(formulation: Formulation) -> Callable[[], Array]:
            return lambda: formulation(layer, operands)

        known = formulations(layer, pass_name, operands.input.itemsize)
        return fastest([Prepared(bind(formulation), _unchanged, name) for name, formulation in known.items()])


def fastest(candidates: Sequence[Prepared]) -> Prepared:
    """Try every one of several ways to compute the same, a few calls each, and return the one that took the least."""
    return min(candidates, key=lambda candidate: _warm_seconds(candidate.run))


def _unchanged(result: Array) -> Array:
    return result


@contextmanager
def _limit_blas_threads(count: int) -> Generator[None]:
    with threadpool_limits(limits=count, user_api="blas"):
        yield


def _warm_seconds(run: Callable[[], Any], calls: int = 4) -> float:
    """Time the fastest of a few calls; the first one only warms up, unless it has taken so long that it says enough."""
    seconds: list[float] = []
    while len(seconds) < calls and sum(seconds) < 1:
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:] or seconds)

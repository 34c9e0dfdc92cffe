"""The private compiled module, where the public functions do not reach it: wrong calls, hostile objects, limits."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convgrad as cg
from convgrad import _core
from subprocesses import assert_succeeds

V, K = np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2))


@pytest.mark.parametrize("name", ["forward", "grad_kernel", "grad_input", "grad_bias", "backward", "plan"])
@pytest.mark.parametrize("count", [0, 1, 30])
def test_wrong_number_of_arguments(name: str, count: int) -> None:
    with pytest.raises(TypeError):
        getattr(_core, name)(*(1,) * count)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_peak_is_a_rate(dtype: str, threads: int) -> None:
    assert 1e7 < _core.measure_peak_flops(dtype, threads) < 1e14


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be pinned here")
def test_peak_of_threads_that_share_a_processor() -> None:
    """Many threads on one processor are no faster than one: each has its turn while the clock runs."""
    one, eight = map(float, assert_succeeds("-c", SHARED_PROCESSOR).split())
    assert eight < 4 * one


SHARED_PROCESSOR = """
import os

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
from convgrad import _core

for threads in (1, 8):
    print(_core.measure_peak_flops("float32", threads))
"""


def test_peak_of_another_dtype() -> None:
    with pytest.raises(TypeError, match="int32"):
        _core.measure_peak_flops("int32", 1)


@pytest.mark.parametrize("threads", [1, 2])
def test_bandwidth_is_a_rate(threads: int) -> None:
    assert 1e6 < _core.measure_bandwidth(threads) < 1e15


@pytest.mark.parametrize("threads", [0, -1, 1025, 2**31, 2**63 - 1])
def test_limits_of_an_impossible_number_of_threads(threads: int) -> None:
    with pytest.raises(ValueError, match=rf"threads: expected .*, got {threads}"):
        _core.measure_bandwidth(threads)
    with pytest.raises(ValueError, match=rf"threads: expected .*, got {threads}"):
        _core.measure_peak_flops("float32", threads)


@pytest.mark.parametrize("n", [0, -1, 1025, 2**31, 2**63 - 1])
def test_impossible_number_of_threads(n: int) -> None:
    before = cg.get_num_threads()
    with pytest.raises(ValueError, match=rf"n: expected .* from 1 to 1024, got {n}"):
        cg.set_num_threads(n)
    assert cg.get_num_threads() == before


def test_many_threads() -> None:
    """More than any pass has use for: none starts them all."""
    V, K = np.ones((4, 300, 20, 20), np.float32), np.ones((5, 300, 3, 3), np.float32)
    cg.set_num_threads(1024)
    assert (cg.grad_bias(V) == 1600).all()
    assert (cg.forward(V, K) == 2700).all()


@pytest.mark.parametrize("threads", [1.0, "1", None])
def test_limits_of_what_is_no_number_of_threads(threads: Any) -> None:
    with pytest.raises(TypeError, match="threads"):
        _core.measure_bandwidth(threads)
    with pytest.raises(TypeError, match="threads"):
        _core.measure_peak_flops("float32", threads)


# Eight mebibytes more than it has: too little for the arrays.
NO_MEMORY = """
import resource
from convgrad import _core

in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + 2**23, in_use + 2**23))
try:
    _core.measure_bandwidth(1)
except MemoryError as error:
    print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited as Linux does it")
def test_bandwidth_without_memory_for_it() -> None:
    assert str(3 << 27) in assert_succeeds("-c", NO_MEMORY)


def test_phases_of_a_run() -> None:
    before = time.perf_counter()
    phases = _core.measure_phases(lambda: cg.forward(V, K))
    elapsed = time.perf_counter() - before
    assert list(phases) == ["packing_weights", "packing_input", "multiplying", "storing", "adding_sums", "other"]
    assert min(phases.values()) >= 0
    assert 0 < phases["multiplying"] <= sum(phases.values()) <= elapsed


def test_phases_of_nothing() -> None:
    assert set(_core.measure_phases(lambda: None).values()) == {0.0}


def test_phases_within_phases() -> None:
    """What the inner one measures is not the outer one's, and the outer one goes on, also after an error."""
    inner: list[dict[str, float]] = []

    def run() -> None:
        inner.append(_core.measure_phases(lambda: cg.forward(V, K)))
        with pytest.raises(ValueError, match="groups"):
            _core.measure_phases(lambda: cg.forward(V, K, groups=3))

    assert set(_core.measure_phases(run).values()) == {0.0}
    assert inner[0]["multiplying"] > 0

    def run_and_go_on() -> None:
        run()
        cg.forward(V, K)

    assert _core.measure_phases(run_and_go_on)["multiplying"] > 0


def test_phases_of_what_cannot_be_called() -> None:
    with pytest.raises(TypeError, match="callable"):
        _core.measure_phases(3)  # type: ignore[arg-type]


class Failing:
    """An index that raises something of its own."""

    def __index__(self) -> int:
        raise ZeroDivisionError("mine")


@pytest.mark.parametrize("option", ["stride", "padding", "dilation", "groups"])
def test_errors_of_index_pass_through(option: str) -> None:
    values: list[Any] = [Failing()] if option == "groups" else [Failing(), (1, Failing())]
    for value in values:
        with pytest.raises(ZeroDivisionError, match="mine"):
            cg.forward(V, K, **{option: value})


class Emptying:
    """An index that empties the list it is in."""

    def __init__(self) -> None:
        self.owner: list[Any] = []

    def __index__(self) -> int:
        self.owner.clear()
        gc.collect()
        return 1


class Reshaping:
    """An index that changes an operand while the arguments are read."""

    def __init__(self, array: Any, shape: Any) -> None:
        self.array, self.shape = array, shape

    def __index__(self) -> int:
        self.array.resize(self.shape, refcheck=False)
        return 1


class Endless:
    """A sequence that says it has two items and raises on the second."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, i: int) -> int:
        if i == 1:
            raise KeyError("no second")
        return 1


def test_sequences_that_change_while_they_are_read() -> None:
    emptying = Emptying()
    emptying.owner = [emptying, 1]
    with pytest.raises(IndexError):
        cg.forward(V, K, stride=emptying.owner)
    with pytest.raises(KeyError):
        cg.forward(V, K, stride=Endless())  # type: ignore[arg-type]


def test_operands_that_change_while_arguments_are_read() -> None:
    """Either an error or the result for what was there: never a read of memory that is gone."""
    for shape in ((1, 1, 1, 1), (4,), (1, 1, 400, 400), (0,)):
        for name in ("V", "K", "out"):
            arrays = {"V": np.ones((1, 1, 4, 4)), "K": np.ones((1, 1, 2, 2)), "out": np.ones((1, 1, 3, 3))}
            hostile = Reshaping(arrays[name], shape)
            try:
                result = cg.forward(arrays["V"], arrays["K"], out=arrays["out"], groups=hostile)
            except ValueError:
                continue
            assert np.isfinite(result).all()


def calls_that_succeed_and_fail() -> Iterator[Any]:
    yield lambda: cg.forward(V, K, padding=((1, 1), (0, 1)))
    yield lambda: cg.backward(np.ones((1, 1, 3, 3)), V, K)
    yield lambda: cg.plan("forward", (1, 4, 4), (1, 1, 2, 2), padding="same")
    yield lambda: cg.forward(V, K, stride=(1, 1, 1))
    yield lambda: cg.forward(V, K, out=V)
    yield lambda: cg.grad_input(V, K, (9, 9))


def test_no_references_leak() -> None:
    """Operands, outputs and arguments have as many owners after a thousand calls as before."""
    for call in calls_that_succeed_and_fail():

        def repeat(call: Any = call) -> None:
            for _ in range(300):
                with contextlib.suppress(TypeError, ValueError):
                    call()

        repeat()
        gc.collect()
        before = sys.getrefcount(V), sys.getrefcount(K), sys.getallocatedblocks()
        repeat()
        gc.collect()
        after = sys.getrefcount(V), sys.getrefcount(K), sys.getallocatedblocks()
        assert after[:2] == before[:2]
        assert after[2] - before[2] < 100

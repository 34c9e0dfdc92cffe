"""How contenders are timed: checked against each other first, then in turns, round by round.

The clock of a processor drifts and other programs come and go; contenders that take turns within milliseconds meet the
same conditions, so that ratios hold even where absolute figures do not. The minimum counts, the median is kept.
"""

from __future__ import annotations

import gc
import itertools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from .contenders import Contender, Prepared
from .layers import Array, Layer, Operands, PassName


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes
    ----------
    seconds : float
        Time to spend on one layer and pass, for all contenders together, once the least number of rounds is done.
    least_rounds : int
        As many are done, however long they take.
    sample_seconds : float
        A sample repeats calls that are shorter than this until it lasts as long.
    patience : float
        A contender whose samples have taken this many seconds sits out the remaining rounds.
    clock : callable
        Tells the time of samples in seconds.
    """

    seconds: float = 0.5
    least_rounds: int = 5
    sample_seconds: float = 0.002
    patience: float = 2.0
    clock: Callable[[], float] = time.perf_counter


@dataclass(frozen=True)
class Timing:
    """Seconds per call of one contender: the minimum and the median over rounds."""

    minimum: float
    median: float
    detail: str


@dataclass(frozen=True)
class Measurement:
    """One layer and pass: every contender's timing by name, in the order in which they were given."""

    layer: Layer
    pass_name: PassName
    timings: dict[str, Timing]

    def rate(self, name: str) -> float:
        """Return a contender's best rate in FLOP/s."""
        return self.layer.flops / self.timings[name].minimum

    def ratio(self, name: str, other: str) -> float:
        """How many times as fast as `other` the contender `name` was."""
        return self.timings[other].minimum / self.timings[name].minimum


class DisagreementError(Exception):
    """Two contenders computed different results, so timing them would be meaningless."""


def measure(
    contenders: Sequence[Contender],
    layer: Layer,
    pass_name: PassName,
    operands: Operands,
    *,
    threads: int = 1,
    effort: Effort | None = None,
    failures: dict[str, str] | None = None,
) -> Measurement:
    """Time one pass of one layer for all contenders, after checking that their results agree.

    Parameters
    ----------
    contenders : sequence of Contender
        At least one. The first one's result is what the others are compared with.
    layer, pass_name, operands
        What to compute.
    threads : int, optional
        How many threads each contender may use.
    effort : Effort, optional
        How long to measure.
    failures : dict of str to str, optional
        Where to note contenders, other than the first, that raise an error before anything is timed. They are left out
        then; without it, the error is passed on.

    Returns
    -------
    Measurement
        Timings of those contenders that have this pass.

    Raises
    ------
    DisagreementError
        If results differ in shape, dtype or by more than rounding explains; nothing has been timed then.
    """
    effort = effort or Effort()
    with ExitStack() as stack:
        for contender in contenders:
            stack.enter_context(contender.limit_threads(threads))
        present: dict[str, Prepared] = {}
        results: dict[str, Array] = {}
        for contender in contenders:
            try:
                one = contender.prepare(layer, pass_name, operands)
                if one is None:
                    continue
                results[contender.name] = one.as_array(one.run())
                present[contender.name] = one
            except Exception as error:
                if failures is None or contender is contenders[0]:
                    raise
                failures[contender.name] = f"{type(error).__name__}: {error}"
        _check_agreement(results, layer, pass_name)
        del results
        samples = _sample_in_turns(list(present.values()), effort)
    timings = {
        name: Timing(min(seconds), statistics.median(seconds), one.detail)
        for (name, one), seconds in zip(present.items(), samples, strict=True)
    }
    return Measurement(layer, pass_name, timings)


def tolerance(result: Array, terms: int) -> float:
    """Largest difference between two results that rounding explains, when operands are of one scale.

    Each element sums `terms` products in an order of the contender's choosing. The error of one order grows as
    sqrt(terms) times epsilon relative to the typical size of an element; the factor covers the largest of millions.
    """
    typical = math.sqrt(float(np.mean(np.square(result, dtype=np.float64)))) if result.size else 0.0
    return 16 * float(np.finfo(result.dtype).eps) * math.sqrt(terms) * typical


def _check_agreement(results: dict[str, Array], layer: Layer, pass_name: PassName) -> None:
    (first, expected), *others = results.items()
    allowed = tolerance(expected, layer.terms(pass_name))
    where = f"{layer.name} ({layer}), {pass_name}"
    for name, result in others:
        if (result.shape, result.dtype) != (expected.shape, expected.dtype):
            raise DisagreementError(
                f"{where}: {first} returned {expected.dtype} {expected.shape}, {name} {result.dtype} {result.shape}"
            )
        difference = float(np.max(np.abs(result - expected), initial=0.0))
        # Written so that a NaN counts as disagreement.
        if not difference <= allowed:
            raise DisagreementError(
                f"{where}: {first} and {name} differ by {difference:.3g}; rounding explains {allowed:.3g}"
            )


def _sample_in_turns(prepared: list[Prepared], effort: Effort) -> list[list[float]]:
    repeats = [_repeats(one, effort) for one in prepared]
    samples: list[list[float]] = [[] for _ in prepared]
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for round_number in itertools.count():
            if round_number >= effort.least_rounds and time.perf_counter() - start > effort.seconds:
                break
            for turn in range(len(prepared)):
                # The order rotates, so that nobody always runs after the same neighbor.
                index = (round_number + turn) % len(prepared)
                if sum(samples[index]) * repeats[index] > effort.patience:
                    continue
                _wait_for_idle_threads()
                prepared[index].run()
                samples[index].append(_seconds_per_call(prepared[index], repeats[index], effort.clock))
    finally:
        if collecting:
            gc.enable()
    return samples


def _wait_for_idle_threads(step: float = 0.002, longest: float = 0.3) -> None:
    """Wait until the worker threads of the one before, which go on spinning after their work, have fallen asleep.

    Some libraries have such threads even where one may work: JAX's slow down what follows them for 15 ms.
    """
    deadline = time.perf_counter() + longest
    while time.perf_counter() < deadline:
        used = time.process_time()
        time.sleep(step)
        if time.process_time() - used < step / 5:
            return


def _repeats(prepared: Prepared, effort: Effort) -> int:
    seconds = _seconds_per_call(prepared, 1, effort.clock)
    if seconds < 100 * effort.sample_seconds:
        seconds = min(seconds, *(_seconds_per_call(prepared, 1, effort.clock) for _ in range(2)))
    return max(1, math.ceil(effort.sample_seconds / max(seconds, 1e-9)))


def _seconds_per_call(prepared: Prepared, repeats: int, clock: Callable[[], float]) -> float:
    run = prepared.run
    start = clock()
    for _ in range(repeats):
        run()
    return (clock() - start) / repeats

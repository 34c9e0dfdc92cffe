"""convgrad against itself: the same call in another way or with other numbers, in turns in one process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import convgrad
from convgrad import _core
from convgrad._bench.contenders import Convgrad
from convgrad._bench.layers import PASSES
from convgrad._bench.timing import DisagreementError, Effort, measure

from . import machine
from .environment import pinned
from .layers import Entry
from .peers.contender import Array, Layer, Layout, Operands, PassName, Prepared, arrange
from .results import Limits, Line, Run, line_of

# How often a line is measured again at most, and by how many times longer.
_MOST_TIMES = 3
_LONGER = 2
# Samples are single calls of all but tiny layers: of many short ones, some meet nobody else on the processor.
_SAMPLE_SECONDS = 0.0002


@dataclass(frozen=True)
class Work:
    """What to measure and for how long: `seconds` for one layer and pass, all variants together."""

    entries: Sequence[Entry]
    dtypes: Sequence[str] = ("float32",)
    threads: Sequence[int] = (1,)
    passes: Sequence[PassName] = PASSES
    layout: Layout = "nchw"
    seconds: float = 0.3
    rounds: int = 5

    @property
    def cases(self) -> int:
        """How many there are."""
        return math.prod(map(len, (self.entries, self.dtypes, self.threads, self.passes)))


@dataclass(frozen=True)
class Case:
    """One pass of one layer of the work, with its operands and the result's memory."""

    work: Work
    entry: Entry
    pass_name: PassName
    threads: int
    operands: Operands
    out: Array

    @property
    def layer(self) -> Layer:
        """The layer."""
        return self.entry.layer

    @property
    def dtype(self) -> str:
        """Name of the data type."""
        return self.operands.kernel.dtype.name

    def __str__(self) -> str:
        """Say which one it is."""
        return f"{self.dtype}, {self.entry.name} {self.pass_name}, threads: {self.threads}"


@dataclass(frozen=True)
class Variant:
    """convgrad in one of several ways, as a contender.

    Attributes
    ----------
    name : str
        How timings call it.
    out : ndarray
        Where results go, the same memory for all variants, so that its place makes no difference.
    algorithm : str
        As convgrad's functions take it: "gemm:pixel_rows" forces a way.
    numbers : mapping of str to float
        Numbers of the table, set before every call. Variants to be compared set the same ones, to be equal in this.
    detail : str
        For the timing.
    """

    name: str
    out: Array
    algorithm: str = "auto"
    numbers: Mapping[str, float] = field(default_factory=dict)
    detail: str = ""

    def limit_threads(self, count: int) -> AbstractContextManager[None]:
        """Set convgrad's thread count."""
        return Convgrad().limit_threads(count)

    def prepare(self, layer: Layer, pass_name: PassName, operands: Operands) -> Prepared:
        """Bind the operands."""
        call = self._bind(layer, pass_name, operands)
        numbers, set_number = tuple(self.numbers.items()), _core.set_tuning_number

        def run() -> Array:
            for name, value in numbers:
                set_number(name, value)
            return call()

        return Prepared(run, np.copy, self.detail)

    def _bind(self, layer: Layer, pass_name: PassName, operands: Operands) -> Callable[[], Array]:
        array, kernel, grad_output = operands
        # Python's types know of no ways: they are for measuring.
        options: dict[str, Any] = {**layer.options, "algorithm": self.algorithm, "out": self.out}
        calls: dict[PassName, Callable[[], Array]] = {
            "forward": lambda: convgrad.forward(array, kernel, **options),
            "grad_kernel": lambda: convgrad.grad_kernel(grad_output, array, layer.kernel_size, **options),
            "grad_input": lambda: convgrad.grad_input(grad_output, kernel, layer.input_size, **options),
        }
        return calls[pass_name]


def carry_out(work: Work, measure_case: Callable[[Case, Run], None], run: Run, console: Console) -> None:
    """Measure all cases.

    Parameters
    ----------
    work : Work
        Which.
    measure_case : callable
        Adds what it finds about a case to a run.
    run : Run
        Filled as it goes, so that nothing is lost when it is interrupted; with notes where something failed.
    console : rich.console.Console
        Where the progress is shown if it is a terminal.
    """
    run.layout = work.layout
    run.machine = machine.describe()
    run.versions = machine.versions([])
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        steps = progress.add_task("", total=work.cases)

        def measure_next(case: Case) -> None:
            progress.update(steps, description=str(case))
            _measure_or_note(case, measure_case, run)
            progress.advance(steps)

        for threads in work.threads:
            with pinned(threads) as processors, Convgrad().limit_threads(threads):
                if not processors:
                    run.notes.append(f"{threads} threads: processors could not be pinned")
                _with_threads(work, threads, measure_next, run)


def _with_threads(work: Work, threads: int, measure_next: Callable[[Case], None], run: Run) -> None:
    speed = machine.bandwidth(threads)
    for dtype in work.dtypes:
        peak, place = 0.0, len(run.limits)
        for entry in work.entries:
            # The largest of several: what the processor can do when its clock is highest, as for the fastest call.
            peak = max(peak, machine.peak_flops(dtype, threads))
            run.limits[place:] = [Limits(dtype, threads, peak, speed)]
            operands = arrange(entry.layer.operands(dtype), work.layout)
            for pass_name in work.passes:
                out = empty_result(entry.layer, pass_name, dtype, work.layout)
                measure_next(Case(work, entry, pass_name, threads, operands, out))


def _measure_or_note(case: Case, measure_case: Callable[[Case, Run], None], run: Run) -> None:
    try:
        measure_case(case, run)
    except DisagreementError as error:
        run.disagreements.append(f"{case.dtype}, {error}")
    except Exception as error:
        # One layer must not take along what was found about those before.
        run.notes.append(f"not timed: {case}: {type(error).__name__}: {error}")


def empty_result(layer: Layer, pass_name: PassName, dtype: str, layout: Layout) -> Array:
    """Make memory for a result: dK in C order, the others in the layout of V and G."""
    if pass_name == "grad_kernel":
        return np.empty(layer.kernel_shape, dtype)
    batch, channels, *size = layer.output_shape if pass_name == "forward" else layer.input_shape
    if layout == "nchw":
        return np.empty((batch, channels, *size), dtype)
    return np.moveaxis(np.empty((batch, *size, channels), dtype), -1, 1)


def time_variants(case: Case, variants: Sequence[Variant], doubtful: Callable[[Line], bool]) -> Line:
    """Compare the results of variants, then time them in turns.

    Parameters
    ----------
    case : Case
        What to compute.
    variants : sequence of Variant
        Results of the others have to agree with the first one's.
    doubtful : callable
        Whether a line is worth measuring again, several times at most: of many lines, some exceed any limit by chance.
        The minimum of all times counts, which others on the processor can only have made larger.

    Returns
    -------
    Line
        With a timing for each.

    Raises
    ------
    DisagreementError
        Results differ by more than rounding explains; nothing has been timed then.
    """
    line = _time_once(case, variants, case.work.seconds)
    for _ in range(_MOST_TIMES):
        if not doubtful(line):
            break
        line = pooled(line, _time_once(case, variants, case.work.seconds * _LONGER))
    return line


def _time_once(case: Case, variants: Sequence[Variant], seconds: float) -> Line:
    effort = Effort(seconds, case.work.rounds, _SAMPLE_SECONDS, patience=seconds, clock=_clock(case.threads))
    found = measure(variants, case.layer, case.pass_name, case.operands, threads=case.threads, effort=effort)
    return line_of(case.entry, found, case.dtype, case.threads)


def _clock(threads: int) -> Callable[[], float]:
    """Of one thread, the time on the processor, where the system tells it: what others take of it does not count."""
    exact = threads == 1 and hasattr(time, "thread_time") and time.get_clock_info("thread_time").resolution < 1e-6
    return time.thread_time if exact else time.perf_counter


def pooled(first: Line, second: Line) -> Line:
    """Join two measurements of the same: the smaller minimum, and the median of the second, which took longer."""
    timings = {
        name: replace(timing, minimum=min(timing.minimum, first.timings[name].minimum))
        for name, timing in second.timings.items()
    }
    return replace(second, timings=timings)

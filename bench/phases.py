"""Where the time of one call of convgrad goes: `python -m bench phases`."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from convgrad import _core

from .peers import SUBJECT
from .report import LAYER_WIDTH, print_whole, show_notes
from .results import Line, Run, settings

# A sample repeats a call that is shorter than this until it lasts as long.
_SAMPLE_SECONDS = 0.005

# As `_core` names them, and what a call does outside of the run: arguments, plan, memory for the result.
PHASES = ("packing_weights", "packing_input", "multiplying", "storing", "adding_sums", "other", "call")


def shares(call: Callable[[], object], seconds: float = 0.2, least_rounds: int = 5) -> dict[str, float]:
    """Measure which shares of a call's time its phases take, in this thread.

    Parameters
    ----------
    call : callable
        Runs convgrad once. It should have been called before.
    seconds : float, optional
        Time to spend, once the least number of rounds is done.
    least_rounds : int, optional
        The fastest of so many rounds, or more, counts.

    Returns
    -------
    dict of str to float
        By the names in `PHASES`; they sum to 1.
    """
    start = time.perf_counter()
    call()
    repeats = max(1, round(_SAMPLE_SECONDS / max(time.perf_counter() - start, 1e-9)))

    def sample() -> None:
        for _ in range(repeats):
            call()

    start = time.perf_counter()
    fastest, found = float("inf"), dict[str, float]()
    for number in itertools.count():
        if number >= least_rounds and time.perf_counter() - start > seconds:
            break
        begin = time.perf_counter()
        phases = _core.measure_phases(sample)
        total = time.perf_counter() - begin
        if total < fastest:
            fastest, found = total, phases
    found["call"] = max(0.0, fastest - sum(found.values()))
    whole = sum(found.values())
    return {name: found[name] / whole for name in PHASES}


def show(run: Run, console: Console) -> None:
    """Print a table for each data type.

    Parameters
    ----------
    run : Run
        With lines that have phases; the others are left out.
    console : rich.console.Console
        Where to.
    """
    show_notes(run, console)
    for dtype, threads in settings(run.lines):
        lines = [line for line in run.lines if (line.dtype, line.threads) == (dtype, threads) and line.phases]
        if lines:
            console.print(f"\n[bold]{dtype}, threads: {threads}[/bold]", highlight=False)
            print_whole(table(lines, run), console)


def table(lines: Sequence[Line], run: Run) -> Table:
    """Make the table of phases: one row per layer, one line in it per pass, one column per phase."""
    view = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        caption="µs: the fastest call; shares of it by what the time goes into; call: arguments, plan, memory for the "
        "result; peak: share of the FMA peak",
    )
    view.add_column("layer: N,C,size -> O, kernel", min_width=LAYER_WIDTH)
    view.add_column("pass", no_wrap=True)
    for title in ("µs", *(name.replace("_", "\n") for name in PHASES), "GFLOP/s", "peak"):
        view.add_column(title, justify="right", no_wrap=True)
    for name, group in groupby(lines, key=lambda line: line.layer):
        rows = list(group)
        view.add_row(
            f"[bold]{name}[/bold]\n{rows[0].sizes}",
            "\n".join(line.pass_name for line in rows),
            "\n".join(_microseconds(line) for line in rows),
            *("\n".join(_percent(line.phases[phase]) for line in rows) for phase in PHASES),
            "\n".join(f"{line.rate(SUBJECT) / 1e9:.1f}" for line in rows),
            "\n".join(f"{line.rate(SUBJECT) / run.limits_of(line).peak_flops:.0%}" for line in rows),
            end_section=True,
        )
    return view


def _microseconds(line: Line) -> str:
    value = line.timings[SUBJECT].minimum * 1e6
    return f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "[dim]·[/dim]"

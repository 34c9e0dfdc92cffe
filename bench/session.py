"""One process that measures with one thread count: `python -m bench.session`, started by `python -m bench run`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from convgrad._bench.layers import PASSES, PassName
from convgrad._bench.timing import DisagreementError, Effort, measure

from . import machine, peers, phases, tuning_numbers
from .environment import pin
from .layers import ENTRIES, Entry
from .peers.contender import Contender, Layout, Operands, arrange
from .results import Limits, Run, line_of, save


@dataclass(frozen=True)
class Task:
    """What to measure, in plain data, so that it can be handed from process to process."""

    layers: Sequence[str]
    contenders: Sequence[str]
    threads: int = 1
    dtypes: Sequence[str] = ("float32",)
    passes: Sequence[PassName] = PASSES
    layout: Layout = "nchw"
    seconds: float = 0.5
    rounds: int = 5
    phases: bool = False
    numbers: Mapping[str, float] = field(default_factory=dict)

    def to_text(self) -> str:
        """Write as JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Task:
        """Read what `to_text` has written."""
        return cls(**json.loads(text))


def carry_out(task: Task, console: Console, path: Path) -> Run:
    """Measure.

    Parameters
    ----------
    task : Task
        What to measure.
    console : rich.console.Console
        Where the progress is shown if it is a terminal.
    path : Path
        What has been found is written here after every layer, so that nothing is lost if this process ends early.

    Returns
    -------
    Run
        With one line per layer, pass and data type; with notes where something could not be measured.
    """
    run = Run(layout=task.layout)
    if not pin(task.threads):
        run.notes.append(f"{task.threads} threads: processors could not be pinned")
    contenders = _load(task, run)
    run.machine = machine.describe()
    run.versions = machine.versions(list(task.contenders[1:]))
    entries = {entry.name: entry for entry in ENTRIES}
    speed = machine.bandwidth(task.threads)
    peaks: dict[str, float] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        steps = progress.add_task("", total=len(task.dtypes) * len(task.layers) * len(task.passes))
        for dtype in task.dtypes:
            for entry in (entries[name] for name in task.layers):
                # The largest of several: what the processor can do when its clock is highest, as for the fastest call.
                peaks[dtype] = max(peaks.get(dtype, 0.0), machine.peak_flops(dtype, task.threads))
                operands = arrange(entry.layer.operands(dtype), task.layout)
                for pass_name in task.passes:
                    text = f"{dtype}, {entry.name} {pass_name}, threads: {task.threads}"
                    progress.update(steps, description=text)
                    _measure(contenders, task, entry, pass_name, operands, run)
                    progress.advance(steps)
                run.limits = [Limits(name, task.threads, peak, speed) for name, peak in peaks.items()]
                save(run, path)
    return run


def _measure(
    contenders: Sequence[Contender], task: Task, entry: Entry, pass_name: PassName, operands: Operands, run: Run
) -> None:
    """Add one line to the run, or the reason why there is none."""
    effort = Effort(seconds=task.seconds, least_rounds=task.rounds, patience=max(Effort.patience, task.seconds))
    dtype = operands.kernel.dtype.name
    where = f"{dtype}, {entry.name} {pass_name}"
    failures: dict[str, str] = {}
    try:
        found = measure(
            contenders, entry.layer, pass_name, operands, threads=task.threads, effort=effort, failures=failures
        )
    except DisagreementError as error:
        run.disagreements.append(f"{dtype}, {error}")
    except Exception as error:
        # Whatever a library raises must not take the hour before it along.
        run.notes.append(f"not timed: {where}: {type(error).__name__}: {error}")
    else:
        shares = _shares(contenders[0], task, entry, pass_name, operands) if task.phases else {}
        run.lines.append(replace(line_of(entry, found, dtype, task.threads), phases=shares))
    run.notes.extend(f"{name} is left out of {where}: {text}" for name, text in failures.items())


def _shares(subject: Contender, task: Task, entry: Entry, pass_name: PassName, operands: Operands) -> dict[str, float]:
    """Where the time of a call of convgrad goes."""
    with subject.limit_threads(task.threads):
        prepared = subject.prepare(entry.layer, pass_name, operands)
        return phases.shares(prepared.run, task.seconds, task.rounds) if prepared is not None else {}


def _load(task: Task, run: Run) -> list[Contender]:
    loaded = []
    for name in task.contenders:
        try:
            loaded.append(peers.make(name, task.layout))
            run.notes.extend([peers.REMARKS[name]] if name in peers.REMARKS else [])
        except Exception as error:  # such as OSError, for a library that is there but lacks another
            if name == peers.SUBJECT:
                raise
            run.notes.append(f"{name} is left out: {type(error).__name__}: {error}")
    return loaded


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out the task given as JSON and write what was found; meant for `python -m bench run`."""
    parser = argparse.ArgumentParser(prog="python -m bench.session", description=main.__doc__)
    parser.add_argument("task", type=Task.from_text)
    parser.add_argument("result", type=Path)
    arguments = parser.parse_args(argv)
    with tuning_numbers.changed(arguments.task.numbers):
        carry_out(arguments.task, Console(stderr=True), arguments.result)
    return 0


if __name__ == "__main__":
    sys.exit(main())

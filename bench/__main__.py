"""`python -m bench run | phases | compare | plot | list | tune | ablate | numbers`, from the project's root."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

try:
    from rich.console import Console
except ModuleNotFoundError as error:
    sys.exit(f"bench: {error.name} is missing; what the benchmark needs comes with: pip install '.[bench]'")

from . import (
    ablate,
    compare,
    grid,
    memory,
    networks,
    peers,
    phases,
    report,
    tune,
    tune_report,
    tuning_numbers,
    variants,
)
from .compare import NothingInCommonError
from .environment import for_measuring
from .layers import MEMORY, Entry, choose
from .machine import ROOT
from .options import parser
from .results import FormatError, Run, load, save
from .session import Task
from .tuning_numbers import UnknownNumberError
from .variants import Case, Work

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Command line without the program's name; that of the process by default.

    Returns
    -------
    int
        0 when all is well; 1 when results disagree or a measuring process fails; 2 when the command line or a file is
        wrong; 130 when interrupted, after what had been measured was written.
    """
    arguments = parser().parse_args(argv)
    console = _console()
    try:
        if arguments.command == "run":
            return _run(arguments, console)
        if arguments.command == "phases":
            return _phases(arguments, console)
        if arguments.command == "tune":
            return _tune(arguments, console)
        if arguments.command == "ablate":
            return _ablate(arguments, console)
        if arguments.command == "compare":
            runs = [load(path) for path in (arguments.before, arguments.after)]
            compare.show(runs[0], runs[1], ("before", "after"), console, arguments.contender)
        elif arguments.command == "plot":
            _draw(load(arguments.results), arguments.results.parent, arguments.format, console)
        elif arguments.command == "numbers":
            tuning_numbers.show(console)
        else:
            return _list(arguments)
    except (FormatError, NothingInCommonError, UnknownNumberError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


def _list(arguments: argparse.Namespace) -> int:
    entries = _chosen(arguments)
    for entry in entries:
        print(f"{entry.name:17} {entry.kind:10} {entry.layer!s:45} {entry.network}")
    return 0 if entries else _nothing_matches()


def _run(arguments: argparse.Namespace, console: Console) -> int:
    entries = _chosen(arguments)
    if not entries:
        return _nothing_matches()
    tuning_numbers.check(arguments.numbers)
    contenders = [peers.SUBJECT, *(name for name in peers.installed() if name in arguments.peers)]
    run = Run(layout=arguments.layout, notes=tuning_numbers.note(arguments.numbers))
    absent = [name for name in arguments.peers if name not in contenders]
    if absent:
        run.notes.append(f"not installed, so left out: {', '.join(absent)}")
    measured = choose(arguments.memory or (MEMORY[:1] if arguments.short else MEMORY))
    if not measured:
        return _nothing_matches()
    arguments.output.mkdir(parents=True, exist_ok=True)
    status = 0
    try:
        for threads in arguments.threads:
            task = _task(arguments, entries, contenders, threads)
            status |= _measure(replace(task, numbers=arguments.numbers), run)
        if arguments.memory is not None:
            _measure_memory(arguments, measured, contenders, run, console)
    except KeyboardInterrupt:
        run.notes.append("interrupted: not everything was measured")
        status = INTERRUPTED
    path = arguments.output / "results.json"
    save(run, path)
    report.show(run, console)
    console.print(f"\nWritten: {path}", highlight=False)
    _draw(run, arguments.output, arguments.format, console)
    return status or int(bool(run.disagreements))


def _phases(arguments: argparse.Namespace, console: Console) -> int:
    entries = _chosen(arguments)
    if not entries:
        return _nothing_matches()
    run = Run(layout=arguments.layout)
    arguments.output.mkdir(parents=True, exist_ok=True)
    try:
        status = _measure(replace(_task(arguments, entries, [peers.SUBJECT], 1), phases=True), run)
    except KeyboardInterrupt:
        run.notes.append("interrupted: not everything was measured")
        status = INTERRUPTED
    path = arguments.output / "phases.json"
    save(run, path)
    phases.show(run, console)
    console.print(f"\nWritten: {path}", highlight=False)
    return status


def _tune(arguments: argparse.Namespace, console: Console) -> int:
    entries = _named(arguments, (grid.QUICK if arguments.quick else grid.FULL).entries())
    if not entries:
        return _nothing_matches()
    seconds, rounds = (0.1, 3) if arguments.quick else (0.2, 5)
    with tuning_numbers.changed(arguments.numbers):
        work = _work(arguments, entries, seconds, rounds)
        return _against_itself(work, tune.measure_case, tune_report.show, arguments, console)


def _ablate(arguments: argparse.Namespace, console: Console) -> int:
    chosen = ablate.choose(arguments.refinements)
    if not chosen:
        print("bench: no refinement matches", file=sys.stderr)
        return 2
    entries = _named(arguments, choose(short=True))
    if not entries:
        return _nothing_matches()
    with tuning_numbers.changed(arguments.numbers):
        priced = ablate.Pricing([ablate.NOTHING, *chosen])
        work = _work(arguments, entries, 0.2, 5)
        return _against_itself(work, priced, ablate.show, arguments, console, priced.notes())


def _named(arguments: argparse.Namespace, usual: list[Entry]) -> list[Entry]:
    """The layers asked for, of the list and of networks; the usual ones where nobody asked for any."""
    if arguments.layers is None and arguments.networks is None:
        return usual
    listed = [] if arguments.layers is None else choose(arguments.layers)
    return listed + ([] if arguments.networks is None else networks.choose(arguments.networks))


def _work(arguments: argparse.Namespace, entries: Sequence[Entry], seconds: float, rounds: int) -> Work:
    return Work(
        entries,
        arguments.dtype,
        arguments.threads,
        arguments.passes,
        arguments.layout,
        arguments.seconds or seconds,
        rounds,
    )


def _against_itself(
    work: Work,
    measure_case: Callable[[Case, Run], None],
    show: Callable[[Run, Console], None],
    arguments: argparse.Namespace,
    console: Console,
    notes: Sequence[str] = (),
) -> int:
    """Measure variants of convgrad in this process, and write and show what was found."""
    run = Run(notes=[*tuning_numbers.note(arguments.numbers), *notes])
    arguments.output.mkdir(parents=True, exist_ok=True)
    status = 0
    try:
        variants.carry_out(work, measure_case, run, console)
    except KeyboardInterrupt:
        run.notes.append("interrupted: not everything was measured")
        status = INTERRUPTED
    path = arguments.output / f"{arguments.command}.json"
    save(run, path)
    show(run, console)
    console.print(f"\nWritten: {path}", highlight=False)
    return status or int(bool(run.disagreements))


def _nothing_matches() -> int:
    print("bench: no layer matches; `python -m bench list` shows them all", file=sys.stderr)
    return 2


def _task(arguments: argparse.Namespace, entries: Sequence[Entry], contenders: Sequence[str], threads: int) -> Task:
    return Task(
        [entry.name for entry in entries],
        contenders,
        threads,
        arguments.dtype,
        arguments.passes,
        arguments.layout,
        arguments.seconds or (0.2 if arguments.short else 0.5),
        3 if arguments.short else 5,
    )


def _measure(task: Task, run: Run) -> int:
    """Measure in a process that was started for this number of threads, and add what it found: 0, or 1 if it failed."""
    environment, removed = for_measuring(os.environ, task.threads)
    if removed:
        note = f"taken out of the environment, because it holds a library back: {', '.join(removed)}"
        run.notes.extend([note] if note not in run.notes else [])
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.json")
        command = [sys.executable, "-m", "bench.session", task.to_text(), str(result)]
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        finally:  # also when interrupted
            if result.exists():
                run.add(load(result))
    if done.returncode == 0:
        return 0
    run.notes.append(f"the process that measured {task.threads} threads ended early, status {done.returncode}")
    return 1


def _measure_memory(
    arguments: argparse.Namespace, entries: Sequence[Entry], contenders: Sequence[str], run: Run, console: Console
) -> None:
    if not memory.available():
        run.notes.append("extra memory is measured on Linux only")
        return
    if arguments.numbers:
        run.notes.append("extra memory is that of the usual numbers")
    with console.status("memory") as status:
        for dtype in arguments.dtype:
            found = memory.measure(entries, contenders, arguments.passes, dtype, arguments.layout, run.lines, run.notes)
            for one in found:
                run.memory.append(one)
                status.update(f"memory: {one.layer} {one.pass_name}")


def _draw(run: Run, folder: Path, suffix: str, console: Console) -> None:
    try:
        from .plots import draw
    except ModuleNotFoundError as error:
        console.print(f"No pictures without {error.name}.")
        return
    paths = draw(run, folder, f".{suffix}")
    if not paths:
        console.print("No pictures: nothing was timed.")
    for path in paths:
        console.print(f"Written: {path}", highlight=False)


def _chosen(arguments: argparse.Namespace) -> list[Entry]:
    return choose(arguments.layers, arguments.kinds, short=arguments.short)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=150)


if __name__ == "__main__":
    sys.exit(main())

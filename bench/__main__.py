"""`python -m bench run | phases | compare | plot | list`, from the project's root."""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

try:
    from rich.console import Console
except ModuleNotFoundError as error:
    sys.exit(f"bench: {error.name} is missing; what the benchmark needs comes with: pip install '.[bench]'")

from convgrad._bench.layers import PASSES

from . import compare, memory, peers, phases, report
from .compare import NothingInCommonError
from .environment import for_measuring
from .layers import KINDS, MEMORY, Entry, choose
from .machine import ROOT
from .peers.contender import LAYOUTS
from .results import FormatError, Run, load, save
from .session import Task

DTYPES = ("float32", "float64")
# As many as `_core` measures the machine's limits with.
MOST_THREADS = 1024
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
    arguments = _parser().parse_args(argv)
    console = _console()
    try:
        if arguments.command == "run":
            return _run(arguments, console)
        if arguments.command == "phases":
            return _phases(arguments, console)
        if arguments.command == "compare":
            runs = [load(path) for path in (arguments.before, arguments.after)]
            compare.show(runs[0], runs[1], ("before", "after"), console, arguments.contender)
        elif arguments.command == "plot":
            _draw(load(arguments.results), arguments.results.parent, arguments.format, console)
        else:
            return _list(arguments)
    except (FormatError, NothingInCommonError, OSError) as error:
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
    contenders = [peers.SUBJECT, *(name for name in peers.installed() if name in arguments.peers)]
    run = Run(layout=arguments.layout)
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
            status |= _measure(_task(arguments, entries, contenders, threads), run)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="convgrad against other libraries on this machine.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)

    which = argparse.ArgumentParser(add_help=False)
    add = which.add_argument
    add("--short", action="store_true", help="the short list, fewer rounds")
    add("--layers", nargs="+", default=[], metavar="TEXT", help="only layers with one of these in their name")
    add("--kinds", nargs="+", default=[], choices=KINDS, help="only layers of these kinds")

    how = argparse.ArgumentParser(add_help=False)
    how.add_argument("--format", choices=("svg", "png"), default="svg", help="of pictures (default: %(default)s)")

    what = argparse.ArgumentParser(add_help=False)
    add = what.add_argument
    add("--dtype", nargs="+", action=_Once, choices=DTYPES, default=["float32"], help="(default: float32)")
    add("--passes", nargs="+", action=_Once, choices=PASSES, default=list(PASSES), help="(default: all three)")
    add("--layout", choices=LAYOUTS, default="nchw", help="memory layout of V, G and results (default: %(default)s)")
    text = "to spend on one layer and pass, for all together (default: 0.5; 0.2 with --short)"
    add("--seconds", type=_seconds, metavar="S", help=text)
    add("--output", type=Path, default=Path("convgrad-bench"), metavar="FOLDER", help="(default: %(default)s)")

    run = commands.add_parser(
        "run", parents=[which, what, how], help="measure, and write results.json and two pictures"
    )
    add = run.add_argument
    add("--peers", nargs="*", choices=list(peers.PEERS), default=list(peers.PEERS), help="(default: all installed)")
    text = "one run for each (default: 1)"
    add("--threads", nargs="+", action=_Once, type=_thread_count, default=[1], metavar="N", help=text)
    text = f"measure extra memory, too, of layers with one of these in their name (default: {', '.join(MEMORY)})"
    add("--memory", nargs="*", metavar="TEXT", help=text)

    commands.add_parser("phases", parents=[which, what], help="where convgrad's time goes, and write phases.json")

    two = commands.add_parser("compare", help="two results.json side by side")
    two.add_argument("before", type=Path)
    two.add_argument("after", type=Path)
    two.add_argument("--contender", default=peers.SUBJECT, help="whose change (default: %(default)s)")

    plot = commands.add_parser("plot", parents=[how], help="draw the pictures of a results.json again")
    plot.add_argument("results", type=Path)

    commands.add_parser("list", parents=[which], help="show the layers")
    return parser


class _Once(argparse.Action):
    """Keeps each of several values once, in the order given."""

    def __call__(self, parser: object, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        """Store them."""
        setattr(namespace, self.dest, list(dict.fromkeys(values)))


def _thread_count(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= MOST_THREADS:
        raise argparse.ArgumentTypeError(f"expected 1 to {MOST_THREADS} threads, got {text}")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a time greater than 0, got {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench run | phases | compare | plot | list`, from the project's root."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from convgrad._bench.layers import PASSES

from . import memory, peers
from .environment import for_measuring
from .layers import KINDS, MEMORY, Entry, choose
from .machine import ROOT
from .peers.contender import LAYOUTS
from .results import FormatError, Run, load, save
from .session import Task


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Command line without the program's name; that of the process by default.

    Returns
    -------
    int
        0 when all is well; 1 when results disagree or a measuring process fails; 2 when the command line is wrong.
    """
    arguments = _parser().parse_args(argv)
    console = _console()
    try:
        if arguments.command == "run":
            return _run(arguments, console)
        if arguments.command == "phases":
            return _phases(arguments, console)
        if arguments.command == "compare":
            from .compare import show

            runs = [load(path) for path in (arguments.before, arguments.after)]
            show(runs[0], runs[1], ("before", "after"), console, arguments.contender)
        elif arguments.command == "plot":
            _draw(load(arguments.results), arguments.results.parent, arguments.format, console)
        else:
            for entry in _chosen(arguments):
                print(f"{entry.name:17} {entry.kind:10} {entry.layer!s:45} {entry.network}")
    except (FormatError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


def _run(arguments: argparse.Namespace, console: Console) -> int:
    entries = _chosen(arguments)
    if not entries:
        return _nothing_matches()
    contenders = [peers.SUBJECT, *(name for name in peers.installed() if name in arguments.peers)]
    run = Run(layout=arguments.layout)
    absent = [name for name in arguments.peers if name not in contenders]
    if absent:
        run.notes.append(f"not installed, so left out: {', '.join(absent)}")
    succeeded = True
    for threads in arguments.threads:
        succeeded &= _measure(_task(arguments, entries, contenders, threads), run)
    if arguments.memory is not None:
        _measure_memory(arguments, contenders, run, console)
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "results.json"
    save(run, path)

    from .report import show

    show(run, console)
    console.print(f"\nWritten: {path}", highlight=False)
    _draw(run, arguments.output, arguments.format, console)
    return 0 if succeeded and not run.disagreements else 1


def _phases(arguments: argparse.Namespace, console: Console) -> int:
    entries = _chosen(arguments)
    if not entries:
        return _nothing_matches()
    run = Run(layout=arguments.layout)
    succeeded = _measure(replace(_task(arguments, entries, [peers.SUBJECT], 1), phases=True), run)
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "phases.json"
    save(run, path)

    from .phases import show

    show(run, console)
    console.print(f"\nWritten: {path}", highlight=False)
    return 0 if succeeded else 1


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


def _measure(task: Task, run: Run) -> bool:
    """Measure in a process that was started for this number of threads, add what it found, and say if it succeeded."""
    environment, removed = for_measuring(os.environ, task.threads)
    if removed:
        note = f"taken out of the environment, because it holds a library back: {', '.join(removed)}"
        run.notes.extend([note] if note not in run.notes else [])
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.json")
        command = [sys.executable, "-m", "bench.session", task.to_text(), str(result)]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        if result.exists():
            run.add(load(result))
    if done.returncode != 0:
        run.notes.append(f"the process that measured {task.threads} threads ended early, status {done.returncode}")
    return done.returncode == 0


def _measure_memory(arguments: argparse.Namespace, contenders: Sequence[str], run: Run, console: Console) -> None:
    if not memory.available():
        run.notes.append("extra memory is measured on Linux only")
        return
    names = arguments.memory or (MEMORY[:1] if arguments.short else MEMORY)
    entries = [entry for entry in choose() if any(name == entry.name for name in names)]
    with console.status("memory") as status:
        for dtype in arguments.dtype:
            for one in memory.measure(entries, contenders, arguments.passes, dtype, run.lines):
                run.memory.append(one)
                status.update(f"memory: {one.layer} {one.pass_name}")


def _draw(run: Run, folder: Path, suffix: str, console: Console) -> None:
    try:
        from .plots import draw
    except ModuleNotFoundError as error:
        console.print(f"No pictures without {error.name}.")
        return
    for path in draw(run, folder, f".{suffix}"):
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
    add("--dtype", nargs="+", choices=("float32", "float64"), default=["float32"], help="(default: float32)")
    add("--passes", nargs="+", choices=PASSES, default=list(PASSES), help="(default: all three)")
    add("--layout", choices=LAYOUTS, default="nchw", help="memory layout of V, G and results (default: %(default)s)")
    add("--seconds", type=float, metavar="S", help="to spend on one layer and pass (default: 0.5; 0.2 with --short)")
    add("--output", type=Path, default=Path("convgrad-bench"), metavar="FOLDER", help="(default: %(default)s)")

    run = commands.add_parser(
        "run", parents=[which, what, how], help="measure, and write results.json and two pictures"
    )
    add = run.add_argument
    add("--peers", nargs="*", choices=list(peers.PEERS), default=list(peers.PEERS), help="(default: all installed)")
    add("--threads", nargs="+", type=_positive, default=[1], metavar="N", help="one run for each (default: 1)")
    add("--memory", nargs="*", metavar="LAYER", help=f"measure extra memory, too (default: {', '.join(MEMORY)})")

    commands.add_parser("phases", parents=[which, what], help="where convgrad's time goes, and write phases.json")

    compare = commands.add_parser("compare", help="two results.json side by side")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    compare.add_argument("--contender", default=peers.SUBJECT, help="whose change (default: %(default)s)")

    plot = commands.add_parser("plot", parents=[how], help="draw the pictures of a results.json again")
    plot.add_argument("results", type=Path)

    commands.add_parser("list", parents=[which], help="show the layers")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} threads; at least 1 is needed")
    return value


if __name__ == "__main__":
    sys.exit(main())

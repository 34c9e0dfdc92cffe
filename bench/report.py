"""What a run says in the terminal: rates, times of single calls, extra memory, and the sum of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from .peers import SUBJECT
from .results import Line, Memory, Run, geometric_mean, settings

MEBIBYTE = 1 << 20
# In which a layer's name and sizes are folded at most.
LAYER_WIDTH = 18
_ANY_WIDTH = 1000
_SHORT = {"onnxruntime": "ort"}


def show(run: Run, console: Console) -> None:
    """Print everything about a run.

    Parameters
    ----------
    run : Run
        What was found.
    console : rich.console.Console
        Where to.
    """
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    # Names, and what libraries say, are shown as they are, brackets included.
    console.print(", ".join(run.machine.values()), highlight=False, markup=False)
    console.print(f"{versions}; layout {run.layout}", highlight=False, markup=False)
    show_notes(run, console)
    for dtype, threads in settings(run.lines):
        lines = [line for line in run.lines if (line.dtype, line.threads) == (dtype, threads)]
        limits = run.limits_of(lines[0])
        console.print(
            f"\n[bold]{dtype}, threads: {threads}[/bold]; measured: {limits.peak_flops / 1e9:.0f} GFLOP/s of fused "
            f"multiply-adds, {limits.bandwidth / 1e9:.0f} GB/s of memory bandwidth",
            highlight=False,
        )
        rates = [line for line in lines if line.kind != "call"]
        calls = [line for line in lines if line.kind == "call"]
        if rates:
            print_whole(rate_table(rates, run), console)
        if calls:
            print_whole(call_table(calls), console)
        for text in summary(rates):
            console.print(text, highlight=False)
    if run.memory:
        console.print()
        print_whole(memory_table(run.memory), console)
    for text in run.disagreements:
        console.print(f"Not timed, because results disagree: {text}", style="red", highlight=False, markup=False)


def print_whole(view: Table, console: Console) -> None:
    """Print a table, wider than the terminal if need be: rich would rather cut its last columns off."""
    least = Measurement.get(console, console.options.update(width=_ANY_WIDTH), view).minimum
    if least > console.width:
        view.width = least
    console.print(view, crop=False)


def show_notes(run: Run, console: Console) -> None:
    """Print what the reader has to know."""
    for note in run.notes:
        console.print(note, style="yellow", highlight=False, markup=False)


def rate_table(lines: Sequence[Line], run: Run) -> Table:
    """Make the table of rates: one row per layer, one line in it per pass, one column per contender."""
    names = _names(lines)
    view = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        caption="GFLOP/s from the fastest call; peak: convgrad's share of the FMA peak; "
        "ratio: convgrad over the fastest of the others",
    )
    view.add_column("layer: N,C,size -> O, kernel", min_width=LAYER_WIDTH)
    view.add_column("pass", no_wrap=True)
    for title in (*(_SHORT.get(name, name) for name in names), "peak", "ratio", "to"):
        view.add_column(title, justify="left" if title == "to" else "right", no_wrap=True)
    for name, group in groupby(lines, key=lambda line: line.layer):
        rows = list(group)
        view.add_row(
            f"[bold]{name}[/bold] [dim]{rows[0].network}[/dim]\n{rows[0].sizes}",
            "\n".join(line.pass_name for line in rows),
            *("\n".join(_rate(line, contender) for line in rows) for contender in names),
            "\n".join(_share(line, run) for line in rows),
            "\n".join(_ratio(line) for line in rows),
            "\n".join(_short(line.best_peer(SUBJECT)) for line in rows),
            end_section=True,
        )
    return view


def call_table(lines: Sequence[Line]) -> Table:
    """Make the table of single calls on tiny layers, in microseconds."""
    names = _names(lines)
    view = Table(box=SIMPLE_HEAD, pad_edge=False, caption="microseconds per call, the fastest")
    view.add_column("one call", min_width=LAYER_WIDTH)
    view.add_column("pass", no_wrap=True)
    for title in (*(_SHORT.get(name, name) for name in names), "ratio", "to"):
        view.add_column(title, justify="left" if title == "to" else "right", no_wrap=True)
    for name, group in groupby(lines, key=lambda line: line.layer):
        rows = list(group)
        view.add_row(
            f"[bold]{name}[/bold]\n{rows[0].sizes}",
            "\n".join(line.pass_name for line in rows),
            *("\n".join(_microseconds(line, contender) for line in rows) for contender in names),
            "\n".join(_ratio(line) for line in rows),
            "\n".join(_short(line.best_peer(SUBJECT)) for line in rows),
            end_section=True,
        )
    return view


def memory_table(memory: Sequence[Memory]) -> Table:
    """Make the table of extra memory in mebibytes."""
    names = list(dict.fromkeys(name for one in memory for name in one.extra_bytes))
    view = Table(
        box=SIMPLE_HEAD, pad_edge=False, caption="MiB that one call of one thread takes beyond operands and result"
    )
    view.add_column("extra memory", min_width=LAYER_WIDTH)
    view.add_column("pass", no_wrap=True)
    for name in names:
        view.add_column(_SHORT.get(name, name), justify="right", no_wrap=True)
    for (layer, dtype), group in groupby(memory, key=lambda one: (one.layer, one.dtype)):
        rows = list(group)
        columns = (
            "\n".join(f"{one.extra_bytes[name] / MEBIBYTE:.1f}" if name in one.extra_bytes else "" for one in rows)
            for name in names
        )
        title = f"[bold]{layer}[/bold] {dtype}\n{rows[0].sizes}"
        view.add_row(title, "\n".join(one.pass_name for one in rows), *columns, end_section=True)
    return view


def summary(lines: Sequence[Line]) -> Iterator[str]:
    """Say how convgrad compares with the fastest of the others: all in all, by kind of layer and by pass."""
    compared = [(line, ratio) for line in lines if (ratio := line.ratio(SUBJECT)) is not None]
    if not compared:
        return
    parts = {f"{kind} layers": [pair for pair in compared if pair[0].kind == kind] for kind in _kinds(lines)}
    parts |= {name: [pair for pair in compared if pair[0].pass_name == name] for name in _passes(lines)}
    for title, pairs in {"all": compared, **parts}.items():
        if not pairs:
            continue
        line, least = min(pairs, key=lambda pair: pair[1])
        ahead = sum(ratio >= 1 for _, ratio in pairs)
        yield (
            f"{title}: at least as fast as the fastest other on {ahead} of {len(pairs)} lines, geometric mean "
            f"{geometric_mean(ratio for _, ratio in pairs):.2f}, least {least:.2f} ({line.layer}, {line.pass_name})"
        )


def _kinds(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line.kind for line in lines))


def _passes(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line.pass_name for line in lines))


def _names(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(name for line in lines for name in line.timings))


def _rate(line: Line, name: str) -> str:
    if name not in line.timings:
        return ""
    rate = line.rate(name) / 1e9
    text = f"{rate:.0f}" if rate >= 100 else f"{rate:.1f}" if rate >= 1 else f"{rate:.2f}"
    return f"[bold]{text}[/bold]" if name == SUBJECT else text


def _microseconds(line: Line, name: str) -> str:
    if name not in line.timings:
        return ""
    text = f"{line.timings[name].minimum * 1e6:.1f}"
    return f"[bold]{text}[/bold]" if name == SUBJECT else text


def _share(line: Line, run: Run) -> str:
    return f"{line.rate(SUBJECT) / run.limits_of(line).peak_flops:.0%}" if SUBJECT in line.timings else ""


def _ratio(line: Line) -> str:
    ratio = line.ratio(SUBJECT)
    return "" if ratio is None else f"[{'green' if ratio >= 1 else 'red'}]{ratio:.2f}[/]"


def _short(name: str | None) -> str:
    return "" if name is None else _SHORT.get(name, name)

"""Two runs side by side, so that the effect of a change is seen: `python -m bench compare BEFORE AFTER`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .peers import SUBJECT
from .report import print_whole
from .results import Line, Run, geometric_mean

# Smaller changes are noise on most machines.
NOTICEABLE = 0.03


class NothingInCommonError(ValueError):
    """Two runs have nothing to compare."""


@dataclass(frozen=True)
class Change:
    """One line in both runs.

    Attributes
    ----------
    speed : float
        How many times as fast the contender is afterwards.
    others : float or None
        The same for the geometric mean of all other contenders that are in both: what the machine did meanwhile.
    """

    before: Line
    after: Line
    speed: float
    others: float | None

    @property
    def adjusted(self) -> float:
        """The change of speed, with that of the others taken out."""
        return self.speed / (self.others or 1.0)


def changes(before: Run, after: Run, name: str = SUBJECT) -> list[Change]:
    """Match the lines of two runs.

    Parameters
    ----------
    before, after : Run
        The two runs.
    name : str, optional
        Whose change is wanted.

    Returns
    -------
    list of Change
        For each layer, pass, data type and thread count in which both runs have that contender.
    """
    known = {line.key: line for line in before.lines if name in line.timings}
    found = []
    for line in after.lines:
        old = known.get(line.key)
        if old is None or name not in line.timings:
            continue
        common = [other for other in line.timings if other != name and other in old.timings]
        others = geometric_mean(_speed(old, line, other) for other in common) if common else None
        found.append(Change(old, line, _speed(old, line, name), others))
    return found


def _speed(before: Line, after: Line, name: str) -> float:
    return before.timings[name].minimum / after.timings[name].minimum


def show(before: Run, after: Run, titles: Sequence[str], console: Console, name: str = SUBJECT) -> None:
    """Print the table and what it comes to.

    Parameters
    ----------
    before, after : Run
        The two runs.
    titles : sequence of str
        What to call them.
    console : rich.console.Console
        Where to.
    name : str, optional
        Whose change is shown.

    Raises
    ------
    NothingInCommonError
        No line has that contender in both runs.
    """
    found = changes(before, after, name)
    if not found:
        raise NothingInCommonError(f"no line has {name} in both")
    for title, run in zip(titles, (before, after), strict=True):
        about = {**run.versions, **run.machine}
        parts = [about.get(key, "?") for key in ("commit", "isa", "compiler", "processor")]
        console.print(f"{title}: {', '.join(parts)}", highlight=False)
    if before.machine != after.machine:
        console.print("[yellow]The two runs were made on different machines.[/yellow]")
    if before.layout != after.layout:
        console.print(f"[yellow]The layouts differ: {before.layout} and {after.layout}.[/yellow]")
    for title, run in zip(titles, (before, after), strict=True):
        alone = len(run.lines) - len(found)
        if alone > 0:
            console.print(f"[yellow]{alone} of {len(run.lines)} lines are only {title}, or lack {name}.[/yellow]")
    view = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        caption=f"{name}: GFLOP/s (tiny layers: microseconds), its ratio to the fastest other, "
        "change of speed, the same with the others' change taken out",
    )
    for column in ("layer", "pass", "dtype", "thr"):
        view.add_column(column, no_wrap=column != "layer")
    for column in (*titles, "ratio", "ratio", "change", "adjusted"):
        view.add_column(column, justify="right", no_wrap=True)
    for change in found:
        old, new = change.before, change.after
        view.add_row(
            *(new.layer, new.pass_name, new.dtype, str(new.threads)),
            *(_figure(line, name) for line in (old, new)),
            *(_ratio(line, name) for line in (old, new)),
            _percent(change.speed),
            _percent(change.adjusted) if change.others else "",
        )
    print_whole(view, console)
    for pass_name in dict.fromkeys(change.after.pass_name for change in found):
        chosen = [change for change in found if change.after.pass_name == pass_name]
        speed, adjusted = (
            geometric_mean(values) for values in ([one.speed for one in chosen], [one.adjusted for one in chosen])
        )
        console.print(
            f"{pass_name}: geometric mean of {len(chosen)} lines {speed - 1:+.1%}, adjusted {adjusted - 1:+.1%}",
            highlight=False,
        )


def _figure(line: Line, name: str) -> str:
    if line.kind == "call":
        return f"{line.timings[name].minimum * 1e6:.1f} us"
    return f"{line.rate(name) / 1e9:.1f}"


def _ratio(line: Line, name: str) -> str:
    ratio = line.ratio(name)
    return "" if ratio is None else f"{ratio:.2f}"


def _percent(speed: float) -> str:
    color = "green" if speed > 1 + NOTICEABLE else "red" if speed < 1 - NOTICEABLE else "dim"
    return f"[{color}]{speed - 1:+.1%}[/]"

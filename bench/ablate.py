"""What each refinement is worth, by switching it off: `python -m bench ablate`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from . import tuning_numbers, ways
from .refinements import REFINEMENTS, Refinement
from .report import LAYER_WIDTH, print_whole, show_notes
from .results import Line, Run, geometric_mean, settings
from .variants import Case, Variant, time_variants

WITH, WITHOUT = "with", "without"
# A refinement that gains less on every line is not worth its lines of code.
NOTICEABLE = 0.01
# With and without it the same runs: what it gains and loses is noise.
NOTHING = Refinement("nothing: noise", "how far to trust the others", {})


def choose(names: Iterable[str] = (), among: Sequence[Refinement] = REFINEMENTS) -> list[Refinement]:
    """Choose refinements.

    Parameters
    ----------
    names : iterable of str, optional
        Keep those with one of these texts in their name; all when empty.
    among : sequence of Refinement, optional
        Those to choose from.

    Returns
    -------
    list of Refinement
        In their order.

    Raises
    ------
    UnknownNumberError
        One is switched off by a number that the library does not have.
    """
    texts = tuple(names)
    found = [one for one in among if not texts or any(text in one.name for text in texts)]
    for refinement in found:
        try:
            tuning_numbers.check(refinement.off)
        except tuning_numbers.UnknownNumberError as error:
            raise tuning_numbers.UnknownNumberError(f"refinement {refinement.name!r}: {error}") from error
    return found


@dataclass(frozen=True)
class Pricing:
    """Measures a case with and without each of several refinements, in turns."""

    refinements: Sequence[Refinement]

    def __call__(self, case: Case, run: Run) -> None:
        """Add a line for each refinement to a run."""
        own = ways.chosen(ways.description(case.layer, case.pass_name, case.dtype) or "", case.work.layout)
        for refinement in self.refinements:
            if not is_off(refinement) and concerns(refinement, own):
                run.lines.append(_measure(case, refinement))

    def notes(self) -> list[str]:
        """Say which ones cannot be priced here."""
        return [f"{one.name}: off here as it is, so not measured" for one in self.refinements if is_off(one)]


def _measure(case: Case, refinement: Refinement) -> Line:
    usual = tuning_numbers.table()
    on = {name: usual[name].value for name in refinement.off}
    variants = [Variant(WITH, case.out, numbers=on), Variant(WITHOUT, case.out, numbers=refinement.off)]
    with tuning_numbers.changed({}):
        line = time_variants(case, variants, lambda line: abs(gain(line)) > NOTICEABLE)
    return replace(line, refinement=refinement.name)


def is_off(refinement: Refinement) -> bool:
    """Whether the numbers are such that it is not done, as some are for some kernel sets."""
    usual = tuning_numbers.table()
    return refinement != NOTHING and all(usual[name].value == value for name, value in refinement.off.items())


def concerns(refinement: Refinement, chosen: Sequence[str]) -> bool:
    """Whether it is a matter of one of the ways that the library chose."""
    return not refinement.ways or any(way in chosen for way in refinement.ways)


def gain(line: Line) -> float:
    """By which share of its time a call takes longer without the refinement."""
    return line.timings[WITHOUT].minimum / line.timings[WITH].minimum - 1


def show(run: Run, console: Console) -> None:
    """Print a table for each data type and thread count.

    Parameters
    ----------
    run : Run
        With lines that have timings with and without refinements.
    console : rich.console.Console
        Where to.
    """
    show_notes(run, console)
    for dtype, threads in settings(run.lines):
        lines = [line for line in run.lines if (line.dtype, line.threads) == (dtype, threads) and line.refinement]
        if lines:
            console.print(f"\n[bold]{dtype}, threads: {threads}[/bold], layout {run.layout}", highlight=False)
            print_whole(table(lines), console)
    for text in run.disagreements:
        console.print(f"Not timed, because results disagree: {text}", style="red", highlight=False, markup=False)


def table(lines: Sequence[Line]) -> Table:
    """Make the table of prices, one row per refinement."""
    view = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        caption="by how much longer calls take without it: geometric mean, most and least with their lines, and how "
        f"many lines gain more than {NOTICEABLE:.0%}, of those that take its way",
    )
    view.add_column("refinement", min_width=LAYER_WIDTH)
    for title in ("mean\ngain", "largest\ngain", "on", "largest\nloss", "on", f"over\n{NOTICEABLE:.0%}", ""):
        text = title in ("on", "")
        view.add_column(title, justify="left" if text else "right", no_wrap=not text)
    for name in dict.fromkeys(line.refinement for line in lines):
        view.add_row(*_row(name, [line for line in lines if line.refinement == name]))
    return view


def _row(name: str, lines: Sequence[Line]) -> Iterator[str]:
    gains = [gain(line) for line in lines]
    yield name
    yield f"{geometric_mean(1 + value for value in gains) - 1:+.2%}"
    most, least = max(lines, key=gain), min(lines, key=gain)
    yield from (f"{gain(most):.1%}", f"{most.layer}, {most.pass_name}") if gain(most) > 0 else ("", "")
    yield from (f"{-gain(least):.1%}", f"{least.layer}, {least.pass_name}") if gain(least) < 0 else ("", "")
    over = sum(value > NOTICEABLE for value in gains)
    yield f"{over}/{len(lines)}"
    yield "" if over or name == NOTHING.name else "[yellow]not worth its lines[/yellow]"

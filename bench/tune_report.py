"""What `python -m bench tune` says: choices that lose, what that comes to, how far estimates are off."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .report import LAYER_WIDTH, print_whole, show_notes
from .results import Line, Run, geometric_mean, settings
from .tune import NOTICEABLE, Accuracy, Loss, accuracies, losses, noticeable


def show(run: Run, console: Console) -> None:
    """Print everything about a run.

    Parameters
    ----------
    run : Run
        With lines that have timings by way.
    console : rich.console.Console
        Where to.
    """
    show_notes(run, console)
    for dtype, threads in settings(run.lines):
        lines = [line for line in run.lines if (line.dtype, line.threads) == (dtype, threads) and line.chosen]
        if not lines:
            continue
        console.print(f"\n[bold]{dtype}, threads: {threads}[/bold], layout {run.layout}", highlight=False)
        _show_setting(lines, run, console)
    for text in run.disagreements:
        console.print(f"Not timed, because results disagree: {text}", style="red", highlight=False, markup=False)


def _show_setting(lines: Sequence[Line], run: Run, console: Console) -> None:
    found = noticeable(lines)
    if found:
        print_whole(loss_table(found), console)
    else:
        console.print(f"No choice loses more than {NOTICEABLE:.0%}.", highlight=False)
    print_whole(summary_table(lines), console)
    # Where only calls count, estimates of the multiplying do not.
    known = accuracies([line for line in lines if line.kind != "call"], run)
    if known:
        print_whole(accuracy_table(known), console)


def loss_table(found: Sequence[Loss]) -> Table:
    """Make the table of choices that lose."""
    view = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        caption=f"where the library's choice loses more than {NOTICEABLE:.0%} to the best way; "
        "a change of bits: that way makes its sums in another order",
    )
    view.add_column("layer: N,C,size -> O, kernel", min_width=LAYER_WIDTH)
    for title in ("pass", "dtype", "chosen", "best"):
        view.add_column(title, no_wrap=True)
    for title in ("µs", "best µs", "loss"):
        view.add_column(title, justify="right", no_wrap=True)
    view.add_column("", no_wrap=True)
    for loss in found:
        line = loss.line
        times = (line.timings[way].minimum * 1e6 for way in (line.chosen, loss.best))
        view.add_row(
            line.sizes if line.layer == line.sizes else f"[bold]{line.layer}[/bold]\n{line.sizes}",
            *(line.pass_name, line.dtype, line.timings[line.chosen].detail or line.chosen, loss.best),
            *(f"{time:.1f}" for time in times),
            f"{loss.share:.1%}",
            "a change of bits" if loss.changes_bits else "",
        )
    return view


def summary_table(lines: Sequence[Line]) -> Table:
    """Make the table of what choosing loses, by pass."""
    view = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        caption="geometric mean of the loss to the best way with the same bits, on how many lines it is noticeable; "
        "the same to the best of all ways",
    )
    view.add_column("pass", no_wrap=True)
    for title in ("lines", "loss", f"over {NOTICEABLE:.0%}", "loss, all ways", f"over {NOTICEABLE:.0%}"):
        view.add_column(title, justify="right", no_wrap=True)
    names = list(dict.fromkeys(line.pass_name for line in lines))
    groups = {name: [line for line in lines if line.pass_name == name] for name in names}
    if len(names) > 1:
        groups["all"] = list(lines)
    for name, group in groups.items():
        same_bits, all_ways = zip(*map(losses, group), strict=True)
        view.add_row(name, str(len(group)), *_sum_up(same_bits), *_sum_up(all_ways))
    return view


def _sum_up(found: Sequence[Loss]) -> tuple[str, str]:
    mean = geometric_mean(1 + loss.share for loss in found) - 1
    return f"{mean:.2%}", str(sum(loss.share > NOTICEABLE for loss in found))


def accuracy_table(known: Sequence[Accuracy]) -> Table:
    """Make the table of how far estimates are off."""
    view = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        caption="estimated over measured time, 10th percentile, median, 90th: relative to multiplying alone at the "
        "machine's peak, and relative to the way that was chosen instead; below 1 the estimate is too low",
    )
    view.add_column("estimates of", no_wrap=True)
    for title in ("lines", "10 %", "median", "90 %", "beside choice: 10 %", "median", "90 %"):
        view.add_column(title, justify="right", no_wrap=True)
    for one in known:
        beside = [f"{value:.2f}" for value in one.beside_choice] if one.beside_choice else [""] * 3
        view.add_row(one.way, str(one.lines), *(f"{value:.2f}" for value in one.of_time), *beside)
    return view

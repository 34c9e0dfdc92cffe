"""Two pictures of a run: how convgrad compares with the fastest of the others, and both under the machine's roof."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .peers import SUBJECT
from .results import Limits, Line, Run, geometric_mean, settings

_MARKS = {"forward": ("o", "#1f6f8b"), "grad_kernel": ("s", "#d1652a"), "grad_input": ("^", "#4f8a3c")}
_KINDS = {"dense": 0, "pointwise": 1, "grouped": 2, "call": 3}
_TITLES = {
    "dense": "dense",
    "pointwise": "1x1",
    "grouped": "groups, depthwise",
    "call": "time of one call",
}


def draw(run: Run, folder: Path, suffix: str = ".svg") -> list[Path]:
    """Draw both pictures.

    Parameters
    ----------
    run : Run
        What was found.
    folder : Path
        Where to write `ratios` and `roofline`.
    suffix : {".svg", ".png"}, optional
        Their format.

    Returns
    -------
    list of Path
        The files written; `ratios` is missing when there is nobody to compare with, and both are when there is no line.
    """
    figures: dict[str, Figure] = {}
    # The same bytes for the same numbers: fixed identifiers, no date.
    matplotlib.rcParams["svg.hashsalt"] = SUBJECT
    if run.lines:
        figures["roofline"] = _roofline(run)
    if any(line.ratio(SUBJECT) is not None for line in run.lines):
        figures["ratios"] = _ratios(run)
    paths = []
    for name in ("roofline", "ratios"):
        path = folder / f"{name}{suffix}"
        figure = figures.get(name)
        if figure is None:  # one of an earlier run would be taken for this one's
            path.unlink(missing_ok=True)
            continue
        metadata: dict[str, Any] = {"Date": None} if suffix == ".svg" else {}
        figure.savefig(path, metadata=metadata, dpi=120)
        paths.append(path)
    return paths


def _ratios(run: Run) -> Figure:
    """One panel per setting; one row per layer, sorted within its kind; one mark per pass."""
    panels = settings(run.lines)
    rows = _rows([line for line in run.lines if line.ratio(SUBJECT) is not None])
    every = [ratio for line in run.lines if (ratio := line.ratio(SUBJECT)) is not None]
    limits = (min([0.5, *(ratio / 1.1 for ratio in every)]), max([4.0, *(ratio * 1.2 for ratio in every)]))
    figure = Figure(figsize=(4.2 + 4.3 * len(panels), 2.2 + 0.21 * len(rows)), layout="constrained", facecolor="white")
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True, sharex=True)
    for axes, (dtype, threads) in zip(grid[0], panels, strict=True):
        lines = [line for line in run.lines if (line.dtype, line.threads) == (dtype, threads)]
        ratios = _draw_ratios(axes, lines, rows, limits)
        mean = f"\ngeometric mean of rates {geometric_mean(ratios):.2f}" if ratios else ""
        axes.set_title(_setting(dtype, threads) + mean, fontsize=10)
    first = grid[0][0]
    first.set_yticks(range(len(rows)), [_label(row) for row in rows], fontsize=8)
    first.set_ylim(len(rows) - 0.4, -0.6)
    handles, labels = first.get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=len(named), frameon=False)
    figure.suptitle(
        f"speed of {SUBJECT} {run.versions.get('convgrad', '')} over the fastest of\n{_others(run)}\n"
        f"{run.machine.get('processor', '')}, {run.versions.get('isa', '')}; to the right of 1: {SUBJECT} is faster",
        fontsize=11,
    )
    return figure


def _draw_ratios(
    axes: Any, lines: Sequence[Line], rows: Sequence[Line | str], limits: tuple[float, float]
) -> list[float]:
    place = {row.layer: index for index, row in enumerate(rows) if isinstance(row, Line)}
    found: list[float] = []
    for name, (marker, color) in _MARKS.items():
        pairs = [
            (ratio, line) for line in lines if line.pass_name == name and (ratio := line.ratio(SUBJECT)) is not None
        ]
        found.extend(ratio for ratio, line in pairs if line.kind != "call")
        axes.scatter(
            [ratio for ratio, _ in pairs],
            [place[line.layer] for _, line in pairs],
            s=22,
            marker=marker,
            color=color,
            label=name,
            alpha=0.85,
            linewidths=0,
            zorder=3,
        )
    axes.axvline(1, color="black", linewidth=1, zorder=2)
    axes.axvspan(limits[0], 1, color="#f3e3dc", zorder=0)
    _logarithmic(axes.xaxis)
    axes.grid(axis="both", color="#dddddd", linewidth=0.6, zorder=1)
    axes.set_xlim(*limits)
    return found


def _rows(lines: Sequence[Line]) -> list[Line | str]:
    """One line for each layer, in the order of the list, after a heading for each kind."""
    unique = {line.layer: line for line in lines}
    ordered = sorted(unique.values(), key=lambda line: _KINDS[line.kind])
    rows: list[Line | str] = []
    for kind, group in groupby(ordered, key=lambda line: line.kind):
        rows.extend((_TITLES[kind], *group))
    return rows


def _label(row: Line | str) -> str:
    return f"{row}:" if isinstance(row, str) else f"{row.layer}   {row.sizes}"


def _others(run: Run) -> str:
    others = [name for name in run.contenders() if name != SUBJECT]
    return ", ".join(f"{name} {run.versions.get(name, '')}".strip() for name in others)


def _roofline(run: Run) -> Figure:
    """One panel per setting: rate over arithmetic intensity, under the measured peak and bandwidth."""
    panels = settings(run.lines)
    figure = Figure(figsize=(1 + 5.2 * len(panels), 5), layout="constrained", facecolor="white")
    grid = figure.subplots(1, len(panels), squeeze=False)
    for axes, (dtype, threads) in zip(grid[0], panels, strict=True):
        lines = [
            line
            for line in run.lines
            if (line.dtype, line.threads) == (dtype, threads) and line.kind != "call" and SUBJECT in line.timings
        ]
        limits = next(one for one in run.limits if (one.dtype, one.threads) == (dtype, threads))
        _draw_roof(axes, limits, [line.flop / line.data_bytes for line in lines])
        for name, (marker, color) in _MARKS.items():
            chosen = [line for line in lines if line.pass_name == name]
            ours = [(line, SUBJECT) for line in chosen]
            others = [(line, peer) for line in chosen if (peer := line.best_peer(SUBJECT))]
            axes.scatter(*_points(ours), s=20, marker=marker, color=color, label=name, zorder=3)
            hollow = {"facecolors": "none", "edgecolors": color, "linewidths": 0.8, "alpha": 0.6}
            axes.scatter(*_points(others), s=20, marker=marker, zorder=2, **hollow)
        axes.set(xlabel="FLOP per byte of V, K and Z", ylabel="GFLOP/s")
        axes.set_title(_setting(dtype, threads), fontsize=10)
        axes.grid(color="#dddddd", linewidth=0.6)
        _logarithmic(axes.xaxis)
        _logarithmic(axes.yaxis)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle(
        f"filled: {SUBJECT}; hollow: the fastest of the others\nline: measured peak and memory bandwidth", fontsize=10
    )
    return figure


def _draw_roof(axes: Any, limits: Limits, intensities: Sequence[float]) -> None:
    """Draw what memory allows where data are many, and arithmetic where they are few."""
    reach = np.geomspace(min(1.0, *intensities, 1.0), max(500.0, *intensities, 500.0), 200)
    roof = np.minimum(limits.peak_flops, reach * limits.bandwidth) / 1e9
    axes.plot(reach, roof, color="black", linewidth=1.2)
    text = f"{limits.peak_flops / 1e9:.0f} GFLOP/s, {limits.bandwidth / 1e9:.0f} GB/s"
    # Where the memory limits: layers that reuse what they read crowd under the other end of the roof.
    axes.annotate(text, (reach[0], roof[-1]), xytext=(0, 5), textcoords="offset points", ha="left", fontsize=8)


def _points(pairs: Sequence[tuple[Line, str]]) -> tuple[list[float], list[float]]:
    """Where the contenders stand on these lines: FLOP per byte, GFLOP/s."""
    return [line.flop / line.data_bytes for line, _ in pairs], [line.rate(name) / 1e9 for line, name in pairs]


def _setting(dtype: str, threads: int) -> str:
    return f"{dtype}, {threads} thread{'s' if threads > 1 else ''}"


def _logarithmic(axis: Any) -> None:
    """Scale one axis, with plain numbers at 1, 2 and 5 times each power of ten rather than powers."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())

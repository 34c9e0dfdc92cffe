"""What the benchmark says: a table for people, the same numbers as JSON for programs."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_info

import convgrad
from convgrad import _core

from .timing import Measurement


@dataclass(frozen=True)
class Setting:
    """The conditions under which everything was measured; the peak is in FLOP/s, for all threads together."""

    dtype: str
    threads: int
    peak: float

    def __str__(self) -> str:
        """Give the line above the table."""
        return (
            f"convgrad {convgrad.__version__} ({_core.isa()}) against NumPy {np.__version__} ({blas()}), {self.dtype}, "
            f"threads: {self.threads}, measured FMA peak: {self.peak / 1e9:.0f} GFLOP/s"
        )


def blas() -> str:
    """Name NumPy's BLAS and the processor that its kernels were written for."""
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return ", ".join(f"{one['internal_api']} for {one.get('architecture', 'any processor')}" for one in found)


def handicap() -> str | None:
    """Say what in the environment keeps NumPy's BLAS from choosing the best kernels for this processor, if anything."""
    forced = os.environ.get("OPENBLAS_CORETYPE")
    return forced and f"OPENBLAS_CORETYPE={forced} is set: NumPy may be slower than it could be on this processor."


def table(measurements: Sequence[Measurement], setting: Setting, subject: str, other: str) -> Table:
    """Make the table: one row per layer, one line in it per pass."""
    caption = f"GFLOP/s from the fastest call; peak: {subject}'s share of the FMA peak"
    view = Table(box=SIMPLE_HEAD, caption=caption, pad_edge=False)
    view.add_column("layer: N,C,size -> O, kernel")
    view.add_column("pass", no_wrap=True)
    for title in (subject, other, "ratio", "peak"):
        view.add_column(title, justify="right", no_wrap=True)
    for layer, group in groupby(measurements, key=lambda measurement: measurement.layer):
        lines = list(group)
        ratios = [line.ratio(subject, other) for line in lines]
        view.add_row(
            f"[bold]{layer.name}[/bold]\n{layer}",
            "\n".join(line.pass_name for line in lines),
            "\n".join(f"{line.rate(subject) / 1e9:.1f}" for line in lines),
            "\n".join(f"{line.rate(other) / 1e9:.1f}" for line in lines),
            "\n".join(f"[{'green' if ratio > 1 else 'red'}]{ratio:.2f}[/]" for ratio in ratios),
            "\n".join(f"{line.rate(subject) / setting.peak:.0%}" for line in lines),
            end_section=True,
        )
    return view


def summary(measurements: Sequence[Measurement], subject: str, other: str) -> str:
    """Say on how many lines the subject was faster, by how much, and where it did worst."""
    ratios = [measurement.ratio(subject, other) for measurement in measurements]
    worst = min(measurements, key=lambda measurement: measurement.ratio(subject, other))
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    faster = sum(ratio > 1 for ratio in ratios)
    return (
        f"All results agreed. {subject} was faster than {other} on {faster} of {len(ratios)} lines (layer x pass), "
        f"{mean:.2f} times as fast in the geometric mean, "
        f"{min(ratios):.2f} times at the least ({worst.layer.name}, {worst.pass_name})."
    )


def as_json(measurements: Sequence[Measurement], setting: Setting) -> dict[str, Any]:
    """Give everything that was measured as plain data; times are in seconds per call, rates in FLOP/s."""
    return {
        "convgrad": convgrad.__version__,
        "numpy": np.__version__,
        "blas": blas(),
        "machine": platform.machine(),
        "isa": _core.isa(),
        "dtype": setting.dtype,
        "threads": setting.threads,
        "peak_flops": setting.peak,
        "lines": [
            {
                "layer": line.layer.name,
                "sizes": str(line.layer),
                "pass": line.pass_name,
                "flop": line.layer.flops,
                "timings": {
                    name: {
                        "minimum": timing.minimum,
                        "median": timing.median,
                        "flops": line.rate(name),
                        "detail": timing.detail,
                    }
                    for name, timing in line.timings.items()
                },
            }
            for line in measurements
        ],
    }


def make_console() -> Console:
    """Make a console that is wide enough for the table where there is no terminal to measure."""
    console = Console()
    return console if console.is_terminal else Console(width=100)

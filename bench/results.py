"""What a run of the benchmark found, as plain data that is written to JSON and read back."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convgrad._bench.layers import PASSES
from convgrad._bench.timing import Measurement

from .layers import KINDS, Entry

FORMAT = 1


class FormatError(ValueError):
    """A file is not what this benchmark writes."""


@dataclass(frozen=True)
class Timing:
    """Seconds per call of one contender: the minimum and the median over rounds, and how it computes."""

    minimum: float
    median: float
    detail: str = ""


@dataclass(frozen=True)
class Line:
    """One layer, pass, data type and thread count, with every contender's timing by name.

    Attributes
    ----------
    flop : int
        Multiplications and additions of the pass, taps on padding included.
    data_bytes : int
        What V, K and Z take together: the least that any pass has to move.
    phases : dict of str to float
        Shares of the time of convgrad's call, by phase; empty where nobody asked.
    chosen : str
        Of timings by way, the library's own choice; empty for others.
    estimates : dict of str to float
        What ways were estimated to take, relative to multiplying alone.
    refinement : str
        Of timings with and without one, which.
    """

    layer: str
    network: str
    kind: str
    sizes: str
    pass_name: str
    dtype: str
    threads: int
    flop: int
    data_bytes: int
    timings: dict[str, Timing]
    phases: dict[str, float] = field(default_factory=dict)
    chosen: str = ""
    estimates: dict[str, float] = field(default_factory=dict)
    refinement: str = ""

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """What makes the line comparable with that of another run."""
        return (self.layer, self.pass_name, self.dtype, self.threads, self.refinement)

    def rate(self, name: str) -> float:
        """Return a contender's rate in FLOP/s, from its fastest call."""
        return self.flop / self.timings[name].minimum

    def best_peer(self, subject: str) -> str | None:
        """Name the fastest of the others, if there are any."""
        others = [name for name in self.timings if name != subject]
        return min(others, key=lambda name: self.timings[name].minimum) if others else None

    def ratio(self, subject: str) -> float | None:
        """How many times as fast as the fastest of the others; None without others or without the subject."""
        best = self.best_peer(subject)
        if best is None or subject not in self.timings:
            return None
        return self.timings[best].minimum / self.timings[subject].minimum


def line_of(entry: Entry, found: Measurement, dtype: str, threads: int) -> Line:
    """Write down what was measured of one pass of a layer."""
    layer = entry.layer
    elements = sum(map(math.prod, (layer.input_shape, layer.kernel_shape, layer.output_shape)))
    timings = {name: Timing(timing.minimum, timing.median, timing.detail) for name, timing in found.timings.items()}
    return Line(
        layer=entry.name,
        network=entry.network,
        kind=entry.kind,
        sizes=str(layer),
        pass_name=found.pass_name,
        dtype=dtype,
        threads=threads,
        flop=layer.flops,
        data_bytes=elements * (8 if dtype == "float64" else 4),
        timings=timings,
    )


@dataclass(frozen=True)
class Memory:
    """By how many bytes a first call raised the peak of a process, beyond operands and result, per contender."""

    layer: str
    sizes: str
    pass_name: str
    dtype: str
    extra_bytes: dict[str, int]


@dataclass(frozen=True)
class Limits:
    """What the machine can do with one data type and thread count: FLOP/s and bytes/s, measured in this run."""

    dtype: str
    threads: int
    peak_flops: float
    bandwidth: float


@dataclass
class Run:
    """Everything about one run.

    Attributes
    ----------
    machine, versions : dict of str to str
        Where and with what.
    layout : {"nchw", "nhwc"}
        How V, G and results lay in memory.
    notes : list of str
        What the reader has to know: settings removed, layers left out, results that disagree.
    disagreements : list of str
        Layers and passes that were not timed because results differ.
    """

    machine: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    layout: str = "nchw"
    notes: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    limits: list[Limits] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)

    def limits_of(self, line: Line) -> Limits:
        """Return the machine's limits under which a line was measured."""
        return next(one for one in self.limits if (one.dtype, one.threads) == (line.dtype, line.threads))

    def contenders(self) -> list[str]:
        """Name whoever is in any line, in order of appearance."""
        return list(dict.fromkeys(name for line in self.lines for name in line.timings))

    def add(self, other: Run) -> None:
        """Append what another process of the same run found."""
        self.machine = self.machine or other.machine
        self.versions = {**other.versions, **self.versions}
        for name in ("notes", "disagreements"):
            mine = getattr(self, name)
            mine.extend(one for one in getattr(other, name) if one not in mine)
        self.limits.extend(other.limits)
        self.lines.extend(other.lines)
        self.memory.extend(other.memory)


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean; nan for no values."""
    logarithms = [math.log(value) for value in values]
    return math.exp(math.fsum(logarithms) / len(logarithms)) if logarithms else math.nan


def settings(lines: Sequence[Line]) -> list[tuple[str, int]]:
    """List the pairs of data type and thread count, in order of appearance."""
    return list(dict.fromkeys((line.dtype, line.threads) for line in lines))


def save(run: Run, path: Path) -> None:
    """Write a run as JSON."""
    path.write_text(json.dumps({"format": FORMAT, **dataclasses.asdict(run)}, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Run:
    """Read a run.

    Parameters
    ----------
    path : Path
        Written by `save`.

    Returns
    -------
    Run
        Equal to the one that was saved.

    Raises
    ------
    FormatError
        The file is something else, or of another version of the benchmark.
    OSError
        The file cannot be read.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT:
            raise FormatError(f"{path}: written by another version of this benchmark")
        lines = [
            Line(**{**line, "timings": {name: Timing(**timing) for name, timing in line["timings"].items()}})
            for line in data.pop("lines")
        ]
        limits = [Limits(**one) for one in data.pop("limits")]
        memory = [Memory(**one) for one in data.pop("memory")]
        run = Run(**data, lines=lines, limits=limits, memory=memory)
        _check(run)
        return run
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path}: not a file of this benchmark ({type(error).__name__}: {error})") from error


def _check(run: Run) -> None:
    """Raise TypeError or ValueError for what nothing here writes, before whoever reads it stumbles over it."""
    if not all(isinstance(one, dict) for one in (run.machine, run.versions)):
        raise TypeError("machine or versions")
    for text in (*run.notes, *run.disagreements, *run.machine.values(), *run.versions.values()):
        if not isinstance(text, str):
            raise TypeError(f"{text!r} is no text")
    for limits in run.limits:
        _check_positive(limits.peak_flops, limits.bandwidth)
    known = {(limits.dtype, limits.threads) for limits in run.limits}
    for line in run.lines:
        if (line.dtype, line.threads) not in known:
            raise ValueError(f"no limits of {line.dtype}, threads: {line.threads}")
        if line.pass_name not in PASSES or line.kind not in KINDS:
            raise ValueError(f"{line.pass_name!r}, {line.kind!r}")
        _check_positive(line.flop, line.data_bytes)
        for timing in line.timings.values():
            _check_positive(timing.minimum, timing.median)


def _check_positive(*values: float) -> None:
    for value in values:
        if not 0 < value < math.inf:
            raise ValueError(f"{value} is no time or rate")

"""Every way that serves against the library's own choice: `python -m bench tune`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import ways
from .results import Line, Run
from .variants import Case, Variant, time_variants

# A choice that loses more is shown; before that, it is measured again.
NOTICEABLE = 0.05


@dataclass(frozen=True)
class Loss:
    """What the library's choice takes longer than the best way: 0 where it is the best.

    Attributes
    ----------
    line : Line
        Where.
    best : str
        The way that takes least.
    share : float
        By which share of its time the choice takes longer.
    changes_bits : bool
        Whether the best way makes sums in another order, so that choosing it would change results in the last bits.
    """

    line: Line
    best: str
    share: float
    changes_bits: bool


def measure_case(case: Case, run: Run) -> None:
    """Measure the ways that serve one pass of a layer, and add the line to a run.

    Parameters
    ----------
    case : Case
        Which pass of which layer.
    run : Run
        Where the line goes.
    """
    layout = case.work.layout
    served = ways.serving(case.layer, case.pass_name, case.dtype, layout)
    text = ways.description(case.layer, case.pass_name, case.dtype)
    own = ways.chosen(text or "", layout)
    # The choice of one way throughout need not be measured beside that way.
    chosen = own[0] if len(own) == 1 and own[0] in served else ways.MIXED
    names = [chosen, *(way for way in served if way != chosen)]
    variants = [_variant(name, case, " + ".join(own) if name == ways.MIXED else name) for name in names]
    line = time_variants(case, variants, lambda line: is_noticeable(replace(line, chosen=chosen)))
    run.lines.append(replace(line, chosen=chosen, estimates=_estimates(served)))


def _variant(way: str, case: Case, detail: str) -> Variant:
    return Variant(way, case.out, "auto" if way == ways.MIXED else f"gemm:{way}", detail=detail)


def _estimates(served: dict[str, str]) -> dict[str, float]:
    """Of each way that serves, what its own plan says about it."""
    found = {way: ways.estimates(text) for way, text in served.items()}
    return {way: of_all[way] for way, of_all in found.items() if way in of_all}


def losses(line: Line) -> tuple[Loss, Loss]:
    """Compare the choice with the best way.

    Parameters
    ----------
    line : Line
        With timings by way.

    Returns
    -------
    same_bits, all_ways : Loss
        To the best of those that give the same bits as the choice, and to the best of all.
    """
    same = ways.same_bits(line.pass_name, line.chosen)
    candidates = [way for way in line.timings if way in same or way == line.chosen]
    return _loss(line, candidates, same), _loss(line, list(line.timings), same)


def _loss(line: Line, candidates: Sequence[str], same: Sequence[str]) -> Loss:
    # Of equal times, the choice's counts.
    best = min(candidates, key=lambda way: (line.timings[way].minimum, way != line.chosen))
    share = line.timings[line.chosen].minimum / line.timings[best].minimum - 1
    return Loss(line, best, share, best not in same and best != line.chosen)


def is_noticeable(line: Line) -> bool:
    """Whether there is a way that would have been noticeably better."""
    return any(loss.share > NOTICEABLE for loss in losses(line))


def noticeable(lines: Sequence[Line]) -> list[Loss]:
    """List the losses that are worth a look, the largest first."""
    found = [loss for line in lines for loss in _worth_a_look(line)]
    return sorted(found, key=lambda loss: -loss.share)


def _worth_a_look(line: Line) -> Iterator[Loss]:
    same_bits, all_ways = losses(line)
    if same_bits.share > NOTICEABLE:
        yield same_bits
    if all_ways.changes_bits and all_ways.share > max(NOTICEABLE, same_bits.share):
        yield all_ways


@dataclass(frozen=True)
class Accuracy:
    """How estimates of one way compare with what was measured, as 10th percentile, median and 90th percentile.

    Attributes
    ----------
    lines : int
        How many have an estimate of the way.
    of_time : tuple of float
        Estimated over measured time, both relative to multiplying alone at the machine's peak.
    beside_choice : tuple of float or None
        The same, both relative to the way that the library chose: what decides. None where it was always the choice.
    """

    way: str
    lines: int
    of_time: tuple[float, float, float]
    beside_choice: tuple[float, float, float] | None


def accuracies(lines: Sequence[Line], run: Run) -> list[Accuracy]:
    """Compare estimates with measurements, way by way.

    Parameters
    ----------
    lines : sequence of Line
        Some of those of the run.
    run : Run
        Which knows the machine's peak.

    Returns
    -------
    list of Accuracy
        One for each way with any estimate, in order of appearance.
    """
    found = []
    for way in dict.fromkeys(way for line in lines for way in line.estimates):
        known = [line for line in lines if way in line.estimates and way in line.timings]
        of_time = [line.estimates[way] / _measured(line, way, run) for line in known]
        others = [line for line in known if way != line.chosen and line.chosen in line.estimates]
        beside = [_estimated_ratio(line, way) / _measured_ratio(line, way) for line in others]
        if known:
            found.append(Accuracy(way, len(known), _spread(of_time), _spread(beside) if beside else None))
    return found


def _measured(line: Line, way: str, run: Run) -> float:
    return line.timings[way].minimum * run.limits_of(line).peak_flops / line.flop


def _estimated_ratio(line: Line, way: str) -> float:
    return line.estimates[way] / line.estimates[line.chosen]


def _measured_ratio(line: Line, way: str) -> float:
    return line.timings[way].minimum / line.timings[line.chosen].minimum


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    tenth, median, ninetieth = np.percentile(values, [10, 50, 90]).tolist()
    return tenth, median, ninetieth

"""What `python -m bench ablate` prices: refinements, and the values of numbers that switch them off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Refinement:
    """Something that is done for speed alone and can be left out.

    Attributes
    ----------
    name : str
        How the report calls it.
    what : str
        What it does, in a line.
    off : mapping of str to float
        Numbers of the table (`csrc/algorithms/tuning.hpp`) and the values with which it is not done.
    """

    name: str
    what: str
    off: Mapping[str, float]


REFINEMENTS: tuple[Refinement, ...] = (
    Refinement("finer cuts", "more tasks than workers, so that the last one ends sooner", {"most_rounds": 1}),
    Refinement("lateness", "of cuts that are alike, the one with smaller tasks", {"lateness_of_a_task": 0}),
    Refinement("small work alone", "one thread where starting a team takes longer", {"multiplications_per_thread": 0}),
)

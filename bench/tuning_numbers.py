"""The table of numbers that only speed depends on (`csrc/algorithms/tuning.hpp`): listing it, and trying others.

A changed number holds in this process, for plans made from then on.
"""

from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from convgrad import _core

from .report import print_whole


class UnknownNumberError(ValueError):
    """The table has no number of that name."""


@dataclass(frozen=True)
class Number:
    """One number, as it is for the kernel set that runs."""

    name: str
    unit: str
    trades: str
    value: float


def table() -> dict[str, Number]:
    """List the numbers by name, in the order of the table."""
    return {number[0]: Number(*number) for number in _core.tuning_numbers()}


def check(names: Iterable[str]) -> None:
    """Make sure that the table has numbers of these names.

    Parameters
    ----------
    names : iterable of str
        The names.

    Raises
    ------
    UnknownNumberError
        For the first name that it has not.
    """
    known = table()
    for name in names:
        if name in known:
            continue
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "`python -m bench numbers` lists them all"
        raise UnknownNumberError(f"the table has no number called {name!r}; {hint}")


@contextmanager
def changed(numbers: Mapping[str, float]) -> Generator[None]:
    """Change numbers inside the `with` block; afterwards all of the table is as it was before, whatever happened.

    Parameters
    ----------
    numbers : mapping of str to float
        Values by name; none just puts back what the block itself changes.

    Raises
    ------
    UnknownNumberError
        The table has no number of one of these names; nothing is changed then.
    """
    check(numbers)
    before = table()
    try:
        for name, value in numbers.items():
            _core.set_tuning_number(name, value)
        yield
    finally:
        _core.set_tuning_number(None, 0.0)
        for number in table().values():
            if before[number.name].value != number.value:
                _core.set_tuning_number(number.name, before[number.name].value)


def assignment(text: str) -> tuple[str, float]:
    """Read NAME=VALUE from the command line; whether there is such a number is checked when it is set."""
    name, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not (name and equals and math.isfinite(number)):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE with a finite number, got {text}")
    return name, number


def note(numbers: Mapping[str, float]) -> list[str]:
    """Say which numbers were changed, for a run's notes; nothing if none were."""
    return (
        [f"changed numbers: {', '.join(f'{name} = {value:g}' for name, value in numbers.items())}"] if numbers else []
    )


def show(console: Console) -> None:
    """Print the table."""
    view = Table(box=SIMPLE_HEAD, pad_edge=False, caption=f"as they are for {_core.isa()}")
    view.add_column("number", no_wrap=True)
    view.add_column("value", justify="right", no_wrap=True)
    view.add_column("unit", no_wrap=True)
    view.add_column("what it trades", min_width=40)
    for number in table().values():
        view.add_row(number.name, f"{number.value:g}", number.unit, number.trades)
    print_whole(view, console)

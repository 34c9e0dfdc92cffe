"""What the command line takes."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from convgrad._bench.layers import PASSES

from . import peers
from .layers import KINDS, MEMORY
from .peers.contender import LAYOUTS
from .tuning_numbers import assignment

DTYPES = ("float32", "float64")
# As many as `_core` measures the machine's limits with.
MOST_THREADS = 1024


def parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    made = argparse.ArgumentParser(
        prog="python -m bench", description="convgrad against other libraries on this machine.", allow_abbrev=False
    )
    commands = made.add_subparsers(dest="command", required=True)
    which, what, how, trying = _which(), _what(), _how(), _trying()
    run = commands.add_parser(
        "run", parents=[which, what, how, trying], help="measure, and write results.json and two pictures"
    )
    _add_run(run)
    commands.add_parser("phases", parents=[which, what], help="where convgrad's time goes, and write phases.json")
    two = commands.add_parser("compare", help="two results.json side by side")
    two.add_argument("before", type=Path)
    two.add_argument("after", type=Path)
    two.add_argument("--contender", default=peers.SUBJECT, help="whose change (default: %(default)s)")
    plot = commands.add_parser("plot", parents=[how], help="draw the pictures of a results.json again")
    plot.add_argument("results", type=Path)
    commands.add_parser("list", parents=[which], help="show the layers")
    parents = [_which_for_itself(), what, trying]
    tune = commands.add_parser("tune", parents=parents, help="all ways against the library's choice: tune.json")
    tune.add_argument("--quick", action="store_true", help="a coarse grid, fewer rounds: at most two minutes")
    ablate = commands.add_parser("ablate", parents=parents, help="what each refinement is worth: ablate.json")
    text = "only those with one of these in their name"
    ablate.add_argument("--refinements", nargs="+", default=[], metavar="TEXT", help=text)
    commands.add_parser("numbers", help="show the table of numbers that only speed depends on")
    return made


def _which() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    add = options.add_argument
    add("--short", action="store_true", help="the short list, fewer rounds")
    add("--layers", nargs="+", default=[], metavar="TEXT", help="only layers with one of these in their name")
    add("--kinds", nargs="+", default=[], choices=KINDS, help="only layers of these kinds")
    return options


def _which_for_itself() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    add = options.add_argument
    text = "instead of the usual ones, those of `list` with one of these in their name, or all of them"
    add("--layers", nargs="*", metavar="TEXT", help=text)
    text = "the layers of networks with one of these in their name, or of all, from networks.json"
    add("--networks", nargs="*", metavar="TEXT", help=text)
    _add_threads(options)
    return options


def _how() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--format", choices=("svg", "png"), default="svg", help="of pictures (default: %(default)s)")
    return options


def _what() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    add = options.add_argument
    add("--dtype", nargs="+", action=_Once, choices=DTYPES, default=["float32"], help="(default: float32)")
    add("--passes", nargs="+", action=_Once, choices=PASSES, default=list(PASSES), help="(default: all three)")
    add("--layout", choices=LAYOUTS, default="nchw", help="memory layout of V, G and results (default: %(default)s)")
    text = "to spend on one layer and pass, for all together (default: 0.1 to 0.5, less with --short and --quick)"
    add("--seconds", type=_seconds, metavar="S", help=text)
    add("--output", type=Path, default=Path("convgrad-bench"), metavar="FOLDER", help="(default: %(default)s)")
    return options


def _trying() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    text = "try another value of a number that `numbers` lists; may be given several times"
    add = options.add_argument
    add("--set", dest="numbers", action=_Assign, type=assignment, default={}, metavar="NAME=VALUE", help=text)
    return options


def _add_run(options: argparse.ArgumentParser) -> None:
    add = options.add_argument
    add("--peers", nargs="*", choices=list(peers.PEERS), default=list(peers.PEERS), help="(default: all installed)")
    _add_threads(options)
    text = f"measure extra memory, too, of layers with one of these in their name (default: {', '.join(MEMORY)})"
    add("--memory", nargs="*", metavar="TEXT", help=text)


def _add_threads(options: argparse.ArgumentParser) -> None:
    text = "one run for each (default: 1)"
    options.add_argument("--threads", nargs="+", action=_Once, type=_thread_count, default=[1], metavar="N", help=text)


class _Assign(argparse.Action):
    """Collects pairs of a name and a value."""

    def __call__(self, parser: object, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        """Add one to those before."""
        name, value = values
        setattr(namespace, self.dest, {**getattr(namespace, self.dest), name: value})


class _Once(argparse.Action):
    """Keeps each of several values once, in the order given."""

    def __call__(self, parser: object, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        """Store them."""
        setattr(namespace, self.dest, list(dict.fromkeys(values)))


def _thread_count(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= MOST_THREADS:
        raise argparse.ArgumentTypeError(f"expected 1 to {MOST_THREADS} threads, got {text}")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a time greater than 0, got {text}")
    return value

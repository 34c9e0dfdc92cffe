"""`python -m convgrad demo`: train a small CNN on handwritten digits with nothing but convgrad and NumPy."""

from __future__ import annotations

import argparse
from pathlib import Path


def main(argv: list[str]) -> int:
    """Run the demo.

    Parameters
    ----------
    argv : list of str
        Command line after `demo`.

    Returns
    -------
    int
        0, or 1 when something is not as it should be.

    Raises
    ------
    ModuleNotFoundError
        A package that the demo needs is missing.
    """
    arguments = _parser().parse_args(argv)
    # Only now, so that --help works without the packages that the demo needs.
    from .acts import play

    return play(arguments.output, arguments.epochs, arguments.seed, arguments.threads)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m convgrad demo",
        description="Train a small CNN on scikit-learn's handwritten digits with nothing but convgrad and NumPy.",
    )
    add = parser.add_argument
    add("--output", type=Path, default=Path("convgrad-demo"), metavar="FOLDER", help="of the pictures (%(default)s)")
    add("--epochs", type=_positive, default=30, metavar="N", help="passes over the training images (%(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="of the split and of the weights (%(default)s)")
    # Images of 8x8 pixels are done before a second thread has woken up.
    add("--threads", type=_positive, default=1, metavar="N", help="for convgrad and for NumPy (%(default)s)")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value}; at least 1 is needed")
    return value

"""`python -m convgrad info | demo | bench`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of the package.

    Parameters
    ----------
    argv : sequence of str, optional
        Command line without the program's name; that of the process by default.

    Returns
    -------
    int
        Exit code: 0 when all is well, 2 when a package that the command needs is missing.
    """
    arguments, rest = _parser().parse_known_args(argv)
    if arguments.command == "info":
        if rest:
            _parser().error(f"unrecognized arguments: {' '.join(rest)}")
        from .config import show_config

        show_config()
        return 0
    try:
        if arguments.command == "demo":
            from ._demo import main as run
        else:
            from ._bench import main as run
        return run(rest)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "convgrad":
            raise
        extra = f'pip install "convgrad[{arguments.command}]"'
        print(f"convgrad {arguments.command} needs {error.name}, which is not installed: {extra}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m convgrad",
        description="The convolutional layer on the CPU: its forward pass and both gradients.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="info | demo | bench")
    commands.add_parser("info", help="print version, compiler, kernel sets and threads", allow_abbrev=False)
    # The two have command lines of their own, help included.
    commands.add_parser("demo", help="train a small CNN on handwritten digits", add_help=False, allow_abbrev=False)
    commands.add_parser(
        "bench", help="time the three passes against NumPy on this machine", add_help=False, allow_abbrev=False
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

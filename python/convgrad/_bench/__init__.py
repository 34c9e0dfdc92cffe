"""`python -m convgrad bench`: the three passes against NumPy on this machine, results checked."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from .layers import LAYERS, PASSES, QUICK, Layer, PassName


def main(argv: list[str]) -> int:
    """Run the benchmark.

    Parameters
    ----------
    argv : list of str
        Command line after `bench`.

    Returns
    -------
    int
        0; 1 when results disagree; 2 when no layer is chosen.

    Raises
    ------
    ModuleNotFoundError
        A package that the benchmark needs is missing.
    """
    arguments = _parser().parse_args(argv)
    layers = _chosen(arguments.layers, arguments.quick)
    if not layers:
        print(f"bench: no layer has one of {arguments.layers} in its name; --list shows them all", file=sys.stderr)
        return 2
    if arguments.list:
        for layer in layers:
            print(f"{layer.name:17} {layer!s:40} {layer.flops / 1e9:6.2f} GFLOP")
        return 0
    return _run(layers, arguments)


def _run(layers: Sequence[Layer], arguments: argparse.Namespace) -> int:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from convgrad import _core

    from .contenders import Convgrad, NumPy
    from .report import Setting, as_json, handicap, make_console, summary, table
    from .timing import DisagreementError, Effort, Measurement, measure

    passes: list[PassName] = arguments.passes
    dtype: str = arguments.dtype
    threads: int = arguments.threads
    contenders = (Convgrad(), NumPy())
    effort = Effort(seconds=0.2, least_rounds=3) if arguments.quick else Effort()
    measurements: list[Measurement] = []
    console = make_console()
    peak = 0.0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(layers) * len(passes))
        for layer in layers:
            # The largest of several: what the processor can do when its clock is highest, as for the fastest call.
            peak = max(peak, _core.measure_peak_flops(dtype, threads))
            operands = layer.operands(dtype)
            for pass_name in passes:
                progress.update(task, description=f"{layer.name} {pass_name}")
                try:
                    measurements.append(measure(contenders, layer, pass_name, operands, threads=threads, effort=effort))
                except DisagreementError as error:
                    console.print(f"[red]Results disagree:[/red] {error}", highlight=False)
                    return 1
                progress.advance(task)

    setting = Setting(dtype, threads, peak)
    subject, other = (contender.name for contender in contenders)
    console.print(str(setting), highlight=False)
    if warning := handicap():
        console.print(f"[yellow]{warning}[/yellow]", highlight=False)
    console.print(table(measurements, setting, subject, other))
    console.print(summary(measurements, subject, other), highlight=False)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(as_json(measurements, setting), indent=1) + "\n", encoding="utf-8")
        console.print(f"Written: {arguments.json}", highlight=False)
    return 0


def _chosen(filters: Sequence[str], quick: bool) -> list[Layer]:
    if filters:
        return [layer for layer in LAYERS if any(text in layer.name for text in filters)]
    return [layer for layer in LAYERS if not quick or layer.name in QUICK]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m convgrad bench",
        description="Time the three passes against NumPy on this machine, after checking that the results agree.",
    )
    add = parser.add_argument
    add("--dtype", choices=("float32", "float64"), default="float32", help="of the arrays (default: %(default)s)")
    add("--threads", type=_positive, default=1, metavar="N", help="for each of the two (default: %(default)s)")
    add("--passes", nargs="+", choices=PASSES, default=list(PASSES), metavar="PASS", help=", ".join(PASSES))
    add("--layers", nargs="+", default=[], metavar="TEXT", help="only layers with one of these in their name")
    add("--list", action="store_true", help="list the layers and stop")
    add("--quick", action="store_true", help="a few layers, fewer rounds")
    add("--json", type=Path, metavar="FILE", help="also write everything that was measured to FILE")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} threads; at least 1 is needed")
    return value

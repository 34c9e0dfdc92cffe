"""How long the convolutions of one training step take, against the same in NumPy."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

import convgrad
from convgrad._bench.contenders import Convgrad, NumPy
from convgrad._bench.layers import PASSES, Layer, Operands, square
from convgrad._bench.timing import Effort, Measurement, measure

from .digits import Images, Labels
from .network import Network


def compare(network: Network, images: Images, labels: Labels) -> list[Measurement]:
    """Time all three passes of both layers on the arrays of a real step, after checking that the results agree.

    Parameters
    ----------
    network : Network
        Its kernels, and what flows through it, are the operands.
    images, labels
        The batch of the step.

    Returns
    -------
    list of Measurement
        Layer by layer, pass by pass.

    Raises
    ------
    DisagreementError
        If convgrad and NumPy computed different results.
    """
    contenders = (Convgrad(), NumPy())
    threads = convgrad.get_num_threads()
    effort = Effort(seconds=0.2)
    return [
        measure(contenders, layer, pass_name, operands, threads=threads, effort=effort)
        for layer, operands in _step_operands(network, images, labels)
        for pass_name in PASSES
    ]


def show(measurements: list[Measurement], steps: int, console: Console) -> None:
    """Print microseconds per call, and what all steps of the training amount to."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("layer")
    table.add_column("pass")
    for header in ("convgrad", "NumPy", "ratio"):
        table.add_column(header, justify="right")
    for line in measurements:
        ours, theirs = (line.timings[name].minimum for name in ("convgrad", "NumPy"))
        table.add_row(
            str(line.layer), line.pass_name, f"{ours * 1e6:.0f} µs", f"{theirs * 1e6:.0f} µs", f"{theirs / ours:.1f}"
        )
    console.print(table, highlight=False)
    totals = {name: steps * sum(line.timings[name].minimum for line in measurements) for name in ("convgrad", "NumPy")}
    console.print(
        f"All {steps} steps: {totals['convgrad']:.2f} s with convgrad, {totals['NumPy']:.2f} s with NumPy "
        f"({totals['NumPy'] / totals['convgrad']:.1f} times as long); the results agree.",
        highlight=False,
    )


def _step_operands(network: Network, images: Images, labels: Labels) -> list[tuple[Layer, Operands]]:
    """Run one step and give what went into each convolution and what came back to it."""
    _, probabilities = network.loss(images, labels)
    network.backward(probabilities, labels)
    step = []
    for name, convolution in (("first", network.first), ("second", network.second)):
        kernel = convolution.layer.kernel
        out_channels, in_channels, size, _ = kernel.shape
        layer = square(name, len(images), in_channels, images.shape[-1], out_channels, size, padding=size // 2)
        step.append((layer, Operands(convolution.input, kernel, convolution.grad_output)))
    return step

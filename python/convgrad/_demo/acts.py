"""The demo from beginning to end: one function per act, each of which says what it finds wrong."""

from __future__ import annotations

import math
import time
from pathlib import Path

from rich.console import Console
from threadpoolctl import threadpool_limits

import convgrad
from convgrad._bench.timing import DisagreementError

from . import comparison, digits, gradient_check, pictures, training, worked_example
from .digits import Digits
from .network import Network
from .training import Epoch, Schedule

ACCURACY_WANTED = 0.97


def play(output: Path, epochs: int, seed: int, threads: int) -> int:
    """Run all acts.

    Parameters
    ----------
    output : Path
        Folder for the pictures; made if need be.
    epochs : int
        Passes over the training images.
    seed : int
        Of the split and of the weights.
    threads : int
        For convgrad and for NumPy.

    Returns
    -------
    int
        0, or 1 when something was not as it should be, which is then said at the end.
    """
    start = time.perf_counter()
    console = Console()
    convgrad.set_num_threads(threads)
    with threadpool_limits(limits=threads, user_api="blas"):
        faults = _acts(output, epochs, seed, console)
    console.rule()
    for fault in faults:
        console.print(f"[bold red]Not as it should be:[/bold red] {fault}", highlight=False)
    if not faults:
        console.print(f"Everything agrees. {time.perf_counter() - start:.0f} s in all.", highlight=False)
    return 1 if faults else 0


def _acts(output: Path, epochs: int, seed: int, console: Console) -> list[str]:
    data = digits.load(seed)
    network = Network.initialize(seed)
    schedule = Schedule(epochs=epochs)

    faults = _worked_example(console)
    history, training_faults = _training(network, data, schedule, seed, console)
    faults += training_faults
    faults += _gradients(network, data, console)
    faults += _comparison(network, data, schedule, console)
    _pictures(network, data, history, output, console)
    return faults


def _worked_example(console: Console) -> list[str]:
    console.rule("The worked example")
    return [] if worked_example.replay(console) else ["a number of the worked example"]


def _training(
    network: Network, data: Digits, schedule: Schedule, seed: int, console: Console
) -> tuple[list[Epoch], list[str]]:
    console.rule("Training a CNN on handwritten digits")
    console.print(
        f"{len(data.labels)} images of 8x8 pixels to learn from, {len(data.held_out_labels)} held out. "
        f"Threads: {convgrad.get_num_threads()}.",
        highlight=False,
    )
    start = time.perf_counter()
    history = training.train(network, data, schedule, seed, console)
    seconds = time.perf_counter() - start
    reached = history[-1].held_out_accuracy
    console.print(
        f"[bold]{reached:.2%}[/bold] of the held-out digits are read correctly after {seconds:.1f} s of training, "
        f"of which convgrad took {network.convolution_seconds:.1f} s.",
        highlight=False,
    )
    wanted = f"held-out accuracy: {reached:.2%}, wanted {ACCURACY_WANTED:.0%}"
    return history, [wanted] if reached < ACCURACY_WANTED else []


def _gradients(network: Network, data: Digits, console: Console) -> list[str]:
    console.rule("Gradients of one step against central differences")
    agreements = gradient_check.check(network, data.images[:8], data.labels[:8], console)
    return [] if gradient_check.show(agreements, console) else ["gradients differ from central differences"]


def _comparison(network: Network, data: Digits, schedule: Schedule, console: Console) -> list[str]:
    console.rule("The convolutions of one step, against NumPy")
    try:
        measurements = comparison.compare(network, data.images[: schedule.batch], data.labels[: schedule.batch])
    except DisagreementError as error:
        return [str(error)]
    comparison.show(measurements, schedule.epochs * math.ceil(len(data.labels) / schedule.batch), console)
    return []


def _pictures(network: Network, data: Digits, history: list[Epoch], output: Path, console: Console) -> None:
    console.rule("Pictures")
    output.mkdir(parents=True, exist_ok=True)
    for path in (
        pictures.training_curves(history, output / "training.png"),
        pictures.kernels(network, output / "kernels.png"),
        pictures.feature_maps(network, data, output / "feature-maps.png"),
    ):
        # Plain print: a path must not be broken over lines.
        print(path)

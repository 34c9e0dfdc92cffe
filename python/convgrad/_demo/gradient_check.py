"""Every gradient of one training step against central differences of the loss, in double precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from .digits import Images, Labels
from .network import Network

Array = NDArray[Any]

# Tried in this order, until no ReLU and no maximum changes sides between the two evaluations: the loss has a kink
# there, which a difference across it would average away.
STEPS = (1e-4, 1e-5, 1e-6, 1e-7)
RELATIVE_ERROR_ALLOWED = 1e-6


@dataclass(frozen=True)
class Agreement:
    """How well one array of gradients agrees; the error is relative to the largest gradient in the array."""

    name: str
    elements: int
    largest_gradient: float
    relative_error: float
    on_a_kink: int


def check(network: Network, images: Images, labels: Labels, console: Console) -> list[Agreement]:
    """Compare dK and db of both convolutional layers, and dV of the first, with central differences.

    Parameters
    ----------
    network : Network
        A copy in float64 is checked; the network itself stays as it is.
    images, labels
        The batch of the step.
    console : Console
        Where progress is shown.

    Returns
    -------
    list of Agreement
        One for each of the five arrays, every single element of which has been varied.
    """
    double = network.as_float64()
    batch = _clear_of_kinks(double, images)
    _, probabilities = double.loss(batch, labels)
    grad_images = double.backward(probabilities, labels)
    first, second = double.convolutional_layers
    pairs = (
        ("first layer, dK", first.kernel, first.grad_kernel),
        ("first layer, db", first.bias, first.grad_bias),
        ("second layer, dK", second.kernel, second.grad_kernel),
        ("second layer, db", second.bias, second.grad_bias),
        ("images, dV", batch, grad_images),
    )

    def evaluate() -> tuple[float, tuple[Array, ...]]:
        loss, _ = double.loss(batch, labels)
        return loss, double.branches()

    results = []
    for name, values, gradient in pairs:
        assert values is not None
        assert gradient is not None
        differences = np.empty(values.shape)
        places = list(np.ndindex(values.shape))
        silent = not console.is_terminal
        for place in track(places, f"varying {name}", console=console, transient=True, disable=silent):
            differences[place] = _difference(evaluate, values, place)
        errors = np.abs(differences - gradient)
        largest = float(np.abs(gradient).max())
        kinks = int(np.isnan(differences).sum())
        results.append(Agreement(name, values.size, largest, float(np.nanmax(errors)) / largest, kinks))
    return results


def show(agreements: list[Agreement], console: Console) -> bool:
    """Print one line per array and the largest error of all; return whether it is small enough."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for header in ("gradient", "checked", "largest", "relative error"):
        table.add_column(header, justify="left" if header == "gradient" else "right")
    for one in agreements:
        checked = f"{one.elements - one.on_a_kink} of {one.elements}"
        table.add_row(one.name, checked, f"{one.largest_gradient:.1e}", f"{one.relative_error:.1e}")
    console.print(table, highlight=False)
    worst = max(one.relative_error for one in agreements)
    console.print(f"Largest relative error: [bold]{worst:.1e}[/bold] (float64)", highlight=False)
    return worst < RELATIVE_ERROR_ALLOWED


def _clear_of_kinks(network: Network, images: Images) -> Array:
    """Add a little noise to the images, of ten draws the one that stays clearest of kinks.

    Without noise, equal pixels make ties in max pooling, and a tie is a kink.
    """
    rng = np.random.default_rng(0)
    draws = [images + 0.01 * rng.standard_normal(images.shape) for _ in range(10)]

    def clearance(batch: Array) -> float:
        network.logits(batch)
        return network.clearance()

    return max(draws, key=clearance)


def _difference(
    evaluate: Callable[[], tuple[float, tuple[Array, ...]]], values: Array, place: tuple[int, ...]
) -> float:
    """Differentiate the loss with respect to one element, which is put back afterwards; NaN right on a kink."""
    original = values[place]
    try:
        for step in STEPS:
            values[place] = original + step
            above, branches_above = evaluate()
            values[place] = original - step
            below, branches_below = evaluate()
            if all(map(np.array_equal, branches_above, branches_below)):
                return (above - below) / (2 * step)
    finally:
        values[place] = original
    return np.nan

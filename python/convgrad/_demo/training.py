"""Plain stochastic gradient descent, one progress bar, one line per epoch."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .digits import Digits, Images, Labels
from .network import Network


@dataclass(frozen=True)
class Schedule:
    """How to train; the learning rate falls from its first value to zero along a half cosine."""

    epochs: int = 30
    batch: int = 32
    learning_rate: float = 0.1


@dataclass(frozen=True)
class Epoch:
    """What one epoch reached: mean loss and accuracy while training, accuracy on the held-out images afterwards."""

    loss: float
    accuracy: float
    held_out_accuracy: float
    seconds: float


def train(network: Network, digits: Digits, schedule: Schedule, seed: int, console: Console) -> list[Epoch]:
    """Train the network in place.

    Parameters
    ----------
    network : Network
        What to train.
    digits : Digits
        The held-out part is only looked at, never learned from.
    schedule : Schedule
        Epochs, batch size and learning rate.
    seed : int
        Order of the images.
    console : Console
        Where progress is shown.

    Returns
    -------
    list of Epoch
        One per epoch.
    """
    rng = np.random.default_rng(seed)
    steps = math.ceil(len(digits.labels) / schedule.batch)
    history: list[Epoch] = []
    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn())
    silent = not console.is_terminal
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=silent) as progress:
        task = progress.add_task("", total=schedule.epochs * steps, state="")
        for number in range(1, schedule.epochs + 1):
            start = time.perf_counter()
            loss_sum, correct = 0.0, 0
            for step, chosen in enumerate(np.array_split(rng.permutation(len(digits.labels)), steps)):
                fraction = (number - 1 + step / steps) / schedule.epochs
                learning_rate = schedule.learning_rate * (1 + math.cos(math.pi * fraction)) / 2
                loss, hits = _step(network, digits.images[chosen], digits.labels[chosen], learning_rate)
                loss_sum += loss * len(chosen)
                correct += hits
                progress.update(task, advance=1, state=f"epoch {number}/{schedule.epochs}, loss {loss:.3f}")
            epoch = Epoch(
                loss_sum / len(digits.labels),
                correct / len(digits.labels),
                accuracy(network, digits.held_out_images, digits.held_out_labels),
                time.perf_counter() - start,
            )
            history.append(epoch)
            progress.console.print(
                f"epoch {number:2}  loss {epoch.loss:.4f}  training {epoch.accuracy:7.2%}  "
                f"held out {epoch.held_out_accuracy:7.2%}  {epoch.seconds:.2f} s",
                highlight=False,
            )
    return history


def accuracy(network: Network, images: Images, labels: Labels) -> float:
    """Return the fraction of images whose largest logit is that of their label."""
    return float((network.logits(images).argmax(axis=1) == labels).mean())


def _step(network: Network, images: Images, labels: Labels, learning_rate: float) -> tuple[float, int]:
    loss, probabilities = network.loss(images, labels)
    network.backward(probabilities, labels)
    network.update(learning_rate)
    return loss, int((probabilities.argmax(axis=1) == labels).sum())

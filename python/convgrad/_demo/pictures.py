"""The pictures that the demo writes: how training went, what the kernels became, what they see in a digit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from .digits import Digits
from .network import Network
from .training import Epoch

Array = NDArray[Any]

BLUE, ORANGE = "#1f5fa8", "#d1660f"


def training_curves(history: list[Epoch], path: Path) -> Path:
    """Draw loss and accuracy over epochs.

    Parameters
    ----------
    history : list of Epoch
        What `train` returned.
    path : Path
        PNG file to write.

    Returns
    -------
    Path
        The same path.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = np.arange(1, len(history) + 1)
    left.semilogy(epochs, [epoch.loss for epoch in history], color=BLUE, linewidth=2)
    left.set_title("training loss (cross-entropy)")
    right.plot(epochs, [epoch.accuracy for epoch in history], color=BLUE, linewidth=2, label="training images")
    held_out = [epoch.held_out_accuracy for epoch in history]
    right.plot(epochs, held_out, color=ORANGE, linewidth=2, label="held-out images")
    right.set_title(f"accuracy: {held_out[-1]:.1%} held out at the end")
    right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    right.set_ylim(min(0.9, *held_out) - 0.005, 1.005)
    right.legend(loc="lower right", frameon=False)
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 5, 10]))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return _save(figure, path)


def kernels(network: Network, path: Path) -> Path:
    """Draw every learned kernel: red adds, blue subtracts, white is zero.

    Parameters
    ----------
    network : Network
        After training.
    path : Path
        PNG file to write.

    Returns
    -------
    Path
        The same path.
    """
    first, second = (layer.kernel for layer in network.convolutional_layers)
    figure = Figure(figsize=(13, 7.7), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=(1, 8))
    _show_signed(top, first.swapaxes(0, 1), figure)
    top.set_title("first layer: 16 kernels of 3x3")
    _show_signed(bottom, second.swapaxes(0, 1), figure)
    bottom.set_title("second layer: 32 kernels (columns) over 16 input channels (rows)")
    return _save(figure, path)


def feature_maps(network: Network, digits: Digits, path: Path) -> Path:
    """Draw one held-out digit, what both layers make of it, and the probabilities at the end.

    Parameters
    ----------
    network : Network
        After training.
    digits : Digits
        The first held-out 3 is taken.
    path : Path
        PNG file to write.

    Returns
    -------
    Path
        The same path.
    """
    index = int(np.flatnonzero(digits.held_out_labels == 3)[0])
    image, label = digits.held_out_images[index : index + 1], digits.held_out_labels[index : index + 1]
    _, probabilities = network.loss(image, label)
    maps = [np.maximum(convolution.output[0], 0) for convolution in (network.first, network.second)]

    figure = Figure(figsize=(15, 4.2), layout=ConstrainedLayoutEngine(wspace=0.08))
    figure.suptitle("a held-out digit on its way through the network (each map to its own scale)")
    digit, first, second, classes = figure.subplots(1, 4, width_ratios=(4, 4, 8, 2.5))
    digit.imshow(image[0, 0], cmap="gray")
    digit.set_title("image")
    for axes, values, columns, name in ((first, maps[0], 4, "first"), (second, maps[1], 8, "second")):
        tiles = values / np.maximum(values.max(axis=(1, 2), keepdims=True), 1e-6)
        rows = len(values) // columns
        axes.imshow(_mosaic(tiles.reshape(rows, columns, *values.shape[1:])), cmap="magma")
        axes.set_title(f"{name} layer: {len(values)} maps after ReLU")
    for axes in (digit, first, second):
        axes.set_axis_off()
    names = np.arange(10)
    classes.barh(names, probabilities[0], color=[ORANGE if name == label[0] else BLUE for name in names])
    classes.set_yticks(names)
    classes.invert_yaxis()
    classes.set_xlim(0, 1)
    classes.set_title("probability")
    classes.set_box_aspect(1.6)
    classes.spines[["top", "right"]].set_visible(False)
    return _save(figure, path)


def _mosaic(tiles: Array, enlarge: int = 4, gap: int = 3) -> Array:
    """Lay (rows, columns, height, width) out as one enlarged image with NaN between the tiles."""
    tiles = tiles.repeat(enlarge, axis=2).repeat(enlarge, axis=3)
    rows, columns, height, width = tiles.shape
    padded = np.full((rows, columns, height + gap, width + gap), np.nan)
    padded[:, :, :height, :width] = tiles
    image = padded.transpose(0, 2, 1, 3).reshape(rows * (height + gap), columns * (width + gap))
    return image[:-gap, :-gap]


def _show_signed(axes: Axes, tiles: Array, figure: Figure) -> None:
    """Draw tiles on gray, so that white is seen to be zero, with the same scale on both sides of it."""
    limit = float(np.abs(tiles).max())
    shown = axes.imshow(_mosaic(tiles), cmap=colormaps["RdBu_r"].with_extremes(bad="#dddddd"), vmin=-limit, vmax=limit)
    axes.set_axis_off()
    figure.colorbar(shown, ax=axes, location="right", shrink=0.9, pad=0.01, aspect=18)


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=120)
    return path

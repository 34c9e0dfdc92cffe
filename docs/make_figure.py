"""Draw im2col-as-an-address.svg, the figure of the README: `python docs/make_figure.py`."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

BLUE, ORANGE, GREEN, INK, GRAY = "#1f5fa8", "#d1660f", "#2c7d3f", "#222222", "#dddddd"
LIGHT_BLUE, LIGHT_ORANGE, LIGHT_GREEN = "#dbe8f6", "#fbe3cf", "#bfe3c6"

INPUT, PADDING, KERNEL = 4, 1, 3
PADDED = INPUT + 2 * PADDING
OUTPUT = PADDED - KERNEL + 1
# The pixel and the tap that the figure follows.
PIXEL, TAP = (1, 2), (2, 1)


def address(row: int, column: int) -> int:
    """Return the place of an element of the padded input in memory."""
    return row * PADDED + column


def cell(
    axes: Axes, column: float, row: float, text: str, fill: str = "white", ink: str = INK, size: float = 8
) -> None:
    """Draw one labeled square."""
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor=fill, edgecolor="#999999", linewidth=0.5))
    axes.text(column + 0.5, row + 0.52, text, ha="center", va="center", fontsize=size, color=ink)


def frame(axes: Axes, column: float, row: float, width: float, height: float, color: str) -> None:
    """Draw a thick outline."""
    axes.add_patch(Rectangle((column, row), width, height, fill=False, edgecolor=color, linewidth=2, zorder=3))


def draw_input(axes: Axes) -> None:
    """Draw the padded input with the window of one pixel."""
    for row in range(PADDED):
        for column in range(PADDED):
            inside = min(row, column) >= PADDING and max(row, column) < PADDED - PADDING
            fill = "white" if inside else GRAY
            if PIXEL[0] <= row < PIXEL[0] + KERNEL and PIXEL[1] <= column < PIXEL[1] + KERNEL:
                fill = LIGHT_BLUE
            cell(axes, column, row, str(address(row, column)), fill)
    cell(axes, PIXEL[1] + TAP[1], PIXEL[0] + TAP[0], str(address(*PIXEL) + address(*TAP)), LIGHT_GREEN)
    frame(axes, PIXEL[1], PIXEL[0], KERNEL, KERNEL, BLUE)
    start = (PIXEL[1] + 0.5, PIXEL[0] + 0.8)
    end = (PIXEL[1] + TAP[1] + 0.3, PIXEL[0] + TAP[0] + 0.2)
    arrow = {"arrowstyle": "-|>", "color": ORANGE, "linewidth": 1.8}
    axes.annotate("", end, start, arrowprops=arrow, zorder=4)
    axes.set_title("P: the input with its zero border,\nnumbered as it lies in memory", fontsize=10)
    notes = (
        (BLUE, rf"$\rho(p) = {address(*PIXEL)}$: where the window of pixel p begins"),
        (ORANGE, rf"$\kappa(t) = {address(*TAP)}$: how far into it tap t lies"),
        (
            GREEN,
            rf"${address(*PIXEL)} + {address(*TAP)} = {address(*PIXEL) + address(*TAP)}$: what pixel p reads for tap t",
        ),
    )
    for line, (color, text) in enumerate(notes):
        axes.text(-0.4, PADDED + 0.9 + 0.75 * line, text, fontsize=9.5, color=color, va="center")
    axes.set(xlim=(-0.6, PADDED + 0.6), ylim=(PADDED + 3.0, -0.2), aspect="equal")


def draw_matrix(axes: Axes) -> None:
    """Draw the im2col matrix as the sums that it consists of."""
    pixels = [(row, column) for row in range(OUTPUT) for column in range(OUTPUT)]
    taps = [(row, column) for row in range(KERNEL) for column in range(KERNEL)]
    for number, tap in enumerate(taps):
        cell(axes, number, -1.3, str(address(*tap)), LIGHT_ORANGE, ORANGE)
    for line, pixel in enumerate(pixels):
        cell(axes, -1.3, line, str(address(*pixel)), LIGHT_BLUE, BLUE)
        for number, tap in enumerate(taps):
            followed = (pixel == PIXEL, tap == TAP)
            fill = {(True, True): LIGHT_GREEN, (True, False): LIGHT_BLUE, (False, True): LIGHT_ORANGE}.get(
                followed, "white"
            )
            cell(axes, number, line, str(address(*pixel) + address(*tap)), fill)
    frame(axes, 0, pixels.index(PIXEL), len(taps), 1, BLUE)
    frame(axes, taps.index(TAP), 0, 1, len(pixels), ORANGE)
    axes.text(len(taps) / 2, -1.75, r"$\kappa(t)$, one per tap", ha="center", fontsize=9.5, color=ORANGE)
    axes.text(
        -1.75,
        len(pixels) / 2,
        r"$\rho(p)$, one per output pixel",
        ha="right",
        va="center",
        rotation=90,
        fontsize=9.5,
        color=BLUE,
    )
    axes.set_title(
        r"X[p, t] = P[$\rho(p) + \kappa(t)$]" + "\nthe im2col matrix: computed, never stored", fontsize=10, pad=12
    )
    axes.set(xlim=(-2.6, len(taps) + 0.3), ylim=(len(pixels) + 0.2, -2.2), aspect="equal")


def draw_products(axes: Axes) -> None:
    """Draw the passes as matrix products."""

    def block(x: float, y: float, width: float, height: float, name: str, fill: str) -> None:
        axes.add_patch(Rectangle((x, y), width, height, facecolor=fill, edgecolor=INK, linewidth=0.8))
        axes.text(x + width / 2, y + height / 2, name, ha="center", va="center", fontsize=10)

    def sign(x: float, y: float, text: str) -> None:
        axes.text(x, y, text, ha="center", va="center", fontsize=12)

    axes.text(0, 0.1, "forward", fontsize=10, weight="bold")
    block(0, 0.5, 1.4, 3, "Z", "white")
    sign(1.8, 2, "=")
    block(2.2, 0.5, 2, 3, "X", LIGHT_GREEN)
    sign(4.5, 2, "·")
    block(4.8, 0.5, 1.4, 2, "$K^T$", "white")

    axes.text(0, 4.9, "grad_kernel", fontsize=10, weight="bold")
    block(0, 5.3, 1.4, 2, "$dK^T$", "white")
    sign(1.8, 6.3, "=")
    block(2.2, 5.3, 3, 2, "$X^T$", LIGHT_GREEN)
    sign(5.5, 6.3, "·")
    block(5.8, 5.3, 1.4, 3, "G", "white")

    axes.text(0, 9.7, "grad_input", fontsize=10, weight="bold")
    lines = (
        "forward again: G takes the place of V,",
        "K is flipped and its channel axes swapped;",
        "with a stride: K's transpose times G, a",
        "row per tap, then sums over taps",
    )
    axes.text(0, 10.1, "\n".join(lines), fontsize=9.5, va="top", linespacing=1.5)
    axes.set_title("three passes, one blocked\nmatrix product", fontsize=10)
    axes.set(xlim=(-0.2, 8), ylim=(12.6, -0.6), aspect="equal")


def main() -> None:
    """Draw the figure beside this script."""
    # The same bytes for the same script: fixed identifiers, no date.
    matplotlib.rcParams["svg.hashsalt"] = "convgrad"
    figure = Figure(figsize=(12.5, 6), layout="constrained", facecolor="white")
    left, middle, right = figure.subplots(1, 3, width_ratios=(7.2, 8, 7))
    for axes, draw in ((left, draw_input), (middle, draw_matrix), (right, draw_products)):
        draw(axes)
        axes.set_axis_off()
    figure.savefig(Path(__file__).with_name("im2col-as-an-address.svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()

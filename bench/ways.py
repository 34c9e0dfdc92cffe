"""The ways of the gemm algorithm as the benchmark sees them: which serve a pass, what the library chose and estimated.

What `convgrad.plan` says is text; it is read here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import convgrad
from convgrad._bench.layers import Layer, PassName

from .peers.contender import Layout

_CORRELATIONS = (
    *("channels_by_tile", "channels_by_pixel", "pixels_from_panels", "pixels_from_strip", "pixel_rows"),
    "groups_by_lane",
)

# Those of a pass that make every sum in the same order, and so give the same bits, stand together.
ORDERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "forward": (_CORRELATIONS,),
    "grad_kernel": (("channel_sums",), ("channel_sums_swapped",), ("pixel_sums",), ("group_sums",)),
    "grad_input": ((*_CORRELATIONS, "patches", "group_residues"), ("columns",)),
}
# What the library chose when that is not one way throughout, as for the residues of a strided grad_input.
MIXED = "auto"


def of_pass(pass_name: str) -> list[str]:
    """Name the ways that a pass has."""
    return [way for order in ORDERS[pass_name] for way in order]


def same_bits(pass_name: str, way: str) -> tuple[str, ...]:
    """Name the ways that give the same bits as one; what is mixed is mixed of the first order."""
    orders = ORDERS[pass_name]
    return next((order for order in orders if way in order), orders[0])


def description(layer: Layer, pass_name: PassName, dtype: str, way: str = MIXED) -> str | None:
    """Tell what would run.

    Parameters
    ----------
    layer, pass_name, dtype
        Of what.
    way : str, optional
        The way to force; the library's own choice by default.

    Returns
    -------
    str or None
        What the plan says; None where this way cannot serve.
    """
    # Python's types know of no ways: they are for measuring.
    algorithm: Any = "auto" if way == MIXED else f"gemm:{way}"
    try:
        plan = convgrad.plan(
            pass_name, layer.input_shape, layer.kernel_shape, dtype=dtype, algorithm=algorithm, **layer.options
        )
    except ValueError as error:
        if "cannot serve" in str(error):
            return None
        raise
    return plan.description


def serving(layer: Layer, pass_name: PassName, dtype: str, layout: Layout) -> dict[str, str]:
    """Find the ways that can compute a pass of a layer.

    Parameters
    ----------
    layer, pass_name, dtype
        Of what.
    layout : {"nchw", "nhwc"}
        How results lie: some ways write only to one of them.

    Returns
    -------
    dict of str to str
        What the plan says for each of them when it is forced.
    """
    ways = (way for way in of_pass(pass_name) if way != "channels_by_pixel" or layout == "nhwc")
    found = {way: description(layer, pass_name, dtype, way) for way in ways}
    return {way: text for way, text in found.items() if text is not None}


def chosen(text: str, layout: Layout) -> tuple[str, ...]:
    """Read from a plan's description which ways it takes, each once: several where residues differ.

    Parameters
    ----------
    text : str
        The description.
    layout : {"nchw", "nhwc"}
        How results lie: a plan may name a second way for those whose channels are neighbors.

    Returns
    -------
    tuple of str
        Names of ways.
    """
    found: list[str] = []
    labels = set()
    second = False
    for label, rest in _lines(text):
        labels.add(label)
        if label == "way" and second and layout == "nhwc":
            found[-1:] = [rest]
        elif label == "way" and not second:
            found.append(rest)
        second = label == "or" or (second and label != "way")
    if "patches" in labels:
        return ("patches",)
    suffix = "_swapped" if "swapped" in labels else ""
    return tuple(dict.fromkeys(f"{way}{suffix}" for way in found))


def estimates(text: str) -> dict[str, float]:
    """Read from a plan's description what the ways were estimated to take, relative to multiplying alone.

    Parameters
    ----------
    text : str
        The description.

    Returns
    -------
    dict of str to float
        By way; empty where nothing was estimated, or residues were, each for itself: the sum is not told.
    """
    lines = [rest for label, rest in _lines(text) if label == "estimates"]
    if len(lines) != 1:
        return {}
    return {way: float(value) for way, value in re.findall(r"(\w+) (\d+(?:\.\d+)?)(?=,|$)", lines[0])}


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Split a description into labels and what follows them."""
    for line in text.splitlines():
        label, _, rest = line.partition(" ")
        yield label, rest.strip()

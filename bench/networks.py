"""The convolutions of whole image networks, each row one layer and how often the network has it, from networks.json.

Networks are named as in timm, for one image of the size that each was made for. A row there is
[N, C, [*input_size], O, [*kernel_size], [*stride], [*padding], [*dilation], groups, times].
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from convgrad._bench.layers import Layer

FILE = Path(__file__).with_name("networks.json")

_Row: TypeAlias = tuple[int, int, list[int], int, list[int], list[int], list[int], list[int], int, int]


@dataclass(frozen=True)
class Use:
    """A layer and how many times its network has it."""

    layer: Layer
    times: int


def load(path: Path = FILE) -> dict[str, list[Use]]:
    """Read the layers of all networks.

    Parameters
    ----------
    path : Path, optional
        A file like networks.json.

    Returns
    -------
    dict of str to list of Use
        By network, in its own order. Layers are called by the network and their number, `resnet50-1` the first.
    """
    networks: dict[str, list[_Row]] = json.loads(path.read_text())
    return {network: list(_uses(network, rows)) for network, rows in networks.items()}


def _uses(network: str, rows: list[_Row]) -> Iterator[Use]:
    for number, row in enumerate(rows, 1):
        batch, in_channels, input_size, out_channels, kernel_size, stride, padding, dilation, groups, times = row
        per_axis = (tuple(kernel_size), tuple(stride), tuple(padding), tuple(dilation))
        name = f"{network}-{number}"
        yield Use(Layer(name, batch, in_channels, tuple(input_size), out_channels, *per_axis, groups), times)

"""NumPy: the fastest of several formulations, tried anew for every layer and pass (convgrad._bench)."""

from __future__ import annotations

from convgrad._bench.contenders import NumPy

from .contender import Layout


class NumPyPeer(NumPy):
    """NumPy under the name that it is imported by, like all others here."""

    name = "numpy"


def make(layout: Layout) -> NumPyPeer:
    """Make the contender; its formulations take any layout."""
    del layout
    return NumPyPeer()

"""convgrad itself: what the others are measured against."""

from __future__ import annotations

from convgrad._bench.contenders import Convgrad

from .contender import Layout


def make(layout: Layout) -> Convgrad:
    """Make the contender; it reads any layout in place."""
    del layout
    return Convgrad()

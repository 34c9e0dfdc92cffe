"""The contenders beside convgrad, each in a file of its own that imports its library only when it is made."""

from __future__ import annotations

import importlib
import importlib.util

from .contender import Contender, Layout

# Name in reports and on the command line -> module here and what it needs installed.
PEERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "numpy": ("numpy_peer", ("numpy",)),
    "torch": ("torch_peer", ("torch",)),
    "onnxruntime": ("onnxruntime_peer", ("onnxruntime", "onnx")),
    "jax": ("jax_peer", ("jax",)),
    "scipy": ("scipy_peer", ("scipy",)),
}
SUBJECT = "convgrad"

# What a reader of the numbers has to know about some of them.
REMARKS: dict[str, str] = {
    "onnxruntime": "onnxruntime: K is a constant of its model, rearranged before anything is timed; no grad_kernel",
    "jax": "jax: its thread count cannot be changed in a process; set by NPROC in the environment it starts with",
    "scipy": "scipy: one thread always; single-channel layers only",
}


def installed() -> list[str]:
    """Name the peers whose packages are here."""
    return [name for name, (_, needs) in PEERS.items() if all(importlib.util.find_spec(need) for need in needs)]


def make(name: str, layout: Layout = "nchw") -> Contender:
    """Load a contender, which may take seconds.

    Parameters
    ----------
    name : str
        `convgrad` or a key of `PEERS`.
    layout : {"nchw", "nhwc"}, optional
        How V, G and results lie in memory.

    Returns
    -------
    Contender
        Ready to prepare passes.
    """
    module_name = "convgrad_subject" if name == SUBJECT else PEERS[name][0]
    module = importlib.import_module(f"{__name__}.{module_name}")
    made: Contender = module.make(layout)
    return made


__all__ = ["PEERS", "REMARKS", "SUBJECT", "Contender", "Layout", "installed", "make"]

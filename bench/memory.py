"""Extra memory of one call, measured in a process of its own: by how much the peak rises beyond operands and result.

Measured by the system's own count of the process (VmHWM in /proc/self/status, Linux only). What libraries hold from
before the call, such as code, thread stacks and weights that ONNX Runtime has rearranged, does not count.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from convgrad._bench.layers import PASSES, PassName, square
from convgrad._bench.numpy_convolution import formulations

from . import peers
from .environment import for_measuring
from .layers import ENTRIES, Entry
from .machine import ROOT
from .peers.contender import LAYOUTS, Layout, arrange
from .results import Line, Memory

# What the C library hands back to the system at once, so that no allocation hides in memory freed before.
_HAND_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0", "MALLOC_TOP_PAD_": "0"}

# For one contender, layer and pass, the library's start included.
_MOST_SECONDS = 600


def available() -> bool:
    """Whether this system counts the peak and lets it be reset."""
    return Path("/proc/self/clear_refs").exists()


def measure(
    entries: Sequence[Entry],
    contenders: Sequence[str],
    passes: Sequence[PassName],
    dtype: str,
    layout: Layout,
    lines: Sequence[Line],
    notes: list[str],
) -> Iterator[Memory]:
    """Measure one thread's extra memory, layer by layer and pass by pass.

    Parameters
    ----------
    entries, contenders, passes, dtype, layout
        What to measure; contenders that lack a pass are left out there.
    lines : sequence of Line
        What has been timed: NumPy is measured in the formulation that was the fastest then.
    notes : list of str
        Where to say whose measurement failed, and why.

    Yields
    ------
    Memory
        For each layer and pass.
    """
    environment = {**for_measuring(os.environ, 1)[0], **_HAND_BACK}
    details = {
        (line.layer, line.pass_name, name): timing.detail
        for line in lines
        if line.dtype == dtype and line.threads == 1
        for name, timing in line.timings.items()
    }
    for entry in entries:
        for pass_name in passes:
            extra = {}
            for name in contenders:
                detail = details.get((entry.name, pass_name, name), "")
                where = f"memory not measured: {dtype}, {entry.name} {pass_name}, because {name}"
                what = (name, entry.name, pass_name, dtype, layout, detail)
                try:
                    done = subprocess.run(
                        [sys.executable, "-m", "bench.memory", *what],
                        cwd=ROOT,
                        env=environment,
                        capture_output=True,
                        text=True,
                        check=True,
                        timeout=_MOST_SECONDS,
                    )
                except subprocess.TimeoutExpired:
                    notes.append(f"{where} took more than {_MOST_SECONDS} seconds")
                    continue
                except subprocess.CalledProcessError as error:
                    notes.append(f"{where} failed: {(error.stderr.strip() or str(error)).splitlines()[-1]}")
                    continue
                if done.stdout.strip():
                    extra[name] = int(done.stdout)
            yield Memory(entry.name, str(entry.layer), pass_name, dtype, extra)


def probe(name: str, layer_name: str, pass_name: PassName, dtype: str, layout: Layout, detail: str) -> int | None:
    """Measure one contender in this process.

    Parameters
    ----------
    name, layer_name, pass_name, dtype, layout
        What to measure.
    detail : str
        For NumPy, the name of the formulation; the fastest one when empty.

    Returns
    -------
    int or None
        Bytes beyond operands and result; None when the contender lacks the pass.
    """
    layer = next(entry.layer for entry in ENTRIES if entry.name == layer_name)
    contender = peers.make(name, layout)
    small = square("small", 1, 2, 6, 2, 3)
    with contender.limit_threads(1):
        # Whatever a library sets up on its first call at all is not this layer's.
        warm = contender.prepare(small, pass_name, arrange(small.operands(dtype), layout))
        if warm is None:
            return None
        warm.run()
        operands = arrange(layer.operands(dtype), layout)
        known = formulations(layer, pass_name, operands.input.itemsize) if name == "numpy" else {}
        run: Callable[[], object]
        if detail in known:
            run = partial(known[detail], layer, operands)
        else:
            prepared = contender.prepare(layer, pass_name, operands)
            if prepared is None:
                return None
            run = prepared.run
        _hand_back()
        Path("/proc/self/clear_refs").write_text("5")
        before = _status("VmRSS")
        # Held until the peak is read.
        result = run()
        peak = _status("VmHWM")
        del result
    shapes = {"forward": layer.output_shape, "grad_kernel": layer.kernel_shape, "grad_input": layer.input_shape}
    result_bytes = operands.input.itemsize
    for size in shapes[pass_name]:
        result_bytes *= size
    return max(0, peak - before - result_bytes)


def _hand_back() -> None:
    """Free what is free, so that the call has to ask the system for all that it needs."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _status(name: str) -> int:
    text = Path("/proc/self/status").read_text()
    (kibibytes,) = (line.split()[1] for line in text.splitlines() if line.startswith(name))
    return int(kibibytes) * 1024


def main(argv: Sequence[str]) -> int:
    """Print the bytes, or nothing when the contender lacks the pass; meant for `measure`."""
    name, layer_name, pass_text, dtype, layout_text, detail = argv
    pass_name = next(known for known in PASSES if known == pass_text)
    layout = next(known for known in LAYOUTS if known == layout_text)
    found = probe(name, layer_name, pass_name, dtype, layout, detail)
    if found is not None:
        print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

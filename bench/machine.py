"""The machine: what it is, and what its arithmetic and its memory can do, measured with convgrad's own kernels."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path

import convgrad
from convgrad import _core
from convgrad._bench.report import blas

ROOT = Path(__file__).resolve().parent.parent


def describe() -> dict[str, str]:
    """Describe processor, caches, memory and system, as far as the system tells."""
    found = {
        "processor": _first_match("/proc/cpuinfo", r"model name\s*: (.+)") or platform.processor(),
        "architecture": platform.machine(),
        "processors": str(os.cpu_count()),
        "caches": ", ".join(_caches()),
        "memory": _first_match("/proc/meminfo", r"MemTotal:\s*(.+)"),
        "governor": _text(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        "system": f"{platform.system()} {platform.release()}",
    }
    return {name: value for name, value in found.items() if value}


def versions(packages: list[str]) -> dict[str, str]:
    """Give the versions of convgrad, its compiler and kernel set, the commit, Python and the packages named."""
    found = {
        "convgrad": convgrad.__version__,
        "commit": commit(),
        "isa": _core.isa(),
        "compiler": _core.compiler(),
        "python": platform.python_version(),
        "blas": ", ".join(dict.fromkeys(blas().split(", "))),
    }
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Name the commit of the project that this benchmark lies in, `-dirty` when files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def peak_flops(dtype: str, threads: int) -> float:
    """Measure the rate of fused multiply-adds, all threads at once.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Of the numbers.
    threads : int
        How many at once.

    Returns
    -------
    float
        FLOP/s, of all threads together.
    """
    return _core.measure_peak_flops(dtype, threads)


def bandwidth(threads: int) -> float:
    """Measure the memory bandwidth as STREAM's triad does: a = b + s c, three arrays beyond the caches.

    Parameters
    ----------
    threads : int
        How many share the work, all at once.

    Returns
    -------
    float
        Bytes per second, both reads and the write counted once.
    """
    return _core.measure_bandwidth(threads)


def _caches() -> list[str]:
    found = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level, size = (_text(folder / name) for name in ("type", "level", "size"))
        if kind in ("Data", "Unified"):
            found.append(f"L{level} {size}")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _first_match(path: str, pattern: str) -> str:
    match = re.search(pattern, _text(Path(path)))
    return match.group(1).strip() if match else ""

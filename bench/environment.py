"""The environment of the process that measures: what is taken out of it, thread counts, processors.

Some libraries read their thread count once, when they are loaded, so the measuring process is started with it, and
with no more processors than threads: then none can use more, told or not.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path

# Settings that make a library run as on another processor, set for the sake of other programs.
HOLDS_BACK = ("OPENBLAS_", "ONEDNN_", "DNNL_", "MKL_DEBUG_CPU_TYPE", "MKL_ENABLE_INSTRUCTIONS", "ATEN_CPU_CAPABILITY")

# Binding the main thread would bind the threads that other libraries start from it, too.
_BINDING = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")
# What lets OpenMP start fewer threads than it is told.
_FEWER_THREADS = ("OMP_THREAD_LIMIT", "OMP_DYNAMIC", "KMP_TEAMS_THREAD_LIMIT")
_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def for_measuring(before: Mapping[str, str], threads: int) -> tuple[dict[str, str], list[str]]:
    """Make the environment of a measuring process.

    Parameters
    ----------
    before : mapping
        The environment as it is.
    threads : int
        How many threads every contender may use.

    Returns
    -------
    environment : dict
        What to start the process with.
    removed : list of str
        What was taken out because it holds a library back, as NAME=value.
    """
    removed = {name: value for name, value in before.items() if name.startswith(HOLDS_BACK) and name not in _COUNTS}
    after = {name: value for name, value in before.items() if name not in removed}
    for name in (*_BINDING, *_FEWER_THREADS):
        after.pop(name, None)
    after.update(dict.fromkeys(_COUNTS, str(threads)))
    # JAX: XLA takes the size of its pool of threads from NPROC.
    after.update(NPROC=str(threads), JAX_PLATFORMS="cpu")
    return after, sorted(f"{name}={value}" for name, value in removed.items())


def pin(threads: int) -> list[int]:
    """Restrict this process to `threads` processors, of different cores where there are enough.

    Parameters
    ----------
    threads : int
        How many.

    Returns
    -------
    list of int
        The processors; empty where the system has no such call, or has too few of them.
    """
    if not hasattr(os, "sched_setaffinity"):
        return []
    allowed = sorted(os.sched_getaffinity(0), key=lambda number: (_rank_in_core(number), number))
    if len(allowed) < threads:
        return []
    # The last ones: interrupts prefer the first.
    chosen = sorted(_of_first_rank(allowed, threads)[-threads:])
    _restrict(chosen)
    return chosen


@contextlib.contextmanager
def pinned(threads: int) -> Generator[list[int]]:
    """Restrict this process as `pin` does inside the `with` block, and let it run where it could before afterwards."""
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
    try:
        yield pin(threads)
    finally:
        if before:
            _restrict(before)


def _restrict(processors: Iterable[int]) -> None:
    for thread in _threads_of_this_process():
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(thread, processors)


def _threads_of_this_process() -> list[int]:
    """Those that a library, once imported, keeps for later ones as well; this thread alone where nobody lists them."""
    try:
        return [int(name) for name in os.listdir("/proc/self/task")]
    except OSError:
        return [0]


def _of_first_rank(ordered: list[int], threads: int) -> list[int]:
    """Those that are the first of their core, or, if they are too few, all of them."""
    first = [number for number in ordered if _rank_in_core(number) == 0]
    return first if len(first) >= threads else ordered[:threads]


def _rank_in_core(number: int) -> int:
    """0 for the first hardware thread of a core, 1 for the second."""
    path = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
    try:
        text = path.read_text()
    except OSError:
        return 0
    siblings: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        siblings.extend(range(int(first), int(last or first) + 1))
    return siblings.index(number) if number in siblings else 0

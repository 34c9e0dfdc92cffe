"""Calls from several Python threads at once: the GIL is released and the calls do not disturb each other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import convgrad as cg
import operands
from expected import PASSES
from passes import run
from problem import layer
from subprocesses import assert_succeeds

PROBLEMS = [
    layer((20, 21), (3, 3), (17, 33), padding=1),
    layer((31, 30), (5, 5), (3, 20), stride=2),
    layer((7, 7), (3, 3), (64, 48), batch=3, padding=1),
    layer((12, 13), (3, 3), (16, 16), groups=16, dilation=2),
    layer((400,), (5,), (6, 9), padding=2),
    layer((6, 7, 8), (3, 3, 3), (3, 5), padding=1),
]


def test_same_bits_as_one_after_another() -> None:
    jobs = [
        (operands.normals(p, seed).astype("float32"), p, name) for seed, p in enumerate(PROBLEMS) for name in PASSES
    ]
    alone = [run(name, data, problem) for data, problem, name in jobs]
    order = [i for seed in range(15) for i in np.random.default_rng(seed).permutation(len(jobs))]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda i: run(jobs[i][2], jobs[i][0], jobs[i][1]), order))
    for i, result in zip(order, together, strict=True):
        np.testing.assert_array_equal(result, alone[i])


def test_shared_operands_and_one_output_array_in_parts() -> None:
    """Each thread writes its own image of one batch."""
    problem = layer((18, 19), (3, 3), (5, 20), batch=8, padding=1)
    data = operands.normals(problem)
    whole = cg.forward(data.V, data.K, data.bias, padding=1)
    parts = np.full_like(whole, np.nan)
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda n: cg.forward(data.V[n], data.K, data.bias, padding=1, out=parts[n]), range(8)):
            pass
    np.testing.assert_array_equal(parts, whole)


def test_thread_count_may_change_meanwhile() -> None:
    problem = PROBLEMS[2]
    data = operands.normals(problem).astype("float32")
    alone = {name: run(name, data, problem) for name in PASSES}
    stop = threading.Event()

    def change() -> None:
        count = 0
        while not stop.is_set():
            count += 1
            cg.set_num_threads(1 + count % 4)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for _ in range(20):
            for name in PASSES:
                np.testing.assert_array_equal(run(name, data, problem), alone[name])
    finally:
        stop.set()
        changer.join()


def test_python_goes_on_during_a_call() -> None:
    """Another thread wakes up again and again while a call computes; with the GIL held it could only once or twice."""
    cg.set_num_threads(1)
    problem = layer((48, 48), (3, 3), (20, 20), batch=2, padding=1)
    data = operands.normals(problem)
    wakes, stop = [0], threading.Event()

    def wake() -> None:
        while not stop.wait(0.0005):
            wakes[0] += 1

    thread = threading.Thread(target=wake)
    thread.start()
    try:
        for name in PASSES:
            before = wakes[0]
            run(name, data, problem, algorithm="reference")
            assert wakes[0] - before > 8, name
    finally:
        stop.set()
        thread.join()


def test_neighbors_in_memory_are_left_alone() -> None:
    # The halves of one array lie between each other, as two channels of an NHWC result do: a call that writes one must
    # not touch the other, not even to write back what it read there. Another thread counts there meanwhile.
    V = np.ones((1, 1, 130, 400), np.float32)
    K = np.ones((1, 1, 3, 3), np.float32)
    both = np.zeros((1, 1, 128, 398, 2), np.float32)
    ours, theirs = both[..., 0], both[..., 1]
    steps = 1000

    def count() -> None:
        for _ in range(steps):
            np.add(theirs, 1, out=theirs)

    other = threading.Thread(target=count)
    other.start()
    while other.is_alive():
        cg.forward(V, K, out=ours)
    other.join()
    assert (theirs == steps).all()
    assert (cg.forward(V, K, out=ours) == 9).all()


DAEMONS = """
import threading
import numpy as np, convgrad as cg

V, K = np.ones((4, 32, 30, 30), np.float32), np.ones((33, 32, 3, 3), np.float32)
started = threading.Barrier(3)

def forever():
    cg.forward(V, K)
    started.wait()
    while True:
        cg.forward(V, K)

for _ in range(2):
    threading.Thread(target=forever, daemon=True).start()
started.wait()
"""


@pytest.mark.parametrize("attempt", range(3))
def test_interpreter_ends_while_daemon_threads_compute(attempt: int) -> None:
    del attempt
    assert assert_succeeds("-c", DAEMONS) == ""

"""A process forked after parallel calls can compute too, as multiprocessing expects on Linux."""

from __future__ import annotations

import os

import pytest

from subprocesses import assert_succeeds

FORKED = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")  # newer Pythons warn about every fork of a process with threads
import numpy as np, convgrad as cg

V, K = np.ones((4, 32, 30, 30), np.float32), np.ones((33, 32, 3, 3), np.float32)
cg.set_num_threads(2)
Z = cg.forward(V, K)
gradients = cg.backward(Z, V, K)
child = os.fork()
if child == 0:
    signal.alarm(10)
    same = (cg.forward(V, K) == Z).all()
    again = cg.backward(Z, V, K)
    os._exit(0 if same and all((a == b).all() for a, b in zip(again, gradients)) else 3)
status = os.waitpid(child, 0)[1]
assert status == 0, f"the child ended with status {status}"
assert (cg.forward(V, K) == Z).all()
print("ok")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forked_child_computes() -> None:
    assert assert_succeeds("-c", FORKED).strip() == "ok"


# Another library of the process may have used the same OpenMP runtime before, and convgrad not at all.
FOREIGN_TEAM = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
import ctypes
import numpy as np, convgrad as cg

body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)
V, K = np.ones((4, 32, 30, 30), np.float32), np.ones((33, 32, 3, 3), np.float32)
cg.set_num_threads(2)
try:
    library = ctypes.CDLL(next(line.split()[-1] for line in open("/proc/self/maps") if "libgomp" in line))
except (OSError, StopIteration):
    print("skipped")
    sys.exit()
library.GOMP_parallel(body, None, 2, 0)
child = os.fork()
if child == 0:
    signal.alarm(10)
    os._exit(0 if (cg.forward(V, K) == cg.forward(V, K)).all() else 3)
status = os.waitpid(child, 0)[1]
assert status == 0, f"the child ended with status {status}"
print("ok")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forked_child_of_another_librarys_team_computes() -> None:
    answer = assert_succeeds("-c", FOREIGN_TEAM).strip()
    if answer == "skipped":
        pytest.skip("not GNU's OpenMP runtime")
    assert answer == "ok"

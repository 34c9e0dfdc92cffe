"""Where results lie: at the beginning of a cache line, and large ones in memory that is kept for the next ones, never
handed out twice, and no more of it than asked for."""

from __future__ import annotations

import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import convgrad as cg
from subprocesses import assert_succeeds, run_python

# A result of 40 MiB, which is beyond what the C library ever keeps, from one of 1.25 MiB.
V = np.arange(327680, dtype=np.float32).reshape(1, 1, 327680) % 7
K = np.arange(64, dtype=np.float32).reshape(32, 1, 2) % 5
EXPECTED = (K[:, 0, :1] * V[0, 0, :-1] + K[:, 0, 1:] * V[0, 0, 1:])[np.newaxis]


def address(array: np.ndarray) -> int:
    """Return where an array's elements begin."""
    return array.ctypes.data


def test_results_are_arrays_like_any_other() -> None:
    Z = cg.forward(V, K)
    assert Z.nbytes > 32 * 2**20
    assert Z.flags.c_contiguous
    assert Z.flags.aligned
    assert Z.flags.writeable
    assert Z.flags.owndata
    np.testing.assert_array_equal(Z, EXPECTED)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", [2048, 2049, 40000, 163840, 327680])
def test_results_begin_where_a_cache_line_does(dtype: type[np.floating], length: int) -> None:
    v, k = V[..., :length].astype(dtype), K.astype(dtype)
    Z = cg.forward(v, k)
    columns = v.reshape(1, -1, 1)[:, :2000]
    results = [Z, cg.grad_input(Z, k, (length,)), cg.grad_kernel(columns, columns, (1,))]
    large = [result for result in results if result.nbytes >= 2**16]
    assert len(large) > 1
    assert all(address(result) % 64 == 0 for result in large)
    np.testing.assert_array_equal(Z, EXPECTED[..., : length - 1])


@pytest.mark.parametrize("length", [200, 40000, 327680])
def test_results_own_their_memory_and_may_be_resized(length: int) -> None:
    Z = cg.forward(V[..., :length], K)
    assert Z.flags.owndata
    Z.resize((1, 32, length + 99999), refcheck=False)
    np.testing.assert_array_equal(Z.ravel()[: 32 * (length - 1)], EXPECTED[..., : length - 1].ravel())
    assert not Z.ravel()[32 * (length - 1) :].any()
    Z.resize((1, 1, 100), refcheck=False)
    np.testing.assert_array_equal(Z[0, 0], EXPECTED[0, 0, :100])


@pytest.mark.parametrize("length", [200, 40000, 327680])
def test_tracemalloc_sees_results(length: int) -> None:
    tracemalloc.start()
    try:
        Z = cg.forward(V[..., :length], K)
        held = tracemalloc.get_traced_memory()[0]
        assert Z.nbytes <= held < Z.nbytes + 2**16
        del Z
        assert tracemalloc.get_traced_memory()[0] < held / 2
    finally:
        tracemalloc.stop()


def test_memory_is_used_again() -> None:
    Z = cg.forward(V, K)
    before = address(Z)
    del Z
    again = cg.forward(V[..., :-8], K)
    assert address(again) == before
    np.testing.assert_array_equal(again, EXPECTED[..., :-8])


def test_a_view_keeps_its_memory() -> None:
    view = cg.forward(V, K)[0, 3:5, 7:]
    others = [cg.forward(V, K + 1) for _ in range(3)]
    np.testing.assert_array_equal(view, EXPECTED[0, 3:5, 7:])
    assert len({address(other) for other in others}) == 3


def test_threads_never_share() -> None:
    wrong: list[int] = []

    def work(shift: int) -> None:
        for _ in range(5):
            if not np.array_equal(cg.forward(V, K + shift), EXPECTED + shift * (V[..., :-1] + V[..., 1:])):
                wrong.append(shift)

    threads = [threading.Thread(target=work, args=(shift,)) for shift in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


RESIDENT = """
import numpy as np, convgrad as cg
def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) // 1024
V = np.ones((1, 1, 327680), np.float32); K = np.ones((32, 1, 2), np.float32)
cg.forward(V[..., :1000], K)
before = resident()
results = [cg.forward(V, K) for _ in range(9)]
during = resident()
del results
print(during - before, resident() - before)
"""


GIVEN_BACK = """
import numpy as np, convgrad as cg
def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) // 1024
V = np.ones((1, 1, 131072), np.float32); K = np.ones((32, 1, 2), np.float32)
cg.forward(V, K)
before = resident()
for length in range(4096, 131072, 512):
    cg.forward(V[..., :length], K)
print(resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_results_of_the_usual_sizes_leave_nothing_behind() -> None:
    assert int(assert_succeeds("-c", GIVEN_BACK)) < 64


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
@pytest.mark.parametrize(("limit", "most"), [("", 256), ("100", 100), ("0", 0)])
def test_no_more_is_kept_than_asked_for(limit: str, most: int) -> None:
    during, after = map(int, assert_succeeds("-c", RESIDENT, CONVGRAD_KEPT_MIB=limit).split())
    assert during > 9 * 40 - 8
    assert after < most + 16


@pytest.mark.parametrize("limit", ["-1", "1.5", "64M", "much", "99999999999999999999"])
def test_what_is_no_number_of_mebibytes_is_an_error_at_import(limit: str) -> None:
    done = run_python("-c", "import convgrad", CONVGRAD_KEPT_MIB=limit)
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith("ImportError: CONVGRAD_KEPT_MIB: expected")
    assert limit in message


FAULTS = """
import resource, numpy as np, convgrad as cg
cg.set_num_threads(1)
V = np.ones((1, 128, 28, 28), np.float32); K = np.ones((64, 128, 3, 3), np.float32)
Z = np.empty((1, 64, 26, 26), np.float32); dK = np.empty_like(K); dV = np.empty_like(V)
def run():
    cg.forward(V, K, out=Z)
    cg.grad_kernel(Z, V, (3, 3), out=dK)
    cg.grad_input(Z, K, (28, 28), out=dV)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
run()
before = faults()
for _ in range(10):
    run()
print((faults() - before) // 10)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library is asked to give everything back")
@pytest.mark.parametrize("limit", ["", "0"])
def test_scratch_memory_waits_for_the_next_call(limit: str) -> None:
    """A page that is used for the first time is a fault, and a call takes hundreds of them unless some are kept."""
    pages = int(assert_succeeds("-c", FAULTS, CONVGRAD_KEPT_MIB=limit, MALLOC_MMAP_THRESHOLD_="65536"))
    assert pages > 100 if limit == "0" else pages < 20


RESULTS = """
import resource, numpy as np, convgrad as cg
cg.set_num_threads(1)
V = np.ones((1, 1, 163840), np.float32); K = np.ones((32, 1, 2), np.float32)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
cg.forward(V, K)
before = faults()
for _ in range(10):
    cg.forward(V, K)
print((faults() - before) // 10)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library is asked to give everything back")
@pytest.mark.parametrize("limit", ["", "0"])
def test_results_of_20_mebibytes_find_memory_again(limit: str) -> None:
    """Whatever the C library does with what it was given back: a page for each at least, if it asks the system."""
    pages = int(assert_succeeds("-c", RESULTS, CONVGRAD_KEPT_MIB=limit, MALLOC_MMAP_THRESHOLD_="65536"))
    assert pages > 0 if limit == "0" else pages == 0

"""Run by test_guard_pages.py: operands and outputs that end, or begin, at a page that may not be touched.

A read or write past either end takes the process down. Argument: the pass.
"""

from __future__ import annotations

import ctypes
import mmap
import sys

import numpy as np
import numpy.typing as npt

import expected
import operands
from cases import CASES
from operands import Operands
from passes import DTYPES, result_shape, run
from problem import FloatArray, Shape, layer

EXTRA = {
    "vectors-and-tails": layer((6, 37), (3, 3), (19, 35), padding=1, batch=2),
    "no-padding": layer((9, 33), (3, 3), (3, 17)),
    "pointwise": layer((5, 7), (1, 1), (17, 33)),
}
libc = ctypes.CDLL(None, use_errno=True)
kept: list[mmap.mmap] = []


def guarded(shape: Shape, dtype: npt.DTypeLike, at_end: bool) -> FloatArray:
    """An array between two pages without any access, flush with one of them."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    page = mmap.PAGESIZE
    inner = -(-max(size, 1) // page) * page
    memory = mmap.mmap(-1, inner + 2 * page)
    kept.append(memory)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for guard in (address, address + page + inner):
        if libc.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(page), 0) != 0:
            raise OSError(ctypes.get_errno(), "mprotect")
    start = page + inner - size if at_end else page
    array = np.frombuffer(memory, dtype, int(np.prod(shape)), start)
    return array.reshape(shape)


def copied(array: FloatArray, at_end: bool) -> FloatArray:
    view = guarded(array.shape, array.dtype, at_end)
    view[...] = array
    return view


def main(pass_name: str) -> None:
    for name, problem in (CASES | EXTRA).items():
        data = operands.integers(problem)
        exact = getattr(expected.by_matrices(data, problem), pass_name)
        for dtype in DTYPES:
            for at_end in (True, False):
                there = Operands(*(copied(array, at_end) for array in data.astype(dtype)))
                out = guarded(result_shape(pass_name, problem), dtype, at_end)
                for algorithm in ("auto", "gemm", "reference"):
                    print(name, dtype, at_end, algorithm, flush=True)
                    run(pass_name, there, problem, out=out, algorithm=algorithm)
                    np.testing.assert_array_equal(out, exact)


if __name__ == "__main__":
    main(sys.argv[1])

"""The C interface from another language: Python's ctypes, with nothing but the shared library.

Usage: python ctypes_client.py LIBRARY VERSION
"""

from __future__ import annotations

import ctypes as c
import sys

Sizes = c.c_int64 * 3


class Problem(c.Structure):
    _fields_ = (
        ("struct_size", c.c_size_t),
        ("data_type", c.c_int32),
        ("spatial_rank", c.c_int32),
        ("batch", c.c_int64),
        ("in_channels", c.c_int64),
        ("out_channels", c.c_int64),
        ("groups", c.c_int64),
        ("input_size", Sizes),
        ("kernel_size", Sizes),
        ("stride", Sizes),
        ("dilation", Sizes),
        ("padding_before", Sizes),
        ("padding_after", Sizes),
    )


class View(c.Structure):
    _fields_ = (("data", c.c_void_p), ("strides", c.c_int64 * 5))


FORWARD, GRAD_KERNEL, GRAD_INPUT = range(3)


def doubles(*values: float) -> c.Array[c.c_double]:
    return (c.c_double * len(values))(*values)


def view(array: c.Array[c.c_double], rows: int, columns: int) -> View:
    return View(c.addressof(array), (c.c_int64 * 5)(rows * columns, rows * columns, columns, 1))


def main(path: str, version: str) -> None:
    library = c.CDLL(path)
    library.convgrad_version.restype = c.c_char_p
    assert library.convgrad_version().decode() == version
    assert library.convgrad_bits_version() >= 1
    message = c.create_string_buffer(256)
    last = (message, c.c_size_t(len(message)))

    problem = Problem()
    assert library.convgrad_init_problem(c.byref(problem), c.c_size_t(c.sizeof(problem))) == 0
    problem.data_type = 1  # float64
    problem.input_size[0] = problem.input_size[1] = 3
    problem.kernel_size[0] = problem.kernel_size[1] = 2

    V, K, G = doubles(*range(1, 10)), doubles(1, 2, 3, 4), doubles(2, 3, 5, 7)
    Z, dK, dV = doubles(*[0] * 4), doubles(*[0] * 4), doubles(*[0] * 9)
    views = {name: view(array, 3, 3) for name, array in {"V": V, "dV": dV}.items()}
    views |= {name: view(array, 2, 2) for name, array in {"K": K, "G": G, "Z": Z, "dK": dK}.items()}
    plan = c.c_void_p()

    def run(pass_code: int, name: str, *arguments: object) -> None:
        status = library.convgrad_make_plan(pass_code, c.byref(problem), None, c.byref(plan), *last)
        assert status == 0, message.value
        status = getattr(library, name)(plan, *arguments, None, c.c_size_t(0), *last)
        assert status == 0, message.value
        library.convgrad_free_plan(plan)

    pointers = {name: c.byref(each) for name, each in views.items()}
    run(FORWARD, "convgrad_forward", pointers["V"], pointers["K"], None, c.c_int64(0), pointers["Z"])
    run(GRAD_KERNEL, "convgrad_grad_kernel", pointers["G"], pointers["V"], pointers["dK"])
    run(GRAD_INPUT, "convgrad_grad_input", pointers["G"], pointers["K"], pointers["dV"])
    assert list(Z) == [37, 47, 67, 77]
    assert dK[0] == 1 * 2 + 2 * 3 + 4 * 5 + 5 * 7
    assert dV[4] == 4 * 2 + 3 * 3 + 2 * 5 + 1 * 7

    problem.stride[1] = 0
    assert library.convgrad_make_plan(FORWARD, c.byref(problem), None, c.byref(plan), *last) == 1
    assert plan.value is None
    assert message.value == b"stride: expected at least 1 along width, got 0"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

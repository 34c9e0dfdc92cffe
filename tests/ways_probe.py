"""Run by test_ways.py in an environment of its own: every way that serves a case, on whole and on real numbers.

Arguments: the ISA that must be the one that runs, and the file to write: results on real numbers by case, pass, dtype
and order of sums. What has the same order of sums must have the same bits, which is checked here.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import convgrad as cg
import expected
import operands
from cases import CASES
from isa_probe import EXTRA, LARGE_MAPS
from passes import DTYPES, result_shape, run
from problem import FloatArray, Problem

# Ways of the same order of sums stand together.
OF_CORRELATIONS = (
    *("channels_by_tile", "channels_by_pixel", "pixels_from_panels", "pixels_from_strip", "pixel_rows"),
    "groups_by_lane",
)
ORDERS = {
    "forward": {"taps": OF_CORRELATIONS},
    "grad_input": {"taps": (*OF_CORRELATIONS, "patches", "group_residues"), "pixels of G": ("columns",)},
    "grad_kernel": {
        "blocks of 256 pixels": ("channel_sums",),
        "the same of the swapped product": ("channel_sums_swapped",),
        "lanes of 64 bytes": ("pixel_sums",),
        "pieces of 256 pixels": ("group_sums",),
    },
}


def serves(pass_name: Any, problem: Problem, dtype: str, way: str) -> bool:
    """Whether the library takes this way when told to."""
    algorithm: Any = f"gemm:{way}"
    try:
        plan = cg.plan(
            pass_name, problem.input_shape, problem.kernel_shape, dtype=dtype, algorithm=algorithm, **problem.options
        )
    except ValueError as error:
        if "cannot serve" not in str(error):
            raise
        return False
    # Where no tap meets any input, there is no residue of grad_input to compute.
    if way.removesuffix("_swapped") not in plan.description and "way " in plan.description:
        raise AssertionError(plan.description)
    return True


def out_for(pass_name: str, problem: Problem, dtype: str, way: str) -> FloatArray | None:
    """Where results go: channels_by_pixel serves those alone whose channels are neighbors."""
    if way != "channels_by_pixel":
        return None
    batch, channels, *size = result_shape(pass_name, problem)
    return np.moveaxis(np.empty((batch, *size, channels), dtype), -1, 1)


def check(name: str, problem: Problem, taken: dict[str, int]) -> dict[str, FloatArray]:
    """All ways of all passes; the results on real numbers, one for each order of sums."""
    whole, real = operands.integers(problem), operands.normals(problem)
    exact = expected.by_matrices(whole, problem)
    results: dict[str, FloatArray] = {}
    for pass_name, orders in ORDERS.items():
        for dtype in DTYPES:
            for order, ways in orders.items():
                key = f"{name}, {pass_name}, {dtype}, {order}"
                for way in ways:
                    if not serves(pass_name, problem, dtype, way):
                        continue
                    taken[f"{pass_name} {way}"] = taken.get(f"{pass_name} {way}", 0) + 1
                    options: Any = {"algorithm": f"gemm:{way}", "out": out_for(pass_name, problem, dtype, way)}
                    got = run(pass_name, whole.astype(dtype), problem, **options)
                    np.testing.assert_array_equal(got, getattr(exact, pass_name), err_msg=f"{key}, {way}")
                    got = np.ascontiguousarray(run(pass_name, real.astype(dtype), problem, **options))
                    first = results.setdefault(key, got.copy())
                    np.testing.assert_array_equal(got, first, err_msg=f"{key}, {way} against {ways[0]}")
    return results


def main(isa: str, file: str) -> None:
    assert cg.plan("forward", (1, 1, 1), (1, 1, 1)).isa == isa
    results: dict[str, FloatArray] = {}
    taken: dict[str, int] = {}
    for name, problem in {**CASES, **EXTRA, **LARGE_MAPS}.items():
        results |= check(name, problem, taken)
    for pass_name, orders in ORDERS.items():
        for way in (way for ways in orders.values() for way in ways):
            assert taken.get(f"{pass_name} {way}", 0) > 0, f"no case is served by {way} in {pass_name}"
    np.savez(file, **results)  # type: ignore[arg-type]
    print(" ".join(f"{way.replace(' ', ':')}={count}" for way, count in taken.items()))


if __name__ == "__main__":
    main(*sys.argv[1:])

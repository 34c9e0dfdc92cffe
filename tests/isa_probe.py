"""Run by test_isa.py with CONVGRAD_ISA set: exact whole-number cases checked here, real ones written to a file.

Arguments: the ISA that must be the one that runs, and the file to write.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import convgrad as cg
import expected
import operands
from cases import CASES
from expected import PASSES
from passes import DTYPES, run
from problem import FloatArray, Problem, layer
from sweeps import SWEEPS

EXTRA = {
    "vectors-and-tails": layer((9, 37), (3, 3), (19, 70), padding=1, batch=2),
    "many-taps": layer((6, 7), (3, 3), (150, 33), padding=1),
    "many-pixels": layer((50, 60), (3, 3), (3, 20), padding=1, stride=(1, 2)),
}


def check(problem: Problem, isa: str, algorithm: str) -> dict[str, FloatArray]:
    """All passes on whole numbers; the results on real ones."""
    whole, real = operands.integers(problem), operands.normals(problem)
    exact = expected.by_matrices(whole, problem)
    results = {}
    for dtype in DTYPES:
        for pass_name in PASSES:
            shapes: Any = pass_name, problem.input_shape, problem.kernel_shape
            options: Any = {"dtype": dtype, "algorithm": algorithm, **problem.options}
            plan = cg.plan(*shapes, **options)
            assert plan.isa == isa, (plan, isa)
            got = run(pass_name, whole.astype(dtype), problem, algorithm=algorithm)
            np.testing.assert_array_equal(got, getattr(exact, pass_name), err_msg=f"{pass_name} {dtype} {problem}")
            results[f"{pass_name} {dtype}"] = run(pass_name, real.astype(dtype), problem, algorithm=algorithm)
    return results


def main(isa: str, file: str) -> None:
    results = {}
    for algorithm in ("auto", "gemm"):
        problems = {**CASES, **EXTRA}
        if algorithm == "auto":
            problems |= {f"{name} {i}": p for name, family in SWEEPS.items() for i, p in enumerate(family())}
        for name, problem in problems.items():
            for key, result in check(problem, isa, algorithm).items():
                results[f"{name} {key} {algorithm}"] = result
    np.savez(file, **results)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])

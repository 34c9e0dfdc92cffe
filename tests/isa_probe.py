"""Run by test_isa.py in an environment of its own: exact whole-number cases checked here, real ones written to a file.

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

# Results that lie in whole cache lines, or in so many that most are whole.
LARGE_MAPS = {
    "one-run": layer((64, 64), (3, 3), (3, 20), padding=1, batch=2),
    "several-runs": layer((32, 64), (3, 3), (70, 33), padding=1),
    "long-1x1": layer((2048,), (1,), (65, 30), groups=5),
    "no-whole-lines": layer((63, 61), (3, 3), (3, 20), padding=1),
    "depthwise": layer((64, 96), (3, 3), (10, 10), groups=10, padding=1),
    "depthwise-odd": layer((57, 61), (3, 3), (9, 9), groups=9, padding=1, batch=2),
    "depthwise-images": layer((14, 14), (3, 3), (64, 64), groups=64, padding=1, batch=5),
    "depthwise-volume": layer((5, 16, 48), (3, 3, 3), (6, 6), groups=6, padding=1),
    "two-channels-a-group": layer((40, 64), (5, 5), (12, 12), groups=6, padding=2),
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
        problems = {**CASES, **EXTRA, **LARGE_MAPS}
        if algorithm == "auto":
            problems |= {f"{name} {i}": p for name, family in SWEEPS.items() for i, p in enumerate(family())}
        for name, problem in problems.items():
            for key, result in check(problem, isa, algorithm).items():
                results[f"{name} {key} {algorithm}"] = result
    np.savez(file, **results)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Every hand-picked case, pass, dtype and algorithm: exact on whole numbers, within the error bound on real ones."""

from __future__ import annotations

import numpy as np
import pytest

import expected
from bound import assert_within_bound, term_count
from cases import CASES
from expected import PASSES
from passes import ALGORITHMS, DTYPES, run

every_way = pytest.mark.parametrize(
    ("name", "pass_name", "algorithm", "dtype"),
    [(c, p, a, d) for c in CASES for p in PASSES for a in ALGORITHMS for d in DTYPES],
)


@every_way
def test_integers_exactly(name: str, pass_name: str, algorithm: str, dtype: str) -> None:
    problem = CASES[name]
    data, exact = expected.of_integers(problem)
    got = run(pass_name, data.astype(dtype), problem, algorithm=algorithm)
    assert got.dtype == dtype
    assert got.flags.c_contiguous
    assert got.flags.owndata
    np.testing.assert_array_equal(got, getattr(exact, pass_name))


@every_way
def test_error_bound(name: str, pass_name: str, algorithm: str, dtype: str) -> None:
    problem = CASES[name]
    data, exact, magnitude = expected.of_normals(problem)
    got = run(pass_name, data.astype(dtype), problem, algorithm=algorithm)
    terms = term_count(pass_name, problem)
    assert_within_bound(got, getattr(exact, pass_name), getattr(magnitude, pass_name), terms, algorithm)

"""Every case by every way that serves it on every kernel set: exact on whole numbers, and on real ones the same bits
wherever the order of the sums is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convgrad as cg
from convgrad import _core
from subprocesses import assert_succeeds

PROBE = str(Path(__file__).with_name("ways_probe.py"))
SUPPORTED = _core.supported_isas()
WITH_FUSED_MULTIPLY_ADD = [isa for isa in SUPPORTED if isa != "baseline"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The probe's files by kernel set, as the tests below make them."""
    folder = tmp_path_factory.mktemp("ways")
    return {isa: folder / f"{isa}.npz" for isa in SUPPORTED}


def made(isa: str, results: dict[str, Path]) -> Path:
    if not results[isa].exists():
        assert_succeeds(PROBE, isa, str(results[isa]), CONVGRAD_ISA=isa)
    return results[isa]


@pytest.mark.parametrize("isa", SUPPORTED)
def test_all_ways_agree(isa: str, results: dict[str, Path]) -> None:
    made(isa, results)


@pytest.mark.skipif(len(WITH_FUSED_MULTIPLY_ADD) < 2, reason=f"this processor runs {SUPPORTED} only")
def test_ways_do_not_depend_on_the_isa(results: dict[str, Path]) -> None:
    first, *others = (np.load(made(isa, results)) for isa in WITH_FUSED_MULTIPLY_ADD)
    for other in others:
        for key in sorted(set(first.files) & set(other.files)):  # some ways serve one vector length only
            np.testing.assert_array_equal(other[key], first[key], err_msg=key)


def test_unknown_way() -> None:
    algorithm: Any = "gemm:sideways"
    with pytest.raises(ValueError, match="sideways"):
        cg.plan("forward", (1, 1, 3, 3), (1, 1, 2, 2), algorithm=algorithm)


@pytest.mark.parametrize(("pass_name", "way"), [("forward", "columns"), ("grad_kernel", "pixel_rows")])
def test_way_of_another_pass(pass_name: Any, way: str) -> None:
    algorithm: Any = f"gemm:{way}"
    with pytest.raises(ValueError, match=f"{way} cannot serve"):
        cg.plan(pass_name, (1, 1, 3, 3), (1, 1, 2, 2), algorithm=algorithm)


def test_the_reference_has_no_ways() -> None:
    algorithm: Any = "reference:loops"
    with pytest.raises(ValueError, match="algorithm"):
        cg.plan("forward", (1, 1, 3, 3), (1, 1, 2, 2), algorithm=algorithm)


def test_description_tells_what_was_chosen() -> None:
    plan = cg.plan("forward", (4, 64, 56, 56), (64, 64, 3, 3), padding=1)
    for word in ("gemm", "channels_by_tile", "estimates", "tasks", "workspace", str(plan.workspace_bytes)):
        assert word in plan.description
    assert "definition" in cg.plan("forward", (1, 1, 3), (1, 1, 3), algorithm="reference").description

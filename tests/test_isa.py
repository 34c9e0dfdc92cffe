"""Every kernel set that this processor can run, forced by CONVGRAD_ISA in a process of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convgrad import _core
from subprocesses import assert_succeeds, run_python

PROBE = str(Path(__file__).with_name("isa_probe.py"))
SUPPORTED = _core.supported_isas()
WITH_FUSED_MULTIPLY_ADD = [isa for isa in SUPPORTED if isa != "baseline"]


@pytest.fixture(scope="session")
def real_results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of the probe, by ISA, as the tests below make them."""
    folder = tmp_path_factory.mktemp("isa")
    return {isa: folder / f"{isa}.npz" for isa in SUPPORTED}


@pytest.mark.parametrize("isa", SUPPORTED)
def test_forced_isa_runs_and_is_exact(isa: str, real_results: dict[str, Path]) -> None:
    assert_succeeds(PROBE, isa, str(real_results[isa]), CONVGRAD_ISA=isa)


@pytest.mark.parametrize("isa", SUPPORTED)
def test_results_are_the_same_around_the_caches(isa: str, real_results: dict[str, Path], tmp_path: Path) -> None:
    """As if there were no cache: all results outgrow it, and go to memory."""
    if not real_results[isa].exists():
        assert_succeeds(PROBE, isa, str(real_results[isa]), CONVGRAD_ISA=isa)
    streamed = tmp_path / "streamed.npz"
    assert_succeeds(PROBE, isa, str(streamed), CONVGRAD_ISA=isa, CONVGRAD_CACHE_MIB="0")
    usual, other = np.load(real_results[isa]), np.load(streamed)
    assert other.files == usual.files
    for key in usual.files:
        np.testing.assert_array_equal(other[key], usual[key], err_msg=key)


@pytest.mark.parametrize("size", ["-1", "1.5", "32M", "much", "99999999999999999999"])
def test_a_cache_of_no_size_is_an_error_at_import(size: str) -> None:
    done = run_python("-c", "import convgrad", CONVGRAD_CACHE_MIB=size)
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith("ImportError: CONVGRAD_CACHE_MIB: expected")
    assert size in message


@pytest.mark.skipif(len(WITH_FUSED_MULTIPLY_ADD) < 2, reason=f"this processor runs {SUPPORTED} only")
def test_bits_do_not_depend_on_the_isa(real_results: dict[str, Path]) -> None:
    """Not the baseline: it multiplies and adds in two roundings."""
    for isa, file in real_results.items():
        if isa in WITH_FUSED_MULTIPLY_ADD and not file.exists():
            assert_succeeds(PROBE, isa, str(file), CONVGRAD_ISA=isa)
    first, *others = (np.load(real_results[isa]) for isa in WITH_FUSED_MULTIPLY_ADD)
    for other in others:
        assert other.files == first.files
        for key in first.files:
            np.testing.assert_array_equal(other[key], first[key], err_msg=key)


def test_best_supported_isa_is_the_default() -> None:
    code = "from convgrad import _core; print(_core.isa())"
    assert assert_succeeds("-c", code, CONVGRAD_ISA="").strip() == SUPPORTED[0]


def test_baseline_is_always_there() -> None:
    assert SUPPORTED[-1] == "baseline"
    assert set(SUPPORTED) <= set(_core.built_isas())


@pytest.mark.parametrize("name", ["avx1024", "AVX2", "neon", "avx2,avx512"])
def test_unknown_or_unsupported_name_is_an_error_at_import(name: str) -> None:
    if name in SUPPORTED:
        pytest.skip("this processor has it")
    done = run_python("-c", "import convgrad", CONVGRAD_ISA=name)
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith("ImportError")
    assert "CONVGRAD_ISA" in message
    assert name in message
    assert all(isa in message for isa in SUPPORTED)

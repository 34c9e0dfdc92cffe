"""No allocation grows with kernel size x output size: measured as the peak of a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from expected import PASSES
from subprocesses import assert_succeeds

PROBE = str(Path(__file__).with_name("memory_probe.py"))
MEBIBYTE = 2**20

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")


@pytest.mark.parametrize("pass_name", PASSES)
@pytest.mark.parametrize(("dtype", "size"), [("float32", 512), ("float64", 384)])
def test_peak_beyond_operands(pass_name: str, dtype: str, size: int) -> None:
    """9x9 with 8 channels: a stored im2col matrix would take 680 (float32) or 764 MB."""
    grown, workspace = map(int, assert_succeeds(PROBE, pass_name, dtype, "8", str(size), "9").split())
    assert grown < 64 * MEBIBYTE
    assert grown < workspace + 4 * MEBIBYTE, "more than plan() said"

"""No pass reads or writes a byte beyond its arrays, vector tails included, on any kernel set."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from convgrad import _core
from expected import PASSES
from subprocesses import run_python

PROBE = str(Path(__file__).with_name("guard_probe.py"))


@pytest.mark.skipif(sys.platform != "linux", reason="protects pages by mprotect")
@pytest.mark.parametrize("isa", _core.supported_isas())
@pytest.mark.parametrize("pass_name", PASSES)
def test_nothing_beyond_the_arrays_is_touched(pass_name: str, isa: str) -> None:
    done = run_python(PROBE, pass_name, CONVGRAD_ISA=isa)
    last = done.stdout.strip().splitlines()[-1:]
    assert done.returncode == 0, f"exit status {done.returncode} in {last}\n{done.stderr}"

"""Python in a process of its own, for what is fixed at import or may take the process down."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_python(*arguments: str, timeout: float = 120.0, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python <arguments>` with warnings as errors, and the tests' helper modules and the benchmark importable."""
    tests = Path(__file__).parent
    path = os.pathsep.join(filter(None, (str(tests), str(tests.parent), os.environ.get("PYTHONPATH"))))
    variables = {**os.environ, "PYTHONPATH": path, **environment}
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=timeout, check=False)


def assert_succeeds(*arguments: str, **environment: str) -> str:
    """The standard output of a process that ends with status 0."""
    done = run_python(*arguments, timeout=120, **environment)
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout

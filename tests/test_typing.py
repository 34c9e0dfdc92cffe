"""The package type-checks strictly, its stub matches the compiled module, its signatures are the documented ones."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path

import pytest

import convgrad as cg
from subprocesses import run_python

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "python" / "convgrad"

needs_mypy = pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")


@needs_mypy
@pytest.mark.skipif(not SOURCE.is_dir(), reason="not in a source tree")
def test_package_is_strictly_typed(tmp_path: Path) -> None:
    configuration = str(ROOT / "pyproject.toml")
    options = ("--strict", "--config-file", configuration, "--cache-dir", str(tmp_path))
    done = run_python("-m", "mypy", *options, str(SOURCE), timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_mypy
def test_stub_matches_the_compiled_module() -> None:
    done = run_python("-m", "mypy.stubtest", "convgrad._core", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_marked_as_typed() -> None:
    folder = Path(cg.__file__).parent
    assert (folder / "py.typed").is_file()
    assert (folder / "_core.pyi").is_file()


TYPED_USE = """
import numpy as np
import convgrad as cg

V = np.zeros((1, 3, 8, 8), np.float32)
K = np.zeros((4, 3, 3, 3), np.float32)
Z: np.ndarray = cg.forward(V, K, None, stride=(1, 2), padding=((1, 0), (0, 1)), dilation=1, groups=1, out=None)
dV, dK, db = cg.backward(Z, V, K, padding="same")
gradients = cg.backward(Z, V, K, algorithm="gemm")
print(gradients.input, gradients.kernel, gradients.bias)
layer = cg.ConvLayer.initialize(3, 4, (3, 3), rng=np.random.default_rng(0), padding="same")
layer.backward(layer.forward(V))
layer.update(0.1)
plan = cg.plan("grad_input", (1, 3, 8, 8), (4, 3, 3, 3), dtype=np.float64)
size: int = plan.workspace_bytes
name: str = plan.algorithm
shape: tuple[int, ...] = plan.output_shape
"""

WRONG_USES = (
    "cg.forward([1.0], K)",
    "cg.forward(V, K, stride=1.5)",
    "cg.forward(V, K, None, 1)",
    "cg.grad_kernel(V, V)",
    "cg.grad_input(V, K, '8')",
    "cg.set_num_threads('two')",
)


@needs_mypy
def test_users_are_checked(tmp_path: Path) -> None:
    """Right calls pass a strict check, and every wrong one is found."""
    file = tmp_path / "use.py"
    head = TYPED_USE.replace("Z: np.ndarray", "Z")
    file.write_text(head + "\n".join(WRONG_USES) + "\n")
    done = run_python("-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(file), timeout=300)
    first_wrong = len(head.splitlines()) + 1
    reported = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert reported == set(range(first_wrong, first_wrong + len(WRONG_USES))), done.stdout + done.stderr


PUBLIC = ("forward", "grad_kernel", "grad_input", "grad_bias", "backward", "plan", "ConvLayer")


@pytest.mark.parametrize("name", [*PUBLIC, "set_num_threads", "get_num_threads", "show_config"])
def test_documented(name: str) -> None:
    """Public names are exported; the operations document their arguments, results and errors."""
    thing = getattr(cg, name)
    assert name in cg.__all__
    text = inspect.getdoc(thing) or ""
    assert text
    if name in ("forward", "grad_kernel", "grad_input", "grad_bias", "backward"):
        for section in ("Parameters\n", "Returns\n", "Raises\n"):
            assert section in text
        for parameter in inspect.signature(thing).parameters:
            assert parameter in text


def test_signatures() -> None:
    expected = {
        "forward": "V K bias=None * stride=1 padding=0 dilation=1 groups=1 out=None algorithm='auto'",
        "grad_kernel": "G V kernel_size * stride=1 padding=0 dilation=1 groups=1 out=None algorithm='auto'",
        "grad_input": "G K input_size * stride=1 padding=0 dilation=1 groups=1 out=None algorithm='auto'",
        "grad_bias": "G * spatial_rank=None",
        "backward": "G V K * stride=1 padding=0 dilation=1 groups=1 algorithm='auto'",
    }
    for name, text in expected.items():
        parts: list[str] = []
        for parameter in inspect.signature(getattr(cg, name)).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
                parts.append("*")
            empty = parameter.default is parameter.empty
            parts.append(parameter.name if empty else f"{parameter.name}={parameter.default!r}")
        assert " ".join(parts) == text

"""Run by test_memory.py: prints by how many bytes one pass raised the peak of the process beyond its operands.

Arguments: pass, dtype, channels, image size, kernel size.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import convgrad as cg
from operands import Operands
from passes import result_shape, run
from problem import FloatArray, layer


def peak_bytes() -> int:
    """The most memory this process has held. Not getrusage's figure, which on Linux starts with that of the parent."""
    status = Path("/proc/self/status").read_text()
    (kibibytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kibibytes) * 1024


def main(pass_name: Any, dtype: str, channels: int, size: int, kernel: int) -> None:
    problem = layer((size, size), (kernel, kernel), (channels, channels), padding=kernel // 2)
    generator = np.random.default_rng(0)

    def draw(*shape: int) -> FloatArray:
        return generator.standard_normal(shape, np.float32).astype(dtype)

    V, K, bias, G = (
        draw(*shape) for shape in (problem.input_shape, problem.kernel_shape, (channels,), problem.output_shape)
    )
    out = np.ones(result_shape(pass_name, problem), dtype)
    small = layer((4, 4), (3, 3), (1, 1))
    run(pass_name, Operands(V[:, :1, :4, :4], K[:1, :1, :3, :3], bias[:1], G[:, :1, :2, :2]), small)

    before = peak_bytes()
    run(pass_name, Operands(V, K, bias, G), problem, out=out)
    print(peak_bytes() - before, cg.plan(pass_name, V.shape, K.shape, dtype=dtype, padding=kernel // 2).workspace_bytes)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))

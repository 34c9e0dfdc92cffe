"""Run by bits.py in an environment of its own: computes the layers of bits_layers.py and writes hashes of all results.

Arguments: the ISA that must be the one that runs, and the file to write.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

import bits_layers
import convgrad as cg
from bits import RESULTS
from convgrad import _core
from layouts import LAYOUTS, laid_out
from operands import Operands
from passes import DTYPES, result_shape, run
from problem import FloatArray, Problem, Shape

HASH_DIGITS = 16

# Layers below have no work for a second thread, and not all of the others need it.
WORTH_TWO_THREADS = 1_000_000
EVERY_SO_MANY = 3


def mixed(numbers: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """One number that looks random for each, by nothing but integers: no version of NumPy can change that."""
    numbers = (numbers ^ (numbers >> 16)) * np.uint32(0x7FEB352D)
    numbers = (numbers ^ (numbers >> 15)) * np.uint32(0x846CA68B)
    return numbers ^ (numbers >> 16)


@functools.cache
def _first_numbers(count: int, seed: int, dtype: str) -> FloatArray:
    """Numbers in [-1, 1), exact in their dtype, of so many bits that their products are not."""
    bits = mixed(mixed(np.arange(count, dtype=np.uint32)) + np.uint32(seed))
    if dtype == "float32":
        return (bits >> 8).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    return bits.astype(np.float64) * 2.0**-31 - 1


def numbers(shape: Shape, seed: int, dtype: str) -> FloatArray:
    """Element i in C order is always the same, whatever the shape."""
    count = math.prod(shape)
    enough = 1 << max(16, (count - 1).bit_length())
    return _first_numbers(enough, seed, dtype)[:count].reshape(shape)


def operands_of(problem: Problem, dtype: str) -> Operands:
    shapes = (problem.input_shape, problem.kernel_shape, (problem.out_channels,), problem.output_shape)
    return Operands(*(numbers(shape, seed, dtype) for seed, shape in enumerate(shapes, 1)))


def compute(result: str, data: Operands, problem: Problem, layout: str) -> FloatArray:
    """One result from operands of this layout, written to memory of this layout unless it is the usual one."""
    if result == "grad_bias":
        return cg.grad_bias(data.G, spatial_rank=problem.spatial_rank)
    pass_name = result.split()[0]
    out = None
    if layout != "contiguous":
        out, _ = LAYOUTS[layout](result_shape(pass_name, problem), data.V.dtype)
    if result == "forward without bias":
        return cg.forward(data.V, data.K, None, out=out, **problem.options)
    return run(pass_name, data, problem, out=out)


def hash_of(array: FloatArray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()[:HASH_DIGITS]


def hashes_of(problem: Problem, layout: str) -> list[str]:
    found = []
    for dtype in DTYPES:
        data = operands_of(problem, dtype)
        if layout != "contiguous":
            data = data._replace(**{name: laid_out(getattr(data, name), layout) for name in ("V", "K", "G")})
        found += [hash_of(compute(result, data, problem, layout)) for result in RESULTS]
    return found


def adds_unrounded_products() -> bool:
    """(1 + e)^2 - (1 + 2e) is e^2, or 0 where the product is rounded before."""
    e = 2.0**-27
    first, second = (-(1 + 2 * e), 1 + e), (1, 1 + e)
    return bool(cg.forward(np.reshape(first, (1, 2, 1)), np.reshape(second, (1, 2, 1))).item() != 0)


def main(isa: str, file: str) -> None:
    """Writes the fields of bits.Found."""
    assert _core.isa() == isa
    # A processor may be so new that its baseline has a fused multiply-add, too.
    fused = adds_unrounded_products()
    assert fused or isa == "baseline"
    layers = bits_layers.all_layers()
    large = [name for name, problem in layers.items() if problem.multiplications >= WORTH_TWO_THREADS]
    found = {}
    for threads, names in ((1, list(layers)), (2, large[::EVERY_SO_MANY])):
        cg.set_num_threads(threads)
        for layout, text in (("contiguous", "NCHW"), ("channels-last", "NHWC")):
            setting = f"{isa}, {text}, threads: {threads}"
            found[setting] = {name: hashes_of(layers[name], layout) for name in names}
    Path(file).write_text(json.dumps({"fused": fused, "by_setting": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Any strides on any operand and on the output: read and written in place, and the numbers do not change."""

from __future__ import annotations

import numpy as np
import pytest

import convgrad as cg
import expected
import operands
from cases import CASES
from expected import PASSES
from layouts import LAYOUTS, assert_untouched_around, constant_along, laid_out
from operands import Operands
from passes import ALGORITHMS, DTYPES, result_shape, run
from problem import FloatArray, layer

NAMES = ("width-17", "stride-2-kernel-5", "groups-stride-dilation", "depthwise-batch", "1d-dilation", "3d-stride")
SLOTS = ("V", "K", "G")

every_layout = pytest.mark.parametrize("layout", LAYOUTS)
every_pass = pytest.mark.parametrize("pass_name", PASSES)
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
some_cases = pytest.mark.parametrize("name", NAMES)


@every_layout
@some_cases
@every_pass
@every_algorithm
def test_operands_and_output(layout: str, name: str, pass_name: str, algorithm: str) -> None:
    """All in this layout at once."""
    problem = CASES[name]
    data, exact = expected.of_integers(problem)
    for dtype in DTYPES:
        typed = data.astype(dtype)
        V, K, G = (laid_out(getattr(typed, slot), layout) for slot in SLOTS)
        out, buffer = LAYOUTS[layout](result_shape(pass_name, problem), dtype)
        got = run(pass_name, Operands(V, K, typed.bias, G), problem, out=out, algorithm=algorithm)
        assert got is out
        np.testing.assert_array_equal(out, getattr(exact, pass_name))
        assert_untouched_around(out, buffer)


@every_layout
@some_cases
@every_pass
def test_layout_does_not_change_a_bit(layout: str, name: str, pass_name: str) -> None:
    problem = CASES[name]
    for dtype in DTYPES:
        data = expected.of_normals(problem)[0].astype(dtype)
        plain = run(pass_name, data, problem)
        for slot in SLOTS:
            relaid = data._replace(**{slot: laid_out(getattr(data, slot), layout)})
            np.testing.assert_array_equal(run(pass_name, relaid, problem), plain, err_msg=slot)
        out, _ = LAYOUTS[layout](plain.shape, dtype)
        run(pass_name, data, problem, out=out)
        np.testing.assert_array_equal(out, plain, err_msg="out")


@pytest.mark.parametrize("name", CASES)
@every_pass
def test_channels_last(name: str, pass_name: str) -> None:
    """What is read and written has ways of its own where channels are neighbors, which the shape chooses among."""
    problem = CASES[name]
    data, exact = expected.of_integers(problem)
    for dtype in DTYPES:
        typed = data.astype(dtype)
        V, G = (laid_out(a, "channels-last") for a in (typed.V, typed.G))
        out, buffer = LAYOUTS["channels-last"](result_shape(pass_name, problem), dtype)
        run(pass_name, Operands(V, typed.K, typed.bias, G), problem, out=out)
        np.testing.assert_array_equal(out, getattr(exact, pass_name))
        assert_untouched_around(out, buffer)


@every_layout
@every_pass
def test_many_channels_of_few(layout: str, pass_name: str) -> None:
    """So many that their sums are cut into parts, some of which may be read in place where the last one is not."""
    problem = layer((29, 27), (1, 1), (512, 2))
    data, exact = expected.of_integers(problem)
    for dtype in DTYPES:
        typed = data.astype(dtype)
        relaid = Operands(*(laid_out(a, layout) if a.ndim == 4 else a for a in typed))
        np.testing.assert_array_equal(run(pass_name, relaid, problem), getattr(exact, pass_name))


@pytest.mark.parametrize("gap", range(1, 16))
@every_pass
def test_rows_apart(pass_name: str, gap: int) -> None:
    """The end of one row and the beginning of the next may be as far apart as two vectors, and are not neighbors."""
    for columns in range(3, 20):
        for problem in (
            layer((9, columns), (1, 1), (3, 20)),
            layer((34, 2 * columns), (1, 1), (6, 2), batch=2, stride=(1, 2), groups=2),
            layer((9, columns), (2, 2), (2, 20), padding=((0, 1), (0, 1))),
        ):
            for dtype in DTYPES:
                data = operands.integers(problem).astype(dtype)
                apart = Operands(*(rows_apart(a, gap) if a.ndim == 4 else a for a in data))
                np.testing.assert_array_equal(run(pass_name, apart, problem), run(pass_name, data, problem))


def rows_apart(array: FloatArray, gap: int) -> FloatArray:
    """The same in rows with `gap` nans between them."""
    wider = np.full((*array.shape[:-1], array.shape[-1] + gap), np.nan, array.dtype)
    wider[..., : array.shape[-1]] = array
    return wider[..., : array.shape[-1]]


@pytest.mark.parametrize("step", range(2, 18))
def test_channels_together_and_pixels_backwards(step: int) -> None:
    """What lies between two pixels of two channels belongs to somebody else, at any vector's distance, too."""
    for dtype in DTYPES:
        V = np.arange(1, 10, dtype=dtype).reshape(1, 1, 9)
        K = np.array([1, 2], dtype).reshape(2, 1, 1, 1)
        buffer = np.full(10 * step, np.nan, dtype)
        backwards = buffer[: 9 * step].reshape(9, step)[::-1, :2]
        cg.forward(V, K, out=backwards.T[:, None, :])
        np.testing.assert_array_equal(backwards, np.outer(np.arange(1, 10), [1, 2]))
        backwards[...] = np.nan
        assert np.isnan(buffer).all()


@every_pass
@every_algorithm
def test_broadcast_operands(pass_name: str, algorithm: str) -> None:
    """Strides of zero on single axes and on all of them."""
    problem = layer((5, 18), (3, 2), (4, 17), batch=2, stride=(1, 2), padding=1)
    data = operands.integers(problem, seed=3)
    for axes in ((0,), (1,), (2,), (3,), (2, 3), (0, 1, 2, 3)):
        repeated = Operands(*(constant_along(a, axes) if a.ndim == 4 else a for a in data))
        exact = expected.by_matrices(repeated, problem)
        got = run(pass_name, repeated, problem, algorithm=algorithm)
        np.testing.assert_array_equal(got, getattr(exact, pass_name))


@pytest.mark.parametrize("step", [1, 2, -1, -3, 0])
def test_bias_strides(step: int) -> None:
    """A sliced, reversed or repeated bias."""
    problem = CASES["channels-15-to-17"]
    data, _ = expected.of_integers(problem)
    numbers = np.arange(1.0, 1 + 17 * 3)
    bias = np.broadcast_to(numbers[:1], 17) if step == 0 else numbers[::step][:17]
    got = cg.forward(data.V, data.K, bias, **problem.options)
    without = cg.forward(data.V, data.K, **problem.options)
    np.testing.assert_array_equal(got - without, np.broadcast_to(bias[:, None, None], got.shape[1:])[None])


@every_pass
def test_output_that_shares_a_buffer_without_overlapping(pass_name: str) -> None:
    """`out` takes the odd elements and the operands the even ones of one buffer."""
    problem = layer((6, 8), (3, 3), (4, 4), padding=1)
    data, exact = expected.of_integers(problem)
    for slot in SLOTS:
        operand = getattr(data, slot)
        shape = tuple(map(max, operand.shape, result_shape(pass_name, problem)))
        buffer = np.full((*shape, 2), np.nan)
        even = buffer[tuple(map(slice, operand.shape))][..., 0]
        odd = buffer[tuple(map(slice, result_shape(pass_name, problem)))][..., 1]
        even[...] = operand
        run(pass_name, data._replace(**{slot: even}), problem, out=odd)
        np.testing.assert_array_equal(odd, getattr(exact, pass_name))
        np.testing.assert_array_equal(even, operand)


@every_pass
def test_operands_are_not_written(pass_name: str) -> None:
    """Read-only operands are accepted."""
    problem = CASES["batch-2"]
    data, exact = expected.of_integers(problem)
    frozen = Operands(*(array.copy() for array in data))
    for array in frozen:
        array.flags.writeable = False
    np.testing.assert_array_equal(run(pass_name, frozen, problem), getattr(exact, pass_name))


def test_subclasses_are_read_as_plain_arrays() -> None:
    class Tagged(np.ndarray):
        pass

    problem = CASES["batch-2"]
    data, exact = expected.of_integers(problem)
    got = run("forward", Operands(*(array.view(Tagged) for array in data)), problem)
    assert type(got) is np.ndarray
    np.testing.assert_array_equal(got, exact.forward)


@every_pass
@every_algorithm
def test_unbatched(pass_name: str, algorithm: str) -> None:
    """Without the batch axis in, without it out, and the same numbers."""
    for name in ("stride-2", "1d-stride", "3d-stride", "depthwise"):
        problem = CASES[name]
        data = expected.of_normals(problem)[0]
        (V,), (G,) = data.V, data.G
        unbatched = run(pass_name, data._replace(V=V, G=G), problem, algorithm=algorithm)
        batched = run(pass_name, data, problem, algorithm=algorithm)
        np.testing.assert_array_equal(unbatched, batched if pass_name == "grad_kernel" else batched[0])
        assert unbatched.ndim == problem.spatial_rank + (2 if pass_name == "grad_kernel" else 1)

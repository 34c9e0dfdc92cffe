"""The bits of results are those written down in bits/, with every kernel set that this processor can run."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("bench", reason="the benchmark's layers are part of the repository, not of the package")

import bits
import bits_layers
import bits_probe
from bits import COLUMNS, Found, Hashes, Record, UndecidedError
from bits_layers import CHANNEL_STEP, MOST_MULTIPLICATIONS
from convgrad import _core
from problem import Problem, layer


@pytest.mark.parametrize("isa", _core.built_isas())
def test_bits_are_those_recorded(isa: str) -> None:
    if isa not in _core.supported_isas():
        pytest.skip("this processor cannot run it")
    lines = bits.compare([bits.compute(isa)])
    assert not lines, bits.report(lines)


def test_records_are_of_this_version_and_of_the_same_layers() -> None:
    fused, unfused = (Record.load(bits.record_file(fused)) for fused in (True, False))
    assert fused.bits_version == unfused.bits_version == _core.bits_version()
    assert list(fused.layers) == list(unfused.layers) == list(bits_layers.all_layers())
    assert all(len(row) == len(COLUMNS) for row in (*fused.layers.values(), *unfused.layers.values()))


# What follows is about the comparison itself, which must not pass whatever the library gives.

SMALL: dict[str, Problem] = {bits_layers.describe(problem): problem for problem in (layer((3, 3), (2, 2)),)}
NAME = "1,1,3x3 -> 1, 2x2"


@pytest.fixture
def recorded() -> Hashes:
    return {name: bits_probe.hashes_of(problem, "contiguous") for name, problem in SMALL.items()}


def changed(hashes: Hashes, name: str = NAME, column: str = COLUMNS[0]) -> Hashes:
    other = copy.deepcopy(hashes)
    other[name][COLUMNS.index(column)] = "0" * bits_probe.HASH_DIGITS
    return other


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("byte", [0, -1])
@pytest.mark.parametrize("bit", [0, 7])
def test_every_bit_shows_in_the_hash(dtype: str, byte: int, bit: int) -> None:
    result = bits_probe.numbers((2, 3, 4), 1, dtype)
    other = result.copy()
    other.reshape(-1).view(np.uint8)[byte] ^= 1 << bit
    assert bits_probe.hash_of(other) != bits_probe.hash_of(result)
    assert bits_probe.hash_of(np.asfortranarray(result)) == bits_probe.hash_of(result)


def test_the_sign_of_a_zero_shows_in_the_hash() -> None:
    assert bits_probe.hash_of(np.zeros(3)) != bits_probe.hash_of(-np.zeros(3))


@pytest.mark.parametrize("column", COLUMNS)
def test_a_flipped_bit_is_named(column: str, recorded: Hashes, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the result to the report, as if the library gave it."""
    usual = bits_probe.compute

    def flipped(result: str, data: bits_probe.Operands, *rest: object) -> bits_probe.FloatArray:
        array = usual(result, data, *rest)
        if column == f"{array.dtype} {result}":
            array.reshape(-1).view(np.uint8)[-3] ^= 1
        return array

    monkeypatch.setattr(bits_probe, "compute", flipped)
    found = {"NCHW": {name: bits_probe.hashes_of(problem, "contiguous") for name, problem in SMALL.items()}}
    assert bits.differences(recorded, found) == [f"{NAME}: {column}, NCHW"]


def test_only_the_setting_that_differs_is_named(recorded: Hashes) -> None:
    assert bits.differences(recorded, {"NCHW": recorded, "NHWC": recorded}) == []
    lines = bits.differences(recorded, {"NCHW": recorded, "NHWC": changed(recorded, column="float64 grad_bias")})
    assert lines == [f"{NAME}: float64 grad_bias, NHWC"]


def test_layers_of_one_side_alone_are_differences(recorded: Hashes) -> None:
    more = {**recorded, "another": recorded[NAME]}
    assert bits.differences(recorded, {"NCHW": more, "NHWC": recorded}) == ["another: not recorded"]
    assert bits.differences(more, {"NCHW": recorded}) == ["another: recorded, but no longer in bits_layers.py"]


def test_report_names_the_first_and_says_what_to_do() -> None:
    text = bits.report([f"line {i}" for i in range(1000)])
    assert text.startswith("Differences from the bits recorded: 1000\n")
    assert "line 19\n... and 980 more\n" in text
    assert "python tests/bits.py --write" in text
    assert "bits_version" in text
    assert "more" not in bits.report(["one", "two"]).split("\n")[3]


def test_other_bits_are_not_written_under_the_same_number(recorded: Hashes, tmp_path: Path) -> None:
    found, other = (Found(True, {"NCHW": hashes}) for hashes in (recorded, changed(recorded)))
    assert bits.write([found], 1, tmp_path) == [tmp_path / "fused.json"]
    assert bits.compare([found], tmp_path) == []
    with pytest.raises(UndecidedError, match="recorded: 1\n"):
        bits.write([other], 1, tmp_path)
    assert bits.compare([other], tmp_path) == [f"{NAME}: {COLUMNS[0]}, NCHW"]
    bits.write([other], 2, tmp_path)
    assert bits.compare([other], tmp_path) == []
    assert Record.load(tmp_path / "fused.json").bits_version == 2


def test_layers_may_come_and_go(recorded: Hashes, tmp_path: Path) -> None:
    for layers in (recorded, {**recorded, "another": recorded[NAME]}, {"another": recorded[NAME]}):
        bits.write([Found(False, {"NCHW": layers})], 1, tmp_path)
        assert Record.load(tmp_path / "unfused.json").layers == layers


def test_bits_that_depend_on_the_layout_are_not_written(recorded: Hashes, tmp_path: Path) -> None:
    found = Found(True, {"NCHW": recorded, "NHWC": changed(recorded)})
    with pytest.raises(UndecidedError, match="NHWC"):
        bits.write([found], 1, tmp_path)
    assert not list(tmp_path.iterdir())


# The operands and the layers.


FIRST_NUMBERS = [
    [-0.1833019256591797, 0.6434158086776733, -0.36385202407836914],
    [-0.18330183625221252, 0.6434159157797694, -0.36385194305330515],
]


def test_numbers_never_change() -> None:
    first = [bits_probe.numbers((3,), 1, dtype).tolist() for dtype in ("float32", "float64")]
    assert first == FIRST_NUMBERS


def test_numbers_are_spread_over_their_interval() -> None:
    for dtype in ("float32", "float64"):
        for seed in range(1, 5):
            many = bits_probe.numbers((100, 1000), seed, dtype)
            assert many.dtype == dtype
            assert -1 <= many.min() < -0.999
            assert 0.999 < many.max() < 1
            assert abs(many.mean()) < 0.01
            assert abs(many.var() - 1 / 3) < 0.01
    assert (bits_probe.numbers((7, 11), 1, "float64").reshape(-1) == bits_probe.numbers((77,), 1, "float64")).all()


def test_layers_fit_and_are_many() -> None:
    layers = bits_layers.all_layers()
    assert len(layers) > 800
    for name, problem in layers.items():
        assert problem.multiplications <= 1.25 * MOST_MULTIPLICATIONS, name
        assert min(problem.output_size) >= 1, name


@pytest.mark.parametrize(
    "large",
    [
        layer((56, 57), (3, 3), (64, 64), batch=4, padding=1),
        layer((57, 56), (7, 7), (3, 64), stride=2, padding=3),
        layer((14, 14), (3, 3), (200, 900), padding=1),
        layer((112, 112), (3, 3), (728, 728), groups=728, padding=1),
        layer((28, 28), (3, 3), (2400, 4800), groups=100, padding=1),
        layer((33, 33), (3, 3), (256, 256), padding=6, dilation=6),
        layer((20_000,), (10,), (1, 512), stride=5),
        layer((8, 28, 28), (3, 3, 3), (128, 256), padding=((1, 0), (0, 2), (1, 1))),
    ],
    ids=bits_layers.describe,
)
def test_cut_layers_are_of_the_same_kind(large: Problem) -> None:
    small = bits_layers.cut(large)
    assert small.multiplications <= MOST_MULTIPLICATIONS < large.multiplications
    channels = {name: getattr(small, name) for name in ("batch", "in_channels", "out_channels", "groups")}
    assert replace(large, input_size=small.input_size, **channels) == small
    assert math.prod(small.output_size) >= bits_layers.FEW_PIXELS // 2
    for axis, stride in enumerate(large.stride):
        assert (large.input_size[axis] - small.input_size[axis]) % stride == 0
    if large.groups == 1:
        assert (large.in_channels - small.in_channels) % CHANNEL_STEP == 0
        assert (large.out_channels - small.out_channels) % CHANNEL_STEP == 0
    else:
        assert small.groups > 1
        assert small.kernel_shape[1:] == large.kernel_shape[1:]
        assert small.out_channels * large.groups == large.out_channels * small.groups


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (layer((3, 3), (2, 2)), "1,1,3x3 -> 1, 2x2"),
        (
            layer((9, 8), (3, 3), (2, 4), batch=5, groups=2, stride=(3, 1), padding=1),
            "5,2,9x8 -> 4, 3x3 s3x1 p1, 2 groups",
        ),
        (layer((20,), (4,), (3, 5), padding=((1, 2),), dilation=4), "1,3,20 -> 5, 4 p1:2 d4"),
        (layer((5, 6), (3, 3), padding=((0, 1), (2, 2))), "1,1,5x6 -> 1, 3x3 p0:1x2"),
    ],
)
def test_descriptions(problem: Problem, text: str) -> None:
    assert bits_layers.describe(problem) == text

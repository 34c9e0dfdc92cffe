"""Layers beyond plain loops, for what only they reach: many tiles, several blocks of channels, taps and pixels, tails.

Whole numbers, so the results are exact however the library cuts the sums.
"""

from __future__ import annotations

import numpy as np
import pytest

import by_taps
import convgrad as cg
import expected
import operands
from expected import PASSES
from passes import DTYPES, run
from problem import Problem, layer
from sweeps import SWEEPS

LAYERS = {
    "mnist": layer((28, 28), (5, 5), (1, 32), batch=8),
    "cifar": layer((32, 32), (3, 3), (32, 64), batch=2, padding=1),
    "resnet-conv1": layer((112, 112), (7, 7), (3, 64), stride=2, padding=3),
    "resnet-56": layer((56, 56), (3, 3), (64, 64), padding=1),
    "resnet-stride-2": layer((29, 28), (3, 3), (96, 130), stride=2, padding=1),
    "resnet-14": layer((14, 14), (3, 3), (256, 256), batch=2, padding=1),
    "resnet-7": layer((7, 7), (3, 3), (512, 512), batch=3, padding=1),
    "resnet-1x1": layer((14, 14), (1, 1), (1024, 257), batch=2),
    "resnet-1x1-stride-2": layer((28, 28), (1, 1), (256, 520), stride=2),
    "bottleneck": layer((23, 25), (1, 1), (300, 41), batch=2),
    "bottleneck-widened": layer((22, 26), (1, 1), (60, 530)),
    "bottleneck-every-other-row": layer((45, 25), (1, 1), (300, 41), stride=(2, 1)),
    "bottleneck-groups": layer((1000,), (1,), (600, 100), groups=2),
    "wide-row": layer((3, 2000), (3, 3), (4, 20), padding=1),
    "tall-column": layer((2000, 3), (3, 3), (4, 20), padding=1),
    "long-1d": layer((50_001,), (5,), (3, 17), padding=2),
    "audio-1d": layer((16_000,), (400,), (1, 40), stride=160),
    "inception": layer((35, 35), (5, 5), (48, 64), padding=2),
    "aspp": layer((33, 33), (3, 3), (100, 70), dilation=6, padding=6),
    "dilation-stride": layer((40, 41), (3, 3), (40, 33), dilation=4, stride=6, padding=5),
    "inception-7x1": layer((17, 17), (7, 1), (64, 70), padding=(3, 0), batch=3),
    "mostly-border": layer((3, 4, 20), (3, 3, 3), (40, 40), padding=(2, 1, 1), batch=2),
    "mobilenet-depthwise": layer((28, 28), (3, 3), (144, 144), groups=144, padding=1, batch=2),
    "convnext-depthwise": layer((28, 28), (7, 7), (48, 48), groups=48, padding=3),
    "resnext-groups": layer((28, 28), (3, 3), (128, 128), groups=32, padding=1, batch=2),
    "large-kernel": layer((64, 64), (31, 31), (4, 8), padding=15),
    "video-3d": layer((8, 20, 20), (3, 3, 3), (16, 33), padding=1),
    "video-3d-stride": layer((9, 21, 20), (3, 5, 5), (3, 40), stride=(1, 2, 2), padding=(1, 2, 2)),
    "patches": layer((80, 88), (8, 8), (3, 100), stride=8, batch=2),
    "gaps": layer((91, 90), (2, 2), (40, 33), stride=3, padding=1),
    "few-channels-map": layer((150, 151), (3, 3), (1, 64)),
    "few-channels-volume": layer((6, 60, 61), (3, 3, 3), (2, 33), padding=1),
    "few-taps": layer((60, 226), (3, 3), (3, 21), batch=2),
    "few-taps-stride-2": layer((41, 513), (3, 3), (3, 12), stride=2, padding=1),
    "wav2vec": layer((20_003,), (10,), (1, 64), stride=5),
    "yolo": layer((120, 121), (3, 3), (20, 40), stride=2, padding=1),
    "one-tile-of-many-sums": layer((120, 111), (1, 1), (8, 20), stride=2),
    "one-tile-of-many-runs": layer((7_000,), (10,), (1, 150), stride=5, batch=2),
    "planes-of-a-page": layer((32, 32), (3, 3), (70, 130), padding=1),
    "planes-of-a-page-1x1": layer((32, 32), (1, 1), (70, 130)),
    "batch-of-points": layer((1, 1), (1, 1), (70, 90), batch=100),
    "batch-of-small-maps": layer((4, 4), (3, 3), (33, 65), batch=50, padding=1),
    "more-taps-than-pixels": layer((3, 3), (3, 3), (700, 40), padding=1),
}


def check(problem: Problem) -> None:
    data = operands.integers(problem)
    exact = expected.by_matrices(data, problem)
    for dtype in DTYPES:
        for pass_name in PASSES:
            got = run(pass_name, data.astype(dtype), problem)
            np.testing.assert_array_equal(got, getattr(exact, pass_name), err_msg=f"{pass_name} {dtype} {problem}")


@pytest.mark.parametrize("name", LAYERS)
def test_integers_exactly(name: str) -> None:
    check(LAYERS[name])


@pytest.mark.parametrize("family", SWEEPS)
def test_sweep(family: str) -> None:
    for problem in SWEEPS[family]():
        check(problem)


def test_stride_beyond_any_input() -> None:
    """No pass may take time that grows with the stride."""
    check(layer((5, 4), (2, 3), (3, 4), stride=2**40))
    check(layer((5,), (2,), (3, 4), stride=2**62, padding=1))


@pytest.mark.parametrize("step", [2**33, 2**60, 2**63 - 1])
def test_steps_that_nothing_takes(step: int) -> None:
    """Of any length: a stride where there is one pixel, a dilation where there is one tap."""
    check(layer((6, 7), (1, 1), (40, 50), stride=step))
    check(layer((6, 7), (1, 2), (3, 20), stride=(step, 2), dilation=(step, 3), padding=(1, 2)))
    check(layer((6, 7, 3), (2, 1, 3), (2, 3), stride=(1, step, step), dilation=(2, step, 1), padding=1))


def test_long_steps_in_memory() -> None:
    """Pixels that are gigabytes apart in memory, if they were there: only one is."""
    V = np.ones((1, 32, 4, 4), np.float32)
    far = np.lib.stride_tricks.as_strided(V, (1, 32, 1, 1), (0, 4, 2**40, 2**50))
    assert (cg.forward(far, np.ones((3, 32, 1, 1), np.float32)) == 32).all()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("size", "kernel", "channels"),
    [
        ((1,), 7, (1641, 1)),
        ((1,), 7, (1682, 3)),
        ((2,), 3, (21171, 3)),
        ((3,), 3, (9001, 20)),
        ((3, 2), 3, (4001, 2)),
        ((2,), 40_001, (1, 2)),
    ],
    ids=str,
)
def test_many_taps_under_tiny_images(
    size: tuple[int, ...], kernel: int, channels: tuple[int, int], threads: int
) -> None:
    """Vectors hold pixels of several images, and blocks of taps of different sizes follow one another."""
    cg.set_num_threads(threads)
    images = 450 if len(size) == 1 and kernel < 100 else 60
    problem = layer(size, (kernel,) * len(size), channels, batch=images, padding=kernel // 2)
    data = operands.integers(problem).astype("float32")
    exact = by_taps.forward(data.V, data.K, data.bias, problem) if kernel < 100 else None
    if exact is None:  # the one tap that meets each pair of positions
        middle = kernel // 2
        V, K = data.V[:, 0].astype(float), data.K[:, 0].astype(float)
        at = [[K[:, middle + v - z] for v in range(size[0])] for z in range(size[0])]
        exact = np.stack([sum(V[:, v, None] * at[z][v] for v in range(size[0])) for z in range(size[0])], -1)
        exact = exact + data.bias[:, None]
    np.testing.assert_array_equal(run("forward", data, problem), exact)


def test_dilation_and_padding_beyond_any_input() -> None:
    """One tap on the input, all others far out on the padding."""
    check(layer((5,), (2,), (3, 4), dilation=1000, padding=((1000, 0),)))

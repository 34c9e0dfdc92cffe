"""The layers whose bits are written down: real ones cut to small maps, the hand-picked ones, and families of sizes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

from bench import networks
from bench.layers import ENTRIES
from cases import CASES
from convgrad._bench.layers import Layer
from problem import Problem, layer

# Larger layers are cut to this many multiplications, so that all of them together take seconds.
MOST_MULTIPLICATIONS = 4_000_000
# Maps are halved down to this many pixels; then images and channels have to give way.
FEW_PIXELS = 16
FEW_IMAGES = 2
# Panels are 8 to 48 channels wide. Channels are left out by so many that the last, narrower panel stays as it was.
CHANNEL_STEP = 96
CHANNEL_PARTS = 32


def all_layers() -> dict[str, Problem]:
    """Every layer once, by its sizes in short notation."""
    problems = itertools.chain(CASES.values(), *(family() for family in FAMILIES), real_layers())
    return {describe(problem): problem for problem in problems}


def describe(problem: Problem) -> str:
    """Sizes as the benchmark writes them, padding before and after where it differs: `4,64,7x7 -> 64, 3x3 s2 p0:1`."""
    sizes = f"{problem.batch},{problem.in_channels},{_times(problem.input_size)}"
    text = f"{sizes} -> {problem.out_channels}, {_times(problem.kernel_size)}"
    zeros = tuple(before if before == after else f"{before}:{after}" for before, after in problem.padding)
    for letter, values, default in (("s", problem.stride, 1), ("p", zeros, 0), ("d", problem.dilation, 1)):
        if any(value != default for value in values):
            text += f" {letter}{values[0] if len(set(values)) == 1 else _times(values)}"
    return text if problem.groups == 1 else f"{text}, {problem.groups} groups"


def _times(sizes: Iterable[object]) -> str:
    return "x".join(map(str, sizes))


def real_layers() -> Iterator[Problem]:
    """Those of the benchmark and of whole networks, cut."""
    uses = itertools.chain.from_iterable(networks.load().values())
    for known in (*(entry.layer for entry in ENTRIES), *(use.layer for use in uses)):
        yield cut(_from_benchmark(known))


def _from_benchmark(known: Layer) -> Problem:
    return layer(
        known.input_size,
        known.kernel_size,
        (known.in_channels, known.out_channels),
        batch=known.batch,
        groups=known.groups,
        stride=known.stride,
        padding=known.padding,
        dilation=known.dilation,
    )


def cut(problem: Problem) -> Problem:
    """A layer of the same kind with no more than MOST_MULTIPLICATIONS: smaller maps, then fewer images and channels."""
    for smaller in (_with_smaller_map, _with_fewer_images, _with_fewer_groups, _with_fewer_channels):
        if problem.multiplications > MOST_MULTIPLICATIONS:
            problem = smaller(problem)
    return problem


def _with_smaller_map(problem: Problem) -> Problem:
    """Halves the longest axis of the output; what the last window leaves of the input stays."""
    while problem.multiplications > MOST_MULTIPLICATIONS and math.prod(problem.output_size) > FEW_PIXELS:
        size, output = list(problem.input_size), problem.output_size
        longest = output.index(max(output))
        size[longest] -= output[longest] // 2 * problem.stride[longest]
        problem = replace(problem, input_size=tuple(size))
    return problem


def _with_fewer_images(problem: Problem) -> Problem:
    while problem.multiplications > MOST_MULTIPLICATIONS and problem.batch > FEW_IMAGES:
        problem = replace(problem, batch=problem.batch // 2)
    return problem


def _with_fewer_groups(problem: Problem) -> Problem:
    if problem.groups == 1:
        return problem
    groups = max(2, problem.groups * MOST_MULTIPLICATIONS // problem.multiplications)
    in_channels, out_channels = (n // problem.groups * groups for n in (problem.in_channels, problem.out_channels))
    return replace(problem, groups=groups, in_channels=in_channels, out_channels=out_channels)


def _with_fewer_channels(problem: Problem) -> Problem:
    """In about the same ratio."""
    fewer, part = problem, CHANNEL_PARTS
    while problem.groups == 1 and fewer.multiplications > MOST_MULTIPLICATIONS and part > 0:
        part -= 1
        in_channels, out_channels = _part(problem.in_channels, part), _part(problem.out_channels, part)
        fewer = replace(problem, in_channels=in_channels, out_channels=out_channels)
    return fewer


def _part(channels: int, part: int) -> int:
    steps = (channels - 1) // CHANNEL_STEP
    return channels - (steps - steps * part // CHANNEL_PARTS) * CHANNEL_STEP


def strides_and_dilations() -> Iterator[Problem]:
    """Unequal strides, and dilations that share a factor with the stride and that do not."""
    for stride in itertools.product(range(1, 5), repeat=2):
        if stride[0] != stride[1]:
            yield layer((23, 26), (3, 4), (6, 20), stride=stride, padding=(1, 2), batch=2)
    for stride, dilation in ((2, 2), (2, 3), (2, 4), (3, 2), (3, 3), (4, 2), (4, 3), (4, 6), (1, 5)):
        yield layer((27, 30), (3, 3), (7, 24), stride=stride, dilation=dilation, padding=3)
    for stride, dilation in (((1, 2), (2, 1)), ((2, 3), (4, 3)), ((3, 1), (1, 3)), ((4, 2), (6, 5))):
        yield layer((25, 28), (2, 3), (18, 5), stride=stride, dilation=dilation, padding=(4, 1), batch=2)
    # Whose grad_input is made residue by residue: few output channels, many taps, few or very many pixels.
    for kernel, stride in ((5, 1), (7, 2), (11, 3), (13, (4, 3))):
        yield layer((30, 37), (kernel, kernel), (20, 4), stride=stride, padding=kernel // 2)
    yield layer((60, 63), (47, 46), (1, 2), stride=(2, 1))
    yield layer((70_001,), (5,), (2, 6), stride=2, padding=2)
    yield layer((5, 6), (2, 2), (20, 9), stride=(7, 5), padding=1, batch=2)


def groups() -> Iterator[Problem]:
    """1 to 16 channels in a group, also where a group's outputs are more or fewer."""
    for channels in (1, 2, 3, 4, 8, 16):
        for kernel, stride in ((3, 1), (3, 2), (5, 1)):
            both = (5 * channels, 5 * channels)
            yield layer((9, 13), (kernel, kernel), both, groups=5, stride=stride, padding=kernel // 2)
    for in_channels, out_channels in ((1, 2), (2, 1), (1, 6), (3, 4), (4, 16), (16, 4), (8, 1), (24, 20)):
        yield layer((7, 19), (3, 3), (3 * in_channels, 3 * out_channels), groups=3, padding=1, batch=2)
    yield layer((12, 33), (1, 1), (32, 48), groups=8)


def channel_tails() -> Iterator[Problem]:
    """Channels around whole vectors and panels, on either side."""
    counts = (7, 9, 15, 17, 31, 33, 47, 49)
    for first, second in zip(counts, (*counts[3:], *counts[:3]), strict=True):
        yield layer((6, 13), (3, 3), (first, second), padding=1)
        yield layer((9, 11), (1, 1), (second, first), batch=2)
    for channels in (16, 32, 48, 64):
        yield layer((5, 18), (3, 2), (channels, 112 - channels), padding=(1, 0))


def few_channels() -> Iterator[Problem]:
    """1 to 8 channels on one side or on both, and maps of many pixels."""
    for channels in range(1, 9):
        yield layer((40, 57), (3, 3), (channels, 20), padding=1)
        yield layer((57, 40), (3, 3), (20, channels), padding=1)
        yield layer((61, 70), (1, 1), (60, channels))
        yield layer((41, 66), (5, 5), (channels, 9 - channels), padding=2, batch=2)
    yield layer((30, 41), (7, 7), (3, 20), padding=3)
    yield layer((26, 33), (9, 9), (2, 24), padding=((4, 0), (4, 3)))
    yield layer((80, 81), (7, 7), (3, 16), stride=2, padding=3)
    yield layer((150, 149), (3, 3), (1, 1))


def batches_of_small_maps() -> Iterator[Problem]:
    """Maps of 7x7 and 14x14, several of which a block takes together."""
    for channels in ((47, 48), (20, 96), (96, 20), (33, 65)):
        yield layer((7, 7), (3, 3), channels, batch=4, padding=1)
    for channels in ((120, 160), (300, 40), (40, 300), (17, 200)):
        yield layer((7, 7), (1, 1), channels, batch=4)
        yield layer((14, 14), (1, 1), (channels[0] // 2, channels[1] // 2), batch=4)
    yield layer((14, 14), (3, 3), (24, 30), batch=3, padding=1)
    yield layer((14, 14), (1, 1), (96, 144), batch=3, stride=2)
    yield layer((7, 7), (5, 5), (24, 26), batch=5, padding=2)
    yield layer((7, 7), (3, 3), (120, 120), batch=4, groups=120, padding=1)
    yield layer((7, 7), (7, 7), (64, 64), batch=4, groups=64, padding=3)
    yield layer((14, 14), (3, 3), (64, 64), batch=3, groups=16, padding=1)
    yield layer((4, 4), (3, 3), (64, 70), batch=9, stride=2, padding=1)


def maps_of_length_one() -> Iterator[Problem]:
    """One pixel, or one row or column of them, as behind a global mean."""
    yield layer((1,), (1,), (5, 7), batch=3)
    yield layer((1, 1), (1, 1), (200, 100), batch=5)
    yield layer((1, 1), (1, 1), (40, 10))
    yield layer((1, 1), (3, 3), (30, 50), padding=1, batch=2)
    yield layer((1, 60), (3, 3), (12, 20), padding=1)
    yield layer((60, 1), (3, 3), (12, 20), padding=1)
    yield layer((1, 9, 10), (1, 3, 3), (8, 20), padding=(0, 1, 1))
    yield layer((7, 7), (7, 7), (32, 50), batch=4)


def kernels_larger_than_the_image() -> Iterator[Problem]:
    """Most of their taps lie on padding."""
    yield layer((3, 4), (7, 9), (10, 20), padding=4)
    yield layer((5, 5), (11, 11), (6, 9), padding=5, batch=2)
    yield layer((10,), (31,), (16, 24), padding=15)
    yield layer((7, 7), (13, 13), (20, 20), groups=20, padding=6, batch=2)
    yield layer((8, 9), (31, 31), (2, 3), padding=15)
    yield layer((2, 3), (5, 6), (9, 17), padding=((2, 5), (4, 3)), stride=(1, 2))
    yield layer((2, 3, 3), (3, 5, 7), (4, 20), padding=(2, 3, 3))


def asymmetric_padding() -> Iterator[Problem]:
    """More zeros on one side than on the other."""
    for (before, after), stride in itertools.product(((0, 1), (2, 0), (1, 3)), (1, 2)):
        yield layer((15, 18), (3, 3), (12, 24), padding=((before, after), (after, before)), stride=stride)
    yield layer((13, 30), (4, 4), (5, 16), padding=((1, 2), (2, 1)))
    yield layer((13, 30), (2, 2), (24, 3), padding=((0, 1), (0, 1)), batch=2)
    yield layer((200,), (4,), (8, 12), padding=((3, 0),))


def rows() -> Iterator[Problem]:
    """One spatial axis, long."""
    yield layer((5003,), (3,), (1, 20), padding=1)
    yield layer((1500,), (3,), (20, 33), padding=1)
    yield layer((1200,), (2,), (32, 40), dilation=64)
    yield layer((4001,), (10,), (1, 64), stride=5)
    yield layer((801,), (3,), (48, 64), stride=2)
    yield layer((3000,), (7,), (12, 12), groups=12, padding=3, batch=2)
    yield layer((2500,), (1,), (24, 40))
    yield layer((9000,), (127,), (1, 1))
    yield layer((900,), (5,), (64, 2), dilation=3, padding=6)
    yield layer((60_000,), (3,), (2, 5), dilation=29_000)


def volumes() -> Iterator[Problem]:
    """Three spatial axes."""
    yield layer((4, 10, 14), (3, 3, 3), (8, 24), padding=1)
    yield layer((3, 7, 7), (3, 3, 3), (24, 20), padding=1, batch=2)
    yield layer((6, 12, 13), (3, 3, 3), (3, 16), stride=(1, 2, 2), padding=1)
    yield layer((5, 11, 12), (1, 3, 3), (16, 20), stride=(2, 1, 3), padding=(0, 1, 1))
    yield layer((8, 9, 10), (3, 1, 1), (20, 17), padding=(1, 0, 0))
    yield layer((7, 9, 20), (2, 3, 3), (6, 9), dilation=(3, 2, 1), stride=(2, 2, 1), padding=1)
    yield layer((4, 8, 30), (3, 5, 5), (24, 24), groups=24, padding=(1, 2, 2))
    yield layer((4, 14, 14), (1, 1, 1), (40, 72))


FAMILIES = (
    strides_and_dilations,
    groups,
    channel_tails,
    few_channels,
    batches_of_small_maps,
    maps_of_length_one,
    kernels_larger_than_the_image,
    asymmetric_padding,
    rows,
    volumes,
)

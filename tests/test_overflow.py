"""Sizes beyond what can be counted or held: ValueError or MemoryError, never a crash or a wrong small result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import convgrad as cg
from subprocesses import assert_succeeds

ONE = np.ones((1, 1, 1, 1))
ROW = np.ones((1, 1, 1))
HUGE = 2**62
BEYOND = 2**70  # does not fit into any integer of C++

TOO_LARGE: dict[str, tuple[Callable[[], object], str]] = {
    "padding": (lambda: cg.forward(ONE, ONE, padding=HUGE), "padding"),
    "padding-sum": (lambda: cg.forward(ROW, ROW, padding=((2**63 - 1, 2**63 - 1),)), "padding"),
    "padding-beyond": (lambda: cg.forward(ROW, ROW, padding=BEYOND), "padding"),
    "padding-beyond-negative": (lambda: cg.forward(ROW, ROW, padding=-BEYOND), "padding"),
    "dilation": (lambda: cg.forward(ROW, np.ones((1, 1, 3)), dilation=HUGE), ""),
    "dilation-wraps-to-one": (lambda: cg.forward(np.ones((1, 1, 5)), np.ones((1, 1, 5)), dilation=HUGE), ""),
    "dilation-beyond": (lambda: cg.forward(ROW, ROW, dilation=BEYOND), "dilation"),
    "stride-beyond": (lambda: cg.forward(ROW, ROW, stride=BEYOND), "stride"),
    "stride-beyond-negative": (lambda: cg.forward(ROW, ROW, stride=-BEYOND), "stride"),
    "groups-beyond": (lambda: cg.forward(ROW, ROW, groups=BEYOND), "groups"),
    "groups-times-channels": (lambda: cg.grad_input(ROW, np.ones((1, 4, 1)), 1, groups=HUGE), "groups"),
    "kernel-size": (lambda: cg.grad_kernel(ONE, ONE, HUGE, padding=HUGE), ""),
    "kernel-size-beyond": (lambda: cg.grad_kernel(ROW, ROW, BEYOND), "kernel_size"),
    "input-size": (lambda: cg.grad_input(ONE, ONE, (HUGE, HUGE), stride=HUGE), ""),
    "input-size-beyond": (lambda: cg.grad_input(ROW, ROW, BEYOND), "input_size"),
    "full": (lambda: cg.grad_input(ROW, ROW, HUGE, padding="full", dilation=HUGE), ""),
    "same": (lambda: cg.grad_kernel(ROW, ROW, HUGE, padding="same", dilation=HUGE), ""),
    "output-count": (lambda: cg.forward(np.ones((1, 1, 1, 1, 1)), np.ones((1, 1, 1, 1, 1)), padding=2**30), ""),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_uncountable_sizes_are_value_errors(name: str) -> None:
    call, argument = TOO_LARGE[name]
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call()
    assert type(caught.value) is ValueError
    assert argument in str(caught.value)
    assert str(caught.value)


@pytest.mark.parametrize("pass_name", ["forward", "grad_kernel", "grad_input"])
@pytest.mark.parametrize(
    ("input_shape", "kernel_shape", "options"),
    [
        ((1, 2**40, 2**40, 2**40), (1, 2**40, 1, 1), {}),
        ((2**40, 1, 2**40, 1), (1, 1, 1, 1), {}),
        ((1, 1, 2**40, 2**40), (2**20, 1, 1, 1), {}),
        ((1, 2**32, 8), (2**32, 2**32, 8), {}),
        ((1, 1, 2**31, 2**31), (1, 1, 1, 1), {}),
        ((1, 1, HUGE), (1, 1, HUGE), {}),
        ((1, 1, 8), (1, 1, 8), {"dilation": HUGE}),
        ((1, 1, 8), (1, 1, 8), {"padding": HUGE}),
        ((BEYOND, 1, 8), (1, 1, 8), {}),
        ((1, 1, 8), (BEYOND, 1, 8), {}),
    ],
    ids=repr,
)
def test_plan_of_uncountable_sizes(pass_name: Any, input_shape: Any, kernel_shape: Any, options: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        cg.plan(pass_name, input_shape, kernel_shape, **options)


def test_results_beyond_the_address_space_are_memory_errors() -> None:
    """2^48 bytes each; the operands are one number repeated."""
    large = np.broadcast_to(np.float32(1), (1, 2**46))
    kernel = np.ones((1, 1, 1), np.float32)
    with pytest.raises(MemoryError):
        cg.forward(large, kernel)
    with pytest.raises(MemoryError):
        cg.grad_input(large, kernel, 2**46)
    with pytest.raises(MemoryError):
        cg.grad_kernel(np.ones((1, 1), np.float32), large, 2**46)


SHORT_OF_MEMORY = """
import resource
import convgrad as cg, numpy as np
cg.set_num_threads(64)
V, G = (np.ones((1, channels, 3, 3), np.float32) for channels in (4096, 4096))
K = np.broadcast_to(np.float32(1), (4096, 4096, 3, 3))
out = np.full((1, 4096, 3, 3), 7, np.float32)
cg.forward(V[:, :8], K[:8, :8], padding=1)
for name in ("forward", "grad_input"):
    assert cg.plan(name, V.shape, K.shape, padding=1).workspace_bytes > 2**20
in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + 2**19, in_use + 2**19))
for call in (
    lambda: cg.forward(V, K, padding=1, out=out),
    lambda: cg.grad_input(G, K, 3, padding=1, out=out),
):
    try:
        call()
    except MemoryError as error:
        assert any(character.isdigit() for character in str(error)), error
    else:
        raise AssertionError("no MemoryError")
    assert (out == 7).all()
print("ok")
"""


def test_workspace_that_cannot_be_had_is_a_memory_error() -> None:
    """A process that may take half a mebibyte more asks for a workspace of more than one."""
    pytest.importorskip("resource")
    assert assert_succeeds("-c", SHORT_OF_MEMORY).strip() == "ok"

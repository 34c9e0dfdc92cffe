"""The same results as PyTorch, where it is installed, on layers of well-known networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import operands
from bound import assert_within_bound, term_count
from cases import CASES
from expected import PASSES, Expected
from operands import Operands
from passes import run
from problem import Problem, layer

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")

LAYERS: dict[str, Problem] = {
    "mnist": layer((28, 28), (5, 5), (1, 32), batch=4),
    "cifar": layer((32, 32), (3, 3), (32, 64), batch=2, padding=1),
    "resnet-conv1": layer((112, 112), (7, 7), (3, 64), stride=2, padding=3),
    "resnet-56": layer((56, 56), (3, 3), (64, 64), padding=1),
    "resnet-stride-2": layer((28, 28), (3, 3), (128, 128), stride=2, padding=1),
    "resnet-7": layer((7, 7), (3, 3), (256, 256), batch=2, padding=1),
    "resnet-1x1-stride-2": layer((28, 28), (1, 1), (256, 128), stride=2),
    "inception-1x7": layer((17, 17), (1, 7), (64, 96), padding=(0, 3)),
    "aspp": layer((33, 33), (3, 3), (64, 64), dilation=6, padding=6),
    "mobilenet-depthwise": layer((28, 28), (3, 3), (144, 144), groups=144, padding=1),
    "resnext": layer((28, 28), (3, 3), (128, 128), groups=32, padding=1),
    "audio": layer((8000,), (80,), (1, 32), stride=4, batch=2),
    "video": layer((8, 14, 14), (3, 3, 3), (16, 32), padding=1),
    **{name: case for name, case in CASES.items() if 0 not in case.input_size},
}


def by_torch(data: Operands, problem: Problem) -> Expected:
    """The three passes of PyTorch in float64."""
    V, K = (torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in (data.V, data.K))
    border = [amount for pair in reversed(problem.padding) for amount in pair]
    convolve: Any = (torch.conv1d, torch.conv2d, torch.conv3d)[problem.spatial_rank - 1]
    padded = torch.nn.functional.pad(V, border)
    bias = torch.tensor(data.bias, dtype=torch.float64)
    Z = convolve(padded, K, bias, problem.stride, 0, problem.dilation, problem.groups)
    dK, dV = torch.autograd.grad(Z, (K, V), torch.tensor(data.G, dtype=torch.float64))
    return Expected(Z.detach().numpy(), dK.numpy(), dV.numpy())


@pytest.mark.parametrize("name", LAYERS)
def test_float64(name: str) -> None:
    problem = LAYERS[name]
    data = operands.normals(problem, seed=5)
    theirs = by_torch(data, problem)
    for pass_name in PASSES:
        ours, other = run(pass_name, data, problem), getattr(theirs, pass_name)
        assert ours.shape == other.shape
        np.testing.assert_allclose(ours, other, rtol=0, atol=1e-12 * np.abs(other).max(), err_msg=pass_name)


@pytest.mark.parametrize("name", LAYERS)
def test_float32(name: str) -> None:
    problem = LAYERS[name]
    data = operands.normals(problem, seed=6)
    theirs, magnitude = by_torch(data, problem), by_torch(data.absolute(), problem)
    for pass_name in PASSES:
        ours = run(pass_name, data.astype("float32"), problem)
        terms = term_count(pass_name, problem)
        assert_within_bound(ours, getattr(theirs, pass_name), getattr(magnitude, pass_name), terms)

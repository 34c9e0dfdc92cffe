"""The worked example: a 3x3 input and a 2x2 kernel, every product by name and by number, against convgrad."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import convgrad

Matrix = NDArray[np.float64]
# Name of the matrix, row and column counted from 1.
Element = tuple[str, tuple[int, ...]]

V = np.arange(1.0, 10.0).reshape(3, 3)
K = np.array([[1.0, 2.0], [3.0, 4.0]])
G = np.array([[2.0, 3.0], [5.0, 7.0]])


@dataclass(frozen=True)
class Line:
    """One element of a result: the products that the equation sums, and what convgrad returned."""

    name: str
    products: tuple[tuple[Element, Element], ...]
    computed: float

    def symbols(self) -> str:
        """Write the sum with names: `K11 G12 + ...`."""
        return " + ".join(f"{_label(left)} {_label(right)}" for left, right in self.products)

    def numbers(self, matrices: dict[str, Matrix]) -> str:
        """Write the sum with numbers."""
        return " + ".join(f"{_value(left, matrices):g}·{_value(right, matrices):g}" for left, right in self.products)

    def expected(self, matrices: dict[str, Matrix]) -> float:
        """Add the products up."""
        return sum(_value(left, matrices) * _value(right, matrices) for left, right in self.products)


def forward_lines(K: Matrix, Z: Matrix) -> Iterator[Line]:
    """Equation (1): Z[j,k] = sum over m,n of V[j+m-1, k+n-1] K[m,n]."""
    for place in _places(Z):
        taps = _places(K)
        yield Line(_name("Z", place), tuple((("V", _shift(place, tap)), ("K", tap)) for tap in taps), _at(Z, place))


def grad_kernel_lines(G: Matrix, dK: Matrix) -> Iterator[Line]:
    """Equation (2): dK[k,l] = sum over m,n of G[m,n] V[m+k-1, n+l-1]."""
    for tap in _places(dK):
        pixels = _places(G)
        terms = tuple((("V", _shift(pixel, tap)), ("G", pixel)) for pixel in pixels)
        yield Line(_name("dK", tap), terms, _at(dK, tap))


def grad_input_lines(K: Matrix, G: Matrix, dV: Matrix) -> Iterator[Line]:
    """Equation (3): dV[j,k] = sum over the pixels l,n of G and the taps m,p of K with l+m-1 = j and n+p-1 = k."""
    for place in _places(dV):
        pairs = product(_places(G), _places(K))
        terms = tuple((("K", tap), ("G", pixel)) for pixel, tap in pairs if _shift(pixel, tap) == place)
        yield Line(_name("dV", place), terms, _at(dV, place))


def replay(console: Console) -> bool:
    """Print the worked example in two dimensions and in one, and compare each number with convgrad's.

    Parameters
    ----------
    console : Console
        Where to print.

    Returns
    -------
    bool
        Whether every number is exactly what the equations say.
    """
    matrices = {"V": V, "K": K, "G": G}
    image, kernel, grad_output = V[None], K[None, None], G[None]
    Z = convgrad.forward(image, kernel)[0]
    dV, dK, _ = convgrad.backward(grad_output, image, kernel)
    lines = [
        *forward_lines(K, Z),
        *grad_kernel_lines(G, dK[0, 0]),
        *grad_input_lines(K, G, dV[0]),
    ]
    console.print("V = [1 2 3; 4 5 6; 7 8 9]   K = [1 2; 3 4]   G = dJ/dZ = [2 3; 5 7]   stride 1", highlight=False)
    agreed = _print(console, lines, matrices)

    vectors = {"V": V[0], "K": K[0], "G": G[0]}
    in_one = convgrad.grad_input(vectors["G"][None], vectors["K"][None, None], 3)[0]
    console.print("In one dimension: V = [1 2 3]   K = [1 2]   G = [2 3]", highlight=False)
    return _print(console, list(grad_input_lines(vectors["K"], vectors["G"], in_one)), vectors) and agreed


def _print(console: Console, lines: list[Line], matrices: dict[str, Matrix]) -> bool:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for header in ("", "by name", "by number", "sum", "convgrad"):
        table.add_column(header, justify="right" if header in ("sum", "convgrad") else "left")
    agreed = True
    for line in lines:
        expected = line.expected(matrices)
        color = "green" if line.computed == expected else "red"
        agreed = agreed and line.computed == expected
        numbers = line.numbers(matrices)
        table.add_row(line.name, line.symbols(), numbers, f"{expected:g}", f"[{color}]{line.computed:g}[/]")
    console.print(table, highlight=False)
    return agreed


def _places(matrix: Matrix) -> list[tuple[int, ...]]:
    return list(product(*(range(1, size + 1) for size in matrix.shape)))


def _shift(place: tuple[int, ...], tap: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(first + second - 1 for first, second in zip(place, tap, strict=True))


def _name(matrix: str, place: tuple[int, ...]) -> str:
    return f"{matrix}\\[{','.join(map(str, place))}]"


def _label(element: Element) -> str:
    matrix, place = element
    return matrix + "".join(map(str, place))


def _value(element: Element, matrices: dict[str, Matrix]) -> float:
    matrix, place = element
    return _at(matrices[matrix], place)


def _at(matrix: Matrix, place: tuple[int, ...]) -> float:
    return float(matrix[tuple(index - 1 for index in place)])

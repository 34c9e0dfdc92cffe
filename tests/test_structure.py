"""What keeps csrc a place to find one's way in: short files, functions and folders, and one table of numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import lizard
import pytest

SOURCE = Path(__file__).parents[1] / "csrc"
FILES = sorted(path for path in SOURCE.rglob("*") if path.suffix in (".c", ".cpp", ".h", ".hpp") and path.is_file())
ALGORITHMS = SOURCE / "algorithms"

MOST_LINES_OF_FUNCTION = 60
MOST_LINES_OF_FILE = 430
MOST_LINES_OF_KERNEL = 250
MOST_FILES_OF_FOLDER = 20

# Where numbers belong: what only speed depends on, and what bits depend on.
TABLES = {"tuning.hpp", "tuning.cpp", "gemm/sum_order.hpp"}
# Anywhere else a larger number needs a comment that begins with this word and says why it is none of the two: the room
# of an array, a size that the hardware or a micro-kernel has.
EXCUSE = "Structural:"
LARGEST_NAMED_NUMBER = 2  # of a constexpr
LARGEST_NUMBER = 4  # of any expression
ALLOWED_NUMBERS = {
    ("common/machine.hpp", "64"): "bytes of a cache line",
    ("common/machine.hpp", "4096"): "bytes of a way of a first-level cache",
    ("reference/reference.cpp", "100"): "the cost of the last candidate, which is to be larger than any other",
}

pytestmark = pytest.mark.skipif(not SOURCE.is_dir(), reason="not in a source tree")


def shown(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def test_functions_stay_short() -> None:
    functions = [
        (function.length, shown(path), function.start_line, function.name)
        for path in FILES
        for function in lizard.analyze_file(str(path)).function_list
    ]
    assert len(functions) > 500  # it reads this C++
    too_long = sorted(function for function in functions if function[0] > MOST_LINES_OF_FUNCTION)
    assert not too_long, f"over {MOST_LINES_OF_FUNCTION} lines: {too_long}"


def test_files_stay_short() -> None:
    """A file is one idea; the table grows by a line for every number."""
    for path in FILES:
        if shown(path) == "algorithms/tuning.hpp":
            continue
        lines = len(path.read_text().splitlines())
        if path == ALGORITHMS / "tuning.hpp":  # a table has as many lines as it has numbers
            continue
        most = MOST_LINES_OF_KERNEL if shown(path).startswith("kernels/") else MOST_LINES_OF_FILE
        assert lines <= most, f"{shown(path)}: {lines} lines"


def test_folders_stay_small() -> None:
    for folder, count in Counter(path.parent for path in FILES).items():
        assert count <= MOST_FILES_OF_FOLDER, f"{shown(folder)}: {count} files"


def code_of(line: str) -> str:
    """Without comments and strings."""
    line = re.sub(r"\balignas\(\d+\)", "", line)  # what the language wants there is a number
    return re.sub(r"//.*", "", re.sub(r'"(?:[^"\\]|\\.)*"', '""', line))


def excused(lines: list[str], number: int) -> bool:
    """Whether the line says so, or the comment over it, or over the constants that it stands among."""
    if EXCUSE in lines[number]:
        return True
    for line in reversed(lines[:number]):
        text = line.strip()
        if text.startswith("//"):
            if text.startswith(f"// {EXCUSE}"):
                return True
        elif "constexpr" not in text or "constexpr" not in lines[number]:
            return False
        elif EXCUSE in text:
            return True
    return False


def numbers_of(code: str) -> Iterator[str]:
    yield from re.findall(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\w.])", code)


def free_numbers(path: Path) -> Iterator[tuple[str, int, str]]:
    name = path.relative_to(ALGORITHMS).as_posix()
    lines = path.read_text().splitlines()
    for index, line in enumerate(lines):
        code = code_of(line)
        if code.lstrip().startswith("#"):
            continue
        named = re.search(r"\bconstexpr\b(?!\s*\()", code) is not None
        largest = LARGEST_NAMED_NUMBER if named else LARGEST_NUMBER
        for number in numbers_of(code):
            value = float(number)
            if value <= largest and value.is_integer():
                continue
            if (name, number) not in ALLOWED_NUMBERS and not excused(lines, index):
                yield name, index + 1, code.strip()


def test_numbers_stand_in_their_tables() -> None:
    paths = [path for path in FILES if path.is_relative_to(ALGORITHMS)]
    free = [
        f"{name}:{line}: {code}"
        for path in paths
        if path.relative_to(ALGORITHMS).as_posix() not in TABLES
        for name, line, code in free_numbers(path)
    ]
    assert not free, "numbers outside the tables:\n" + "\n".join(free)
    for name, number in ALLOWED_NUMBERS:
        assert number in numbers_of((ALGORITHMS / name).read_text()), f"{name} has no {number} any more"


@pytest.mark.parametrize(
    ("text", "is_free"),
    [
        ("constexpr Index most = 3;", True),
        ("constexpr Index pair = 2;", False),
        ("constexpr double share = 0.5;", True),
        ("constexpr Index most = Index{512} << 10;", True),
        ("constexpr Index room = 8;  // Structural: as many as a tile has", False),
        ("// Structural: as many as a tile has.\nconstexpr Index a = 8;\nconstexpr Index b = 9;", False),
        ("// Structural: as many as a tile has.\nconstexpr Index a = 8;\n\nconstexpr Index b = 9;", True),
        ("if (bytes > 1e6) return;", True),
        ("cost.strip_element = 16;", True),
        ("double a[4] = {0, 1, 2, 3};", False),
        ('text.line("100 %", x1000);  // 100', False),
        ("if constexpr (index + 3 < size) f();", False),
        ("alignas(64) T sums[rows];", False),
    ],
)
def test_the_rule_about_numbers(text: str, is_free: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ALGORITHMS", tmp_path)
    path = tmp_path / "some.cpp"
    path.write_text(text)
    assert bool(list(free_numbers(path))) == is_free

"""Includes point down only: bindings, c_api -> include; plan -> algorithms -> kernels -> nothing; core serves both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "csrc"
FILES = sorted(
    path for path in SOURCE.rglob("*") if path.suffix in (".c", ".cpp", ".h", ".hpp", ".inl") and path.is_file()
)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

# Which folders of csrc a file may include from, by its own.
MAY_INCLUDE = {
    "include": {"include"},
    "core": {"core", "include"},
    "kernels": {"kernels"},
    "algorithms": {"algorithms", "kernels", "core", "include"},
    "plan": {"plan", "algorithms", "kernels", "core", "include"},
    "c_api": {"c_api", "include"},
    "bindings": {"bindings", "include"},
}
# Within algorithms, by room; the files beside the rooms serve all of them and include none.
ROOMS_MAY_INCLUDE = {
    "": {""},
    "common": {"", "common"},
    "read": {"", "common", "read"},
    "reference": {"", "common", "reference"},
    "gemm": {"", "common", "read", "gemm"},
}
# Within algorithms/gemm, folders and the files beside them from the bottom up: each may include those before it.
GEMM_ORDER = [
    "sum_order.hpp",
    "way.hpp",
    "panels",
    "border",
    "write",
    "tasks",
    "ways",
    "choose.hpp",
    "choose.cpp",
    "correlation.hpp",
    "correlation.cpp",
    "forward.hpp",
    "grad_kernel",
    "grad_input",
    "gemm.hpp",
    "gemm.cpp",
]
KERNELS_MAY_INCLUDE = {"stdint.h", "cstdint", "stddef.h", "cstddef"}

pytestmark = pytest.mark.skipif(not SOURCE.is_dir(), reason="not in a source tree")


def folder_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0]


def includes(path: Path) -> Iterator[tuple[bool, str]]:
    """Whether it is in angle brackets, and the name."""
    for bracket, name in INCLUDE.findall(path.read_text()):
        yield bracket == "<", name


def resolved(path: Path, name: str) -> Path | None:
    """The file of csrc that an include means, if it is one."""
    for base in (path.parent, SOURCE, SOURCE / "include", SOURCE / "bindings"):
        candidate = (base / name).resolve()
        if candidate.is_file() and candidate.is_relative_to(SOURCE):
            return candidate
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_includes_point_down(path: Path) -> None:
    folder = folder_of(path)
    assert folder in MAY_INCLUDE, f"a folder that this rule does not know: {folder}"
    for is_system, name in includes(path):
        target = resolved(path, name)
        if target is not None:
            assert folder_of(target) in MAY_INCLUDE[folder], f"{folder} must not include {name}"
        else:
            assert is_system, f"{name} is not in csrc"
        if folder == "kernels" and target is None:
            assert name in KERNELS_MAY_INCLUDE, f"a kernel must not include <{name}>"


def algorithm_includes() -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """A file of csrc and one of algorithms that it includes: the parts of both names, within csrc and algorithms."""
    for path in FILES:
        for _, name in includes(path):
            target = resolved(path, name)
            if target is not None and folder_of(target) == "algorithms":
                yield path.relative_to(SOURCE).parts, target.relative_to(SOURCE / "algorithms").parts


def room_of(parts: tuple[str, ...]) -> str:
    return parts[0] if len(parts) > 1 else ""


def test_rooms_of_the_algorithms_point_down() -> None:
    for (folder, *file), target in algorithm_includes():
        if folder != "algorithms":
            continue
        room = room_of(tuple(file))
        assert room in ROOMS_MAY_INCLUDE, f"a room that this rule does not know: {room}"
        assert room_of(target) in ROOMS_MAY_INCLUDE[room], f"{'/'.join(file)} must not include {'/'.join(target)}"


def test_only_the_list_of_candidates_knows_the_algorithms() -> None:
    for (folder, *file), target in algorithm_includes():
        if folder != "algorithms" and room_of(target) != "":
            assert "/".join([folder, *file]) == "plan/candidates.cpp"
            assert target in {("gemm", "gemm.hpp"), ("reference", "reference.hpp")}


def test_gemm_has_an_order_without_cycles() -> None:
    for (folder, *file), target in algorithm_includes():
        if folder != "algorithms" or room_of(tuple(file)) != "gemm" or room_of(target) != "gemm":
            continue
        assert file[1] in GEMM_ORDER, f"a part of gemm that this rule does not know: {file[1]}"
        assert target[1] in GEMM_ORDER, f"a part of gemm that this rule does not know: {target[1]}"
        below = GEMM_ORDER.index(target[1]) <= GEMM_ORDER.index(file[1])
        assert below, f"{'/'.join(file)} must not include {'/'.join(target)}"


def test_only_the_bindings_see_python() -> None:
    seen = {folder_of(path) for path in FILES for _, name in includes(path) if re.match(r"pybind11|Python\.h", name)}
    assert seen == {"bindings"}


def test_only_core_sees_openmp() -> None:
    users = [path.relative_to(SOURCE) for path in FILES for _, name in includes(path) if name == "omp.h"]
    assert len(users) == 1
    assert users[0].parts[0] == "core"
    pragmas = {
        folder_of(path) for path in FILES if re.search(r"^\s*#\s*pragma\s+omp\b", path.read_text(), re.MULTILINE)
    }
    assert pragmas <= {"core"}


def test_kernels_use_no_standard_library() -> None:
    """A linker may keep the copy of an inline function that was compiled for the newest processor."""
    for path in FILES:
        if folder_of(path) == "kernels":
            code = re.sub(r"//.*|/\*.*?\*/", "", path.read_text())
            assert "std::" not in code.replace("std::int64_t", "").replace("std::size_t", ""), path


def test_every_folder_is_there() -> None:
    assert {folder_of(path) for path in FILES} == set(MAY_INCLUDE)

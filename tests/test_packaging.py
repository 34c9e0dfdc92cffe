"""What the installed package brings along for C++ programs and their build systems."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import convgrad as cg


def test_headers_are_there() -> None:
    headers = {path.name for path in (Path(cg.get_include()) / "convgrad").iterdir()}
    assert headers == {"convgrad.h", "convgrad.hpp", "tensor.hpp"}


def test_cmake_package_is_there() -> None:
    directory = Path(cg.get_cmake_dir())
    assert {"convgradConfig.cmake", "convgradConfigVersion.cmake", "convgradTargets.cmake"} <= {
        path.name for path in directory.iterdir()
    }
    assert f'set(PACKAGE_VERSION "{cg.__version__}")' in (directory / "convgradConfigVersion.cmake").read_text()
    library = directory.parents[2] / "lib"
    assert (library / "libconvgrad.a").is_file()
    assert (library / "pkgconfig" / "convgrad.pc").is_file()


def test_scikit_build_core_finds_the_cmake_package() -> None:
    """It adds the folder of each such module to the places where find_package looks."""
    assert [entry.value for entry in entry_points(group="cmake.root", name="convgrad")] == ["convgrad"]
    assert Path(cg.get_cmake_dir()).relative_to(Path(cg.__file__).parent) == Path("share/cmake/convgrad")

"""Threads, and what this copy of the library is made of and runs on."""

from __future__ import annotations

# Not pathlib: importing it would take longer than importing the rest of the package.
from os.path import abspath, dirname, join
from typing import SupportsIndex

from . import _core


def set_num_threads(n: SupportsIndex) -> None:
    """Set how many threads each call may use from now on.

    At first it is OMP_NUM_THREADS or, without that, the number of processors. Results do not depend on it.

    Parameters
    ----------
    n : int
        1 to 1024.

    Raises
    ------
    TypeError
        `n` is no int.
    ValueError
        `n` is below 1 or above 1024.
    """
    _core.set_num_threads(n)


def get_num_threads() -> int:
    """Return how many threads each call may use.

    Returns
    -------
    int
        At least 1.
    """
    return _core.get_num_threads()


def config_text() -> str:
    """Describe this copy of the library: version, bits version, compiler, kernel sets and threads.

    Returns
    -------
    str
        One line for each, a name and a value.
    """
    lines = {
        "convgrad": _core.version(),
        "bits version": str(_core.bits_version()),
        "compiler": _core.compiler(),
        "ISA built": ", ".join(_core.built_isas()),
        "ISA supported": ", ".join(_core.supported_isas()),
        "ISA used": _core.isa(),
        "threads": str(_core.get_num_threads()),
    }
    return "\n".join(f"{name + ':':<15} {value}" for name, value in lines.items())


def show_config() -> None:
    """Print version, bits version, compiler, the kernel sets built, supported and used, and the number of threads.

    Copies with the same bits version give the same bits, those without a fused multiply-add apart.

    The environment variable CONVGRAD_ISA, read at import, forces a kernel set.
    """
    print(config_text())


def get_include() -> str:
    """Return the directory of the C++ headers, for a compiler's ``-I``.

    Returns
    -------
    str
        Absolute path.
    """
    return join(dirname(abspath(__file__)), "include")


def get_cmake_dir() -> str:
    """Return the directory of the CMake package, for ``-Dconvgrad_DIR=``.

    Returns
    -------
    str
        Absolute path.
    """
    return join(dirname(abspath(__file__)), "share", "cmake", "convgrad")

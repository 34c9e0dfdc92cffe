"""python -m convgrad, the version, and what importing the package brings along."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

import convgrad as cg
from convgrad import _core
from subprocesses import assert_succeeds, run_python


def test_version_matches_the_package() -> None:
    """The one that the compiled module was built with is the one that is installed."""
    version = importlib.metadata.version("convgrad")
    assert cg.__version__ == version
    assert _core.version() == version
    assert _core.bits_version() >= 1


def test_info() -> None:
    text = assert_succeeds("-m", "convgrad", "info")
    assert cg.__version__ in text
    assert re.search(rf"(?m)^bits version: +{_core.bits_version()}$", text)
    assert _core.compiler() in text
    assert _core.isa() in text
    assert all(isa in text for isa in (*_core.built_isas(), *_core.supported_isas()))
    assert re.search(rf"(?i)threads\W+{cg.get_num_threads()}\b", text)


def test_show_config_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    cg.show_config()
    assert capsys.readouterr().out.strip() == assert_succeeds("-m", "convgrad", "info").strip()


@pytest.mark.parametrize("command", [[], ["info"], ["bench"], ["demo"]])
def test_help(command: list[str]) -> None:
    text = assert_succeeds("-m", "convgrad", *command, "--help")
    assert text.startswith("usage: ")
    if not command:
        assert all(name in text for name in ("info", "bench", "demo"))


def test_unknown_command() -> None:
    done = run_python("-m", "convgrad", "inform")
    assert done.returncode == 2
    assert "inform" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("threads", [1, 3])
def test_environment_sets_the_thread_count(threads: int) -> None:
    code = "import convgrad; print(convgrad.get_num_threads())"
    assert int(assert_succeeds("-c", code, OMP_NUM_THREADS=str(threads))) == threads


def test_thread_count_that_was_set_is_the_one_got() -> None:
    for threads in (1, 2, 7):
        cg.set_num_threads(threads)
        assert cg.get_num_threads() == threads


def test_import_brings_numpy_alone() -> None:
    code = (
        "import sys, numpy; before = set(sys.modules); import convgrad; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    third_party = {"torch", "sklearn", "matplotlib", "rich", "scipy", "argparse", "threadpoolctl"}
    assert not third_party & set(assert_succeeds("-c", code).split())


def test_nothing_is_printed_on_import() -> None:
    done = run_python("-c", "import convgrad")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_headers_and_cmake_files_are_installed() -> None:
    assert Path(cg.get_include(), "convgrad", "convgrad.hpp").is_file()
    assert Path(cg.get_cmake_dir(), "convgradConfig.cmake").is_file()

"""The C++ that the README shows is the file that is compiled and run (tests/cpp/consumer)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SNIPPETS = sorted((ROOT / "docs" / "snippets").glob("*.cpp"))

pytestmark = pytest.mark.skipif(not SNIPPETS, reason="not in a source tree")


def test_readme_quotes_every_snippet_whole() -> None:
    quoted = re.findall(
        r"^`docs/snippets/(\S+\.cpp)`:\n\n```cpp\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S
    )
    assert dict(quoted) == {path.name: path.read_text() for path in SNIPPETS}


def test_consumer_compiles_every_snippet() -> None:
    project = (ROOT / "tests" / "cpp" / "consumer" / "CMakeLists.txt").read_text()
    for path in SNIPPETS:
        assert f"docs/snippets/{path.name}" in project

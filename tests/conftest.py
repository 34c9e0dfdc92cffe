"""What all tests share: how hypothesis searches, and a thread count that no test leaves changed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import convgrad as cg

# The first call of a process is slow (threads start), so no deadline; in CI the same examples every time.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(autouse=True)
def thread_count_restored() -> Iterator[None]:
    before = cg.get_num_threads()
    yield
    cg.set_num_threads(before)

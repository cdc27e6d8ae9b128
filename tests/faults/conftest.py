"""A cluster that all jobs of a file run on, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from faults.jobs import Bench, open_bench
from integration.commands import wait_until
from worker_tasks import alive


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Open a cluster; once it is closed, no process that it had is left."""
    path = tmp_path_factory.mktemp("bench")
    with open_bench(path) as opened:
        yield opened
        wait_until(lambda: len(workers()) == 2, "the worker that is just starting again")
        last = workers()
    assert alive(last) == set()
    assert list(path.glob("arraymill-*")) == []


def workers() -> set[int]:
    """Return the worker processes that this process has."""
    found = set()
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()):
                found.add(child.pid)
    return found

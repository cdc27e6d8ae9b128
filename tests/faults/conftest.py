"""A cluster that all jobs of a file run on, one after another."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest
from faults.jobs import Bench, open_bench
from worker_tasks import alive


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Open a cluster; once it is closed, no process that it had is left."""
    path = tmp_path_factory.mktemp("bench")
    with open_bench(path) as opened:
        yield opened
        workers = {child.pid for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())}
        assert len(workers) == 2
    assert alive(workers) == set()
    assert list(path.glob("arraymill-*")) == []

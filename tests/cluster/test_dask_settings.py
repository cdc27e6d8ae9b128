from __future__ import annotations

import dask.config
import distributed
import pytest

from arraymill.cluster.dask_settings import dask_settings

assert distributed.__version__, "distributed adds its settings to Dask's when it is imported"


@pytest.mark.parametrize("name", sorted(dask_settings().keys()))
def test_dask_knows_every_setting(name: str) -> None:
    dask.config.get(name)


def test_routes_are_left_to_a_dashboard_that_was_asked_for() -> None:
    assert "distributed.scheduler.http.routes" in dask_settings()
    assert "distributed.scheduler.http.routes" not in dask_settings(dashboard=True)


def test_workers_threads_follow_the_configuration() -> None:
    assert dask_settings(threads=3)["distributed.nanny.pre-spawn-environ"]["OMP_NUM_THREADS"] == "3"

"""Facts of jobs of several steps that run without the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from chained_operations import chained, scaled, scaled_job

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.session import open_cluster
from arraymill.jobs.api.direct.execution import execute
from arraymill.jobs.api.outcome import returned
from arraymill.jobs.api.watch import Watch
from arraymill.jobs.errors import OutputError
from arraymill.jobs.job import Job
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.chain import Step
from arraymill.jobs.runner import Progress
from arraymill.jobs.spec.job_spec import JobSpec

X = np.random.default_rng(5).standard_normal((300, 7))
BLOCKS = {"compute": {"block": 2000}}


def test_outputs_come_back_by_name() -> None:
    seen: list[Progress] = []
    outcome = execute(scaled_job(X, **BLOCKS), watch=Watch(on_progress=seen.append))
    result = returned(outcome)
    np.testing.assert_allclose(result.scaled, scaled(X), rtol=1e-12)
    np.testing.assert_allclose(result.mean, X.mean(0), atol=1e-15)
    assert result._fields == ("scaled", "mean", "std")
    assert sorted(record.block for record in outcome.records) == list(range(outcome.plan.n_blocks))
    assert (seen[-1].done_blocks, seen[-1].n_blocks) == (outcome.plan.n_blocks, outcome.plan.n_blocks)


def test_outputs_lie_beside_the_main_one(tmp_path: Path) -> None:
    outcome = execute(scaled_job(X, tmp_path / "y.npy", **BLOCKS))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["y.mean.npy", "y.npy", "y.std.npy"]
    assert returned(outcome).std == tmp_path / "y.std.npy"
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), scaled(X), rtol=1e-12)


def test_an_output_that_is_there_is_refused_before_work_starts(tmp_path: Path) -> None:
    np.save(tmp_path / "y.std.npy", np.ones(3))
    with pytest.raises(OutputError, match=r"y\.std\.npy"):
        execute(scaled_job(X, tmp_path / "y.npy"))
    assert [path.name for path in tmp_path.iterdir()] == ["y.std.npy"]


def test_a_step_that_fails_leaves_no_output(tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.done_blocks == progress.n_blocks - 1:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        execute(scaled_job(X, tmp_path / "y.npy", **BLOCKS), watch=Watch(on_progress=stop))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("has_file", [False, True])
def test_worker_processes_give_the_same_bits(tmp_path: Path, has_file: bool) -> None:
    path = tmp_path / "y.npy" if has_file else None
    inline = returned(execute(scaled_job(X, **BLOCKS)))
    with open_cluster(ClusterConfig("local", workers=2)) as session:
        apart = returned(execute(scaled_job(X, path, **BLOCKS), session=session))
    for name in inline._fields:
        other = getattr(apart, name)
        array = np.load(other) if isinstance(other, Path) else other
        assert array.tobytes() == getattr(inline, name).tobytes()


def test_an_empty_array_passes_all_steps() -> None:
    twice = chained(
        "twice",
        Step("double", OPERATIONS["map"], ("x",), {"expr": "x * 2"}),
        Step("sum", OPERATIONS["sum"], ("double",)),
        outputs=(("sum", "sum"), ("double", "double")),
    )
    job = Job(JobSpec(op="twice"), twice, scaled_job(np.empty((0, 3))).sources, {})
    result = returned(execute(job))
    assert (result.sum, result.double.shape) == (0.0, (0, 3))

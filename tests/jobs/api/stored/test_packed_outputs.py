"""Jobs whose output is of another format than ``.npy``: packed once, recognised or packed again after any stop."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from disk_faults import Died, FaultyDisk
from numpy.typing import NDArray

import arraymill.jobs.arrays.packed.packers as packers
from arraymill.jobs import run
from arraymill.jobs.api.stored.attempts import resume_job, run_stored
from arraymill.jobs.api.stored.loaded import load_result
from arraymill.jobs.api.stored.output import make_ready, packing_reason
from arraymill.jobs.arrays import load_output, output_file
from arraymill.jobs.errors import InterruptedJobError, OutputError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.job import Job
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.planning import plan_job
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.store import list_jobs, read_settled, read_state, remove_job

NAMES = ["y.npz", "y.zarr", "y.h5::g/y", "y.csv", "y.parquet"]


def with_output(spec: JobSpec, folder: Path, name: str, **options: Any) -> JobSpec:
    output = {"path": str(folder / name), **options}
    return JobSpec.model_validate(spec.model_dump() | {"output": output})


class DyingPublication(FaultyDisk):
    """A disk on which the process ends at an effect counted from when the last block was done; 0: never."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int) -> None:
        super().__init__(patch)
        self.first = 0

        def begin(journal: Any, output: Any) -> None:
            if not self.first:
                self.first = len(self.log)
                self.at = self.first + at if at else 0
            make_ready(journal, output)

        for module in ("driver", "chain_run"):
            patch.setattr(f"arraymill.jobs.api.stored.{module}.make_ready", begin)

    @property
    def n_effects(self) -> int:
        return len(self.log) - self.first


@pytest.mark.parametrize("name", NAMES)
def test_a_job_writes_any_format_and_gives_it_back(
    home: Path, tmp_path: Path, map_spec: JobSpec, x: NDArray[Any], name: str
) -> None:
    outcome = run_stored(with_output(map_spec, tmp_path, name))
    (job,) = list_jobs()
    assert (outcome.path, read_state(job).status) == (tmp_path / name, "DONE")
    found = load_result(job)
    assert found.shape == x.shape
    np.testing.assert_array_equal(found[...], x * 2 + 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "x.npy", output_file(name).name]
    settled = read_settled(job)
    assert settled.output is not None
    assert {"inode", "packed"} <= settled.output.keys()


def test_other_results_are_given_back_too(home: Path, map_spec: JobSpec, sum_spec: JobSpec) -> None:
    run_stored(map_spec)
    run_stored(sum_spec)
    mapped, summed = sorted((load_result(job) for job in list_jobs()), key=np.ndim, reverse=True)
    assert isinstance(mapped, np.memmap)
    assert isinstance(summed, np.float64)


def test_a_job_killed_at_any_effect_of_its_publication_is_finished_by_a_resume(
    home: Path, tmp_path: Path, map_spec: JobSpec, x: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = map_spec.model_copy(update={"compute": map_spec.compute.model_copy(update={"block": 40_000})})
    spec = with_output(fewer, tmp_path, "y.h5")
    with monkeypatch.context() as patch:
        undisturbed = DyingPublication(patch, 0)
        run_stored(spec)
    assert undisturbed.n_effects > 20
    for at in range(1, undisturbed.n_effects + 1, 3):
        for job in list_jobs():
            remove_job(job)
        (tmp_path / "y.h5").unlink()
        with monkeypatch.context() as patch:
            DyingPublication(patch, at)
            with pytest.raises(Died):
                run_stored(spec)
        (job,) = list_jobs()
        assert len(read_settled(job).done) == 4
        outcome = resume_job(job)
        ran = () if outcome is None else outcome.records
        assert (len(ran), read_state(job).status, read_settled(job).committed) == (0, "DONE", True)
        np.testing.assert_array_equal(load_result(job)[...], x * 2 + 1)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "x.npy", "y.h5"]


def test_a_disk_that_is_full_when_it_is_packed_costs_no_block(
    home: Path, tmp_path: Path, map_spec: JobSpec, x: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = with_output(map_spec, tmp_path, "y.zarr")

    told = []

    def fail(*_: Any) -> None:
        (job,) = list_jobs()
        told.append(read_state(job).reason)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("arraymill.jobs.arrays.zarr.packer._create", fail)
        # as of a job that is not brief
        patch.setattr("arraymill.jobs.api.stored.driver._STATE_PERIOD_S", 0.0)
        with pytest.raises(InterruptedJobError, match=r"y\.zarr: the disk is full") as caught:
            run_stored(spec)
    assert (caught.value.exit_code, "resume" in caught.value.next) == (75, True)
    assert (tmp_path / "y.zarr.partial").exists()
    assert told == ["y.zarr is packed by one process"]
    (job,) = list_jobs()
    outcome = resume_job(job)
    assert outcome is not None
    assert (len(outcome.records), read_state(job).status) == (0, "DONE")
    np.testing.assert_array_equal(load_result(job)[...], x * 2 + 1)


def test_options_of_the_output_reach_its_format(home: Path, tmp_path: Path, map_spec: JobSpec) -> None:
    run_stored(with_output(map_spec, tmp_path, "y.zarr", chunks=[100, 50], compression="zstd"))
    (job,) = list_jobs()
    assert load_result(job).chunks == (100, 50)
    run_stored(with_output(map_spec, tmp_path, "y.csv", columns=[f"c{number}" for number in range(50)]))
    assert (tmp_path / "y.csv").read_text().startswith("c0,c1,c2,")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("y.jpg", {}),
        ("y.csv", {"compression": "gzip"}),
        ("y.h5", {"chunks": [5]}),
        ("y.npy", {"chunks": [5, 5]}),
        ("y.parquet", {"columns": ["a"]}),
    ],
)
def test_what_a_format_cannot_hold_is_refused_before_there_is_a_job(
    home: Path, tmp_path: Path, map_spec: JobSpec, name: str, options: dict[str, Any]
) -> None:
    with pytest.raises(OutputError):
        run_stored(with_output(map_spec, tmp_path, name, **options))
    assert (list_jobs(), [path.name for path in tmp_path.glob("y*")]) == ([], [])


@pytest.mark.parametrize("name", NAMES)
def test_a_call_writes_any_format(tmp_path: Path, x: NDArray[Any], name: str) -> None:
    path = str(tmp_path / name)
    assert run("map", x, expr="x + 1", output=path) == Path(path)
    np.testing.assert_array_equal(load_output(path, ArrayHeader(path, x.shape, x.dtype))[...], x + 1)


def test_several_outputs_are_published_after_any_stop(
    home: Path, tmp_path: Path, x_path: Path, x: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    output, cluster = str(tmp_path / "y.csv"), {"kind": "inline", "workers": 1}
    spec = JobSpec.model_validate({"op": "svd", "inputs": [str(x_path)], "output": output, "cluster": cluster})
    with monkeypatch.context() as patch:
        undisturbed = DyingPublication(patch, 0)
        run_stored(spec)
    written = {path.name: path.read_bytes() for path in tmp_path.glob("y*")}
    assert sorted(written) == ["y.csv", "y.s.csv", "y.vh.csv"]
    for at in range(3, undisturbed.n_effects + 1, 20):
        for job in list_jobs():
            remove_job(job)
        for name in written:
            (tmp_path / name).unlink()
        with monkeypatch.context() as patch:
            DyingPublication(patch, at)
            with pytest.raises(Died):
                run_stored(spec)
        (job,) = list_jobs()
        resume_job(job)
        assert read_state(job).status == "DONE"
        assert written == {path.name: path.read_bytes() for path in tmp_path.glob("y*")}


def test_a_call_takes_what_stands_in_a_job_file(tmp_path: Path, x: NDArray[Any]) -> None:
    asked = {"path": tmp_path / "y.zarr", "chunks": (50, 25), "compression": "gzip"}
    for replace in (False, True):
        run("map", x, expr="x + 1", output=asked, replace=replace)
        header = ArrayHeader("y.zarr", x.shape, x.dtype)
        assert load_output(tmp_path / "y.zarr", header).chunks == (50, 25)
    with pytest.raises(OutputError, match="exists"):
        run("map", x, expr="x + 1", output=asked)
    with pytest.raises(SpecError, match="chunk"):
        run("map", x, expr="x + 1", output={"path": tmp_path / "z.zarr", "chunkz": (50, 25)})


def test_several_outputs_are_of_one_format(tmp_path: Path, x: NDArray[Any]) -> None:
    run("svd", x, output=tmp_path / "y.h5")
    assert len(list(tmp_path.glob("y*.h5"))) == 3
    assert list(tmp_path.glob("*.partial*")) == []
    assert ".h5" in packers.PACKERS


def test_packing_that_takes_long_is_said_with_its_time() -> None:
    operation, params = OPERATIONS["map"], {"expr": "x * 2"}
    header = ArrayHeader("x.npy", (4_000_000, 9), np.dtype("f4"))
    plan, said = plan_job(operation, [header], params, budget=Budget(1 << 30)), []
    for name in ("y.npy", "y.h5::a/b", "y.csv"):
        spec = JobSpec.model_validate(
            {"op": "map", "inputs": {"x": "x.npy"}, "params": params, "output": {"path": name}}
        )
        said.append(packing_reason(Job(spec, operation, (), params), plan))
    assert said == [
        "",
        "y.h5 is packed by one process",
        "y.csv is packed by one process, about 24.0 s at nominal rates",
    ]

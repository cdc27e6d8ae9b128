"""Facts of stored jobs of several steps: what is done is kept, whatever stops them, and the bits are the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chained_operations import SCALED, scaled
from click.testing import CliRunner

from arraymill.jobs import operations
from arraymill.jobs.api.stored import attempts, chain_run
from arraymill.jobs.api.stored.loaded import load_result, stored_outputs
from arraymill.jobs.api.stored.resumption import assess
from arraymill.jobs.api.watch import Watch
from arraymill.jobs.cli.explain_block import explain_block
from arraymill.jobs.cli.job_view import view_job
from arraymill.jobs.cli.main import arraymill
from arraymill.jobs.errors import InputChangedError, OutputError, UserCodeError
from arraymill.jobs.runner import Progress
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.store import JobFolder, list_jobs, read_settled, read_state, remove_job


class _WithScaled(Mapping[str, Any]):
    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table

    def __getitem__(self, name: str) -> Any:
        return SCALED if name == "scaled" else self._table[name]

    def __contains__(self, name: object) -> bool:
        return name == "scaled" or name in self._table

    def __iter__(self) -> Any:
        return iter([*self._table, "scaled"])

    def __len__(self) -> int:
        return len(self._table) + 1


@pytest.fixture
def spec(home: Path, tmp_path: Path, x_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobSpec:
    monkeypatch.setattr("arraymill.jobs.job.OPERATIONS", _WithScaled(operations.OPERATIONS))
    output = str(tmp_path / "y.npy")
    return JobSpec(op="scaled", inputs=[str(x_path)], output=output, compute={"block": 1600})


class StoppedError(Exception):
    """What a test stops a job with."""


def stop_at(block: int) -> Watch:
    def on_progress(progress: Progress) -> None:
        if progress.done_blocks >= block:
            raise StoppedError

    return Watch(on_progress=on_progress)


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("y*.npy"))}


def interrupted(spec: JobSpec, block: int) -> JobFolder:
    with pytest.raises(StoppedError):
        attempts.run_stored(spec, watch=stop_at(block))
    (folder,) = list_jobs()
    return folder


def test_a_whole_job(spec: JobSpec, tmp_path: Path, x: Any) -> None:
    outcome = attempts.run_stored(spec)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), scaled(x), rtol=1e-12, atol=1e-14)
    assert sorted(outputs(tmp_path)) == ["y.mean.npy", "y.npy", "y.std.npy"]
    (folder,) = list_jobs()
    settled = read_settled(folder)
    assert len(settled.done) == outcome.plan.n_blocks == len(outcome.records) > 40
    assert (settled.committed, read_state(folder).status, read_state(folder).exit_code) == (True, "DONE", 0)
    # what only later steps needed is gone, and so is every temporary file
    assert not list(folder.path.rglob("*.npy"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "x.npy", "y.mean.npy", "y.npy", "y.std.npy"]


def test_a_result_without_a_file_is_kept_with_the_job(spec: JobSpec, x: Any) -> None:
    outcome = attempts.run_stored(spec.model_copy(update={"output": None}))
    np.testing.assert_allclose(outcome.value, scaled(x), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(outcome.others["std"], x.std(0), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.8])
def test_a_stopped_job_is_finished_with_the_same_bits(spec: JobSpec, tmp_path: Path, share: float) -> None:
    n_blocks = attempts.run_stored(spec).plan.n_blocks
    expected = outputs(tmp_path)
    for path in tmp_path.glob("y*.npy"):
        path.unlink()
    for folder in list_jobs():
        remove_job(folder)
    folder = interrupted(spec, round(share * n_blocks))
    assert outputs(tmp_path) == {}
    before = set(read_settled(folder).done)
    assert 0 < len(before) < n_blocks
    assert assess(folder).done == before
    outcome = attempts.resume_job(folder)
    assert outcome is not None
    assert {record.block for record in outcome.records}.isdisjoint(before)
    assert outputs(tmp_path) == expected
    assert attempts.resume_job(folder) is None


def test_a_job_stopped_between_its_outputs_publishes_the_rest(
    spec: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_before_main(self: Any) -> None:
        names = [step for _, step in self.plan.outputs]
        for opened in self._steps:
            if opened.name in names[1:]:
                opened.output.publish()
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(chain_run.ChainRun, "publish", stop_before_main)
        with pytest.raises(StoppedError):
            attempts.run_stored(spec)
    assert sorted(outputs(tmp_path)) == ["y.mean.npy", "y.std.npy"]
    (folder,) = list_jobs()
    outcome = attempts.resume_job(folder)
    assert outcome is not None
    assert outcome.records == ()
    assert sorted(outputs(tmp_path)) == ["y.mean.npy", "y.npy", "y.std.npy"]


def test_a_changed_input_is_refused_and_then_runs_all_again(
    spec: JobSpec, tmp_path: Path, x_path: Path, x: Any
) -> None:
    folder = interrupted(spec, 150)
    np.save(x_path, x + 1)
    with pytest.raises(InputChangedError):
        attempts.resume_job(folder)
    outcome = attempts.resume_job(folder, accept_changed=True)
    assert outcome is not None
    assert len(outcome.records) == outcome.plan.n_blocks
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), scaled(x + 1), rtol=1e-9)


def test_a_damaged_result_of_a_step_is_made_again(spec: JobSpec, tmp_path: Path, x: Any) -> None:
    folder = interrupted(spec, 250)
    (partial,) = [path for path in (folder.path / "steps").rglob("*") if "result" in path.name and "copy" in str(path)]
    with partial.open("r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    assert attempts.resume_job(folder) is not None
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), scaled(x), rtol=1e-12, atol=1e-14)


def test_an_output_that_is_there_is_refused_and_no_job_is_left(spec: JobSpec, tmp_path: Path) -> None:
    np.save(tmp_path / "y.mean.npy", np.ones(2))
    with pytest.raises(OutputError, match=r"y\.mean\.npy"):
        attempts.run_stored(spec)
    assert list_jobs() == []


def test_a_block_is_explained_in_its_step(spec: JobSpec) -> None:
    folder = interrupted(spec, 200)
    view = view_job(folder)
    steps = [step["name"] for step in view.plan["steps"]]  # type: ignore[index]
    assert steps == ["copy", "centered.mean", "std", "quotient"]
    document, text = explain_block(view, view.plan["steps"][0]["n_blocks"] + 1)  # type: ignore[index]
    assert (document["step"], document["standing"]) == ("centered.mean", "done")
    assert "copy" in text


def test_the_outputs_of_a_finished_job_are_found_by_name(spec: JobSpec, tmp_path: Path, x: Any) -> None:
    attempts.run_stored(spec)
    (folder,) = list_jobs()
    found = load_result(folder)
    assert found._fields == ("scaled", "mean", "std")
    np.testing.assert_allclose(found.std, x.std(0), rtol=1e-12)
    assert [output.path for output in stored_outputs(folder)] == [
        str(tmp_path / name) for name in ("y.npy", "y.mean.npy", "y.std.npy")
    ]


def test_a_failed_job_whose_code_is_in_a_file_can_be_looked_at_and_resumed(
    home: Path, tmp_path: Path, x_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("def f(rows):\n    assert rows.max() <= 0, 'large'\n    return rows.sum(1)\n")
    spec = JobSpec(op="apply", inputs=[str(x_path)], params={"function": "mine.py:f"}, output="y.npy")
    with pytest.raises(UserCodeError, match="large"):
        attempts.run_stored(spec)
    (folder,) = list_jobs()
    assert assess(folder).missing
    with pytest.raises(UserCodeError):
        attempts.resume_job(folder)


def test_a_large_result_for_later_steps_lies_beside_the_output_and_goes(
    spec: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_run, "_LARGE_BYTES", 1000)
    folder = interrupted(spec, 150)
    (beside,) = tmp_path.glob(".y.npy.*")
    assert beside.name == f".y.npy.{folder.id}.0.npy.partial"
    assert len(read_settled(folder).left) == 4
    assert attempts.resume_job(folder) is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "x.npy", "y.mean.npy", "y.npy", "y.std.npy"]
    assert read_settled(folder).output is not None


def test_a_job_that_is_cleaned_by_name_takes_all_that_it_left_with_it(
    spec: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_run, "_LARGE_BYTES", 1000)
    folder = interrupted(spec, 250)
    assert len(list(tmp_path.rglob("*.partial"))) == 4
    assert CliRunner().invoke(arraymill, ["clean", folder.id]).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "x.npy"]

"""Facts of jobs in the store, driven in this process: what is left at each ending, and what a resume does."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from arraymill.jobs.api.stored.attempts import resume_job, run_stored
from arraymill.jobs.api.stored.creation import read_spec
from arraymill.jobs.api.stored.loaded import load_result
from arraymill.jobs.api.watch import Watch
from arraymill.jobs.errors import (
    InputChangedError,
    InterruptedJobError,
    JobRunningError,
    OutputError,
    SpecError,
)
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.store import JobFolder, JobLock, list_jobs, read_settled, read_state, write_state


def stop_after(n_blocks: int, signum: signal.Signals = signal.SIGTERM) -> Watch:
    """Return a watch that sends this process a signal when so many blocks have been sent to the workers."""

    def on_open(session: Any) -> None:
        submit, keys = session.submit, []

        def submit_or_stop(*args: Any, key: str) -> Any:
            keys.append(key)
            if len(keys) == n_blocks:
                os.kill(os.getpid(), signum)
            return submit(*args, key=key)

        session.submit = submit_or_stop
        # short blocks would travel together
        session.share = None

    return Watch(on_open=on_open)


def interrupted(spec: JobSpec) -> JobFolder:
    """Return a job that was stopped with some of its blocks done."""
    with pytest.raises(InterruptedJobError):
        run_stored(spec, watch=stop_after(9))
    (folder,) = list_jobs()
    return folder


def test_a_job_that_is_done_says_so_and_keeps_its_receipt(map_spec: JobSpec, x: NDArray[Any]) -> None:
    outcome = run_stored(map_spec)
    (folder,) = list_jobs()
    state, settled = read_state(folder), read_settled(folder)
    assert (state.status, state.exit_code, state.n_done, state.n_blocks) == ("DONE", 0, 40, 40)
    assert (settled.committed, len(settled.done), settled.epoch) == (True, 40, 1)
    assert (outcome.job_id, outcome.path) == (folder.id, Path(map_spec.output.path))  # type: ignore[union-attr]
    assert folder.report.exists()
    np.testing.assert_array_equal(np.load(str(outcome.path)), x * 2 + 1)


def test_a_result_without_an_output_is_kept_with_the_job(sum_spec: JobSpec, x: NDArray[Any]) -> None:
    outcome = run_stored(sum_spec)
    (folder,) = list_jobs()
    assert outcome.path is None
    assert outcome.value == np.load(folder.result)
    np.testing.assert_allclose(np.asarray(outcome.value), x.sum(), rtol=1e-14)


@pytest.mark.parametrize("name", ["map_spec", "sum_spec"])
def test_a_resumed_job_runs_what_is_missing_and_gives_the_same_bytes(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    spec = request.getfixturevalue(name)
    folder = interrupted(spec)
    before = set(read_settled(folder).done)
    assert (0 < len(before) < 40, read_state(folder).status) == (True, "INTERRUPTED")
    outcome = resume_job(folder)
    assert outcome is not None
    assert {record.block for record in outcome.records} == set(range(40)) - before
    assert read_state(folder).status == "DONE"
    again = run_stored(spec.model_copy(update={"output": spec.output and _renamed(spec, tmp_path / "again.npy")}))
    assert _bytes(outcome) == _bytes(again)


def _renamed(spec: JobSpec, path: Path) -> Any:
    assert spec.output is not None
    return spec.output.model_copy(update={"path": str(path)})


def _bytes(outcome: Any) -> bytes:
    return outcome.path.read_bytes() if outcome.path is not None else np.asarray(outcome.value).tobytes()


@pytest.mark.parametrize(("signum", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGUSR1, 75)])
def test_a_stopped_job_says_how_to_resume_and_keeps_its_blocks(
    map_spec: JobSpec, signum: signal.Signals, exit_code: int
) -> None:
    with pytest.raises(InterruptedJobError) as caught:
        run_stored(map_spec, watch=stop_after(9, signum))
    (folder,) = list_jobs()
    assert (caught.value.exit_code, caught.value.next) == (exit_code, f"arraymill resume {folder.id}")
    assert "of 40 blocks are done and kept" in caught.value.safe
    assert read_state(folder).exit_code == exit_code
    assert map_spec.output is not None
    assert Path(map_spec.output.path + ".partial").exists()
    assert not Path(map_spec.output.path).exists()


def test_what_is_refused_before_it_began_leaves_no_job(map_spec: JobSpec) -> None:
    assert map_spec.output is not None
    Path(map_spec.output.path).write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        run_stored(map_spec)
    with pytest.raises(SpecError, match="axis 5"):
        run_stored(JobSpec(op="sum", inputs=map_spec.inputs, params={"axis": 5}))
    assert list_jobs() == []


def test_an_unfinished_output_is_not_overwritten_by_the_next_run(map_spec: JobSpec) -> None:
    folder = interrupted(map_spec)
    with pytest.raises(OutputError, match="unfinished job") as caught:
        run_stored(map_spec)
    assert folder.id in caught.value.next
    assert map_spec.output is not None
    forced = map_spec.model_copy(update={"output": map_spec.output.model_copy(update={"if_exists": "replace"})})
    assert len(run_stored(forced).records) == 40


def test_only_one_process_works_on_a_job(map_spec: JobSpec) -> None:
    folder = interrupted(map_spec)
    with JobLock.acquire(folder), pytest.raises(JobRunningError, match=folder.id):
        resume_job(folder)
    assert resume_job(folder) is not None
    assert resume_job(folder) is None


def test_a_done_job_whose_last_word_was_lost_is_not_run_again(map_spec: JobSpec) -> None:
    """Killed between the rename of the output and the last record."""
    run_stored(map_spec)
    (folder,) = list_jobs()
    lines = folder.ledger.read_bytes().splitlines(keepends=True)
    assert b'"committed"' in lines[-1]
    folder.ledger.write_bytes(b"".join(lines[:-1]))
    write_state(folder, replace(read_state(folder), status="FINISHING"))
    assert read_state(folder).status == "INTERRUPTED"
    outcome = resume_job(folder)
    assert outcome is not None
    assert (outcome.records, read_state(folder).status) == ((), "DONE")


def test_a_block_that_the_output_lost_runs_again(map_spec: JobSpec, x: NDArray[Any]) -> None:
    folder = interrupted(map_spec)
    block = min(read_settled(folder).done)
    assert map_spec.output is not None
    with Path(map_spec.output.path + ".partial").open("r+b") as file:
        file.seek(4096 + 4000 * block + 17)
        file.write(b"\xff")
    outcome = resume_job(folder)
    assert outcome is not None
    assert block in {record.block for record in outcome.records}
    np.testing.assert_array_equal(np.load(str(outcome.path)), x * 2 + 1)


def test_changed_input_is_refused_and_accepted_on_request(map_spec: JobSpec, x_path: Path, x: NDArray[Any]) -> None:
    folder = interrupted(map_spec)
    done = set(read_settled(folder).done)
    changed = x.copy()
    changed[10 * min(done)] = 7.0
    np.save(x_path, changed)
    with pytest.raises(InputChangedError, match="has changed") as caught:
        resume_job(folder)
    assert f"content of block {min(done)}" in caught.value.cause
    assert read_state(folder).exit_code == 3
    outcome = resume_job(folder, accept_changed=True)
    assert outcome is not None
    # the file is small, so that every byte of it is known: the other blocks stay
    assert {record.block for record in outcome.records} == set(range(40)) - done | {min(done)}
    np.testing.assert_array_equal(np.load(str(outcome.path)), changed * 2 + 1)


def test_a_touched_input_is_no_change(map_spec: JobSpec, x_path: Path) -> None:
    folder = interrupted(map_spec)
    os.utime(x_path)
    outcome = resume_job(folder)
    assert outcome is not None
    assert len(outcome.records) < 40


def test_other_versions_are_refused_unless_accepted(map_spec: JobSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = interrupted(map_spec)
    for module in ("preparation", "resumption"):
        monkeypatch.setattr(f"arraymill.jobs.api.stored.{module}.current_versions", lambda device: {"numpy": "9"})
    with pytest.raises(InputChangedError) as caught:
        resume_job(folder)
    assert "is 9" in caught.value.cause
    assert resume_job(folder, accept_changed=True) is not None


def test_an_input_that_is_gone_fails_the_resume_and_nothing_else(map_spec: JobSpec, x_path: Path) -> None:
    folder = interrupted(map_spec)
    n_done = len(read_settled(folder).done)
    aside = x_path.rename(x_path.with_name("aside.npy"))
    with pytest.raises(OSError, match=r"x\.npy"):
        resume_job(folder)
    assert (read_state(folder).status, len(read_settled(folder).done)) == ("FAILED", n_done)
    aside.rename(x_path)
    assert resume_job(folder) is not None


def test_the_stored_job_file_is_the_job_with_absolute_paths(
    map_spec: JobSpec, x_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(x_path.parent)
    relative = map_spec.model_dump(exclude_none=True) | {"inputs": ["x.npy"], "output": "y.npy"}
    run_stored(JobSpec(**relative))
    (folder,) = list_jobs()
    assert read_spec(folder) == map_spec


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_while_the_output_is_published_undoes_nothing(
    map_spec: JobSpec, signum: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.link

    def link_and_signal(*args: Any, **kwargs: Any) -> None:
        rename(*args, **kwargs)
        os.kill(os.getpid(), signum)

    monkeypatch.setattr("arraymill.jobs.disk.os.link", link_and_signal)
    outcome = run_stored(map_spec)
    (folder,) = list_jobs()
    assert (read_state(folder).status, len(outcome.records)) == ("DONE", 40)


def test_a_result_that_cannot_be_loaded_leaves_its_job_done(
    sum_spec: JobSpec, x: NDArray[np.float64], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise MemoryError("too large for this process")

    with monkeypatch.context() as patch:
        patch.setattr(np, "load", refuse)
        with pytest.raises(MemoryError):
            run_stored(sum_spec)
    (folder,) = list_jobs()
    assert (read_state(folder).status, read_state(folder).exit_code) == ("DONE", 0)
    np.testing.assert_allclose(load_result(folder), x.sum(), rtol=1e-12)

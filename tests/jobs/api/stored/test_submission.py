"""Facts of jobs that are handed to a process of their own: what is refused at once, and what a failed start leaves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from stored_jobs import hold_job

from arraymill.jobs.api.stored.submission import submit_spec
from arraymill.jobs.errors import OutputLockedError
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.store import is_locked, list_jobs, read_state


@pytest.mark.usefixtures("home")
def test_an_output_that_a_job_is_going_to_write_is_refused_at_once(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones(4))
    spec = JobSpec(op="sum", inputs=[str(tmp_path / "x.npy")], output=str(tmp_path / "y.npy"))
    with (
        hold_job("PENDING", output=str(tmp_path / "y.npy")) as lock,
        pytest.raises(OutputLockedError, match="another job is going to write it") as refused,
    ):
        submit_spec(spec)
    assert lock.folder.id in refused.value.cause
    assert [folder.id for folder in list_jobs()] == [lock.folder.id]


def test_a_job_whose_process_cannot_be_started_is_nobodys(map_spec: JobSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError("too many processes")

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(BlockingIOError):
            submit_spec(map_spec)
    (folder,) = list_jobs()
    assert (is_locked(folder), read_state(folder).status) == (False, "INTERRUPTED")

"""Facts of the state that a job ends with."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from arraymill.cluster.errors import ClusterLostError
from arraymill.jobs.api.signals import Stopped
from arraymill.jobs.api.stored.conclusion import conclude, end_state
from arraymill.jobs.errors import BlockFailedError
from arraymill.jobs.store import JobState, create_job_folder, read_state, settle


def test_the_last_state_says_what_went_wrong_on_the_way() -> None:
    kinds = ["retry", "retry", "death", "split", "block"]
    settled = settle([{"kind": "plan", "n_blocks": 3}, *({"kind": kind, "block": 0} for kind in kinds)])
    ended = end_state(JobState("RUNNING", pid=4242, reason="why"), "FAILED", settled, BlockFailedError("it failed"))
    assert (ended.status, ended.exit_code, ended.pid, ended.reason) == ("FAILED", 1, None, "")
    assert (ended.n_done, ended.n_blocks, ended.retries, ended.splits, ended.deaths) == (1, 3, 2, 1, 1)
    assert ended.error == {"id": "block-failed", "what": "it failed", "cause": "", "safe": "", "next": ""}


@pytest.mark.parametrize(
    ("error", "signum", "status", "exit_code"),
    [
        (Stopped(signal.SIGTERM), signal.SIGTERM, "INTERRUPTED", 75),
        (Stopped(signal.SIGINT), signal.SIGINT, "INTERRUPTED", 130),
        (ClusterLostError("the scheduler is gone"), None, "INTERRUPTED", 75),
        (BlockFailedError("it failed"), None, "FAILED", 1),
        (ZeroDivisionError("a bug"), None, "FAILED", 70),
    ],
)
def test_each_end_has_its_status_and_its_exit_code(
    home: Path, error: BaseException, signum: int | None, status: str, exit_code: int
) -> None:
    folder = create_job_folder()
    shown = conclude(folder, error, signum)
    state = read_state(folder)
    assert (state.status, state.exit_code) == (status, exit_code)
    assert getattr(shown, "exit_code", 70) == exit_code


def test_an_end_after_a_request_to_cancel_is_a_cancellation(home: Path) -> None:
    folder = create_job_folder()
    folder.cancel.touch()
    conclude(folder, Stopped(signal.SIGTERM), signal.SIGTERM)
    assert (read_state(folder).status, read_state(folder).exit_code) == ("CANCELLED", 4)

import pytest
from stored_jobs import hold_job, store_job

from arraymill.jobs.cli.endings import check_done, exit_code_of, failure_of, state_if_over
from arraymill.jobs.cli.failures import Failure
from arraymill.jobs.errors import JobRunningError
from arraymill.jobs.store import JobState

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize(
    ("status", "stored", "code"),
    [
        ("DONE", None, 0),
        ("DONE", 7, 7),
        ("FAILED", None, 1),
        ("FAILED", 6, 6),
        ("CANCELLED", None, 4),
        ("INTERRUPTED", 130, 75),
    ],
)
def test_exit_codes(status, stored, code):
    assert exit_code_of(JobState(status, exit_code=stored)) == code


def test_a_job_that_is_worked_on_is_not_over():
    with hold_job("RUNNING") as lock:
        assert state_if_over(lock.folder) is None
    assert state_if_over(lock.folder).status == "INTERRUPTED"


def test_a_final_state_counts_while_workers_are_taken_down():
    with hold_job("DONE") as lock:
        assert state_if_over(lock.folder).status == "DONE"


def test_the_failure_is_the_error_of_the_job():
    error = {"id": "block-failed", "what": "block 3 failed", "cause": "c", "safe": "s", "next": "n"}
    folder = store_job("FAILED", error=error, exit_code=1)
    failure = failure_of(folder, state_if_over(folder))
    assert (failure.exit_code, failure.identifier) == (1, "block-failed")
    assert failure.message == f"job {folder.id}: block 3 failed"
    assert failure.parts == {"cause": "c", "safe": "s", "next": "n"}


def test_a_killed_job_has_a_failure_without_an_error():
    folder = store_job("RUNNING", n_done=3)
    failure = failure_of(folder, state_if_over(folder))
    assert (failure.exit_code, failure.identifier) == (75, "interrupted")
    assert failure.parts["safe"] == "3 of 8 blocks are done and kept"
    assert failure.parts["next"] == f"arraymill resume {folder.id}"


def test_only_a_job_that_is_done_has_a_result():
    check_done(store_job("DONE", exit_code=7))
    with pytest.raises(Failure, match="job"):
        check_done(store_job("FAILED"))
    with hold_job("RUNNING") as lock, pytest.raises(JobRunningError, match="no result yet"):
        check_done(lock.folder)

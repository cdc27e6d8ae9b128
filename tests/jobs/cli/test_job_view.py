import pytest
from stored_jobs import START_S, hold_job, store_job

from arraymill.jobs.cli.job_view import next_step, seconds_left, shown_path, view_job

pytestmark = pytest.mark.usefixtures("home")


def test_the_time_left_follows_the_pace_of_this_attempt():
    with hold_job("RUNNING", n_done=6) as lock:
        assert seconds_left(view_job(lock.folder)) == 2.0


@pytest.mark.parametrize("fields", [{"n_done": 1}, {"n_done": 6, "started_s": START_S + 100.0}])
def test_without_a_pace_nothing_is_said(fields):
    with hold_job("RUNNING", **fields) as lock:
        assert seconds_left(view_job(lock.folder)) is None


def test_paths_are_short_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shown_path(tmp_path / "out" / "y.npy") == "out/y.npy"
    assert shown_path("/elsewhere/y.npy") == "/elsewhere/y.npy"


@pytest.mark.parametrize(
    ("status", "step"),
    [("DONE", "result"), ("FAILED", "explain"), ("CANCELLED", "resume"), ("RUNNING", "resume")],
)
def test_there_is_a_next_step(status, step):
    assert next_step(view_job(store_job(status))).startswith(f"arraymill {step} ")

import json
import time

import numpy as np
import pytest
from stored_jobs import hold_job, plan_document, store_job

from arraymill.jobs.arrays import create_output
from arraymill.jobs.store import list_jobs

pytestmark = pytest.mark.usefixtures("home")


def kept():
    return {folder.id for folder in list_jobs()}


def unfinished(path, status="INTERRUPTED"):
    """Return a job whose unfinished output is there, and the path of that."""
    output = create_output(path, (4, 3), np.dtype("f4"), "C", replace=False, inputs=())
    info = output.info()
    output.keep()
    return store_job(status, n_done=1, events=[{"kind": "output", **info}], output=str(path)), info["partial"]


def test_only_jobs_that_are_over_are_chosen(call):
    over = {store_job(status).id for status in ("DONE", "FAILED", "CANCELLED")}
    stopped = store_job("RUNNING").id
    with hold_job("RUNNING") as lock:
        result = call("clean", "--all")
        assert set(result.stdout.split()) == over
        assert kept() == {stopped, lock.folder.id}
        assert call("clean", "--all", "--interrupted").stdout == f"{stopped}\n"
        assert kept() == {lock.folder.id}


def test_only_old_jobs_are_chosen_by_age(call):
    now = time.time()
    old = store_job("DONE", ended_s=now - 8 * 86400).id
    store_job("DONE", ended_s=now - 6 * 86400)
    assert call("clean", "--older-than", "7d").stdout == f"{old}\n"


def test_a_dry_run_removes_nothing(call):
    folder = store_job("DONE")
    result = call("clean", "--all", "--dry-run")
    assert result.stdout == f"{folder.id}\n"
    assert "would be removed" in result.stderr
    assert kept() == {folder.id}


def test_a_running_job_is_refused_and_nothing_is_removed(call):
    done = store_job("DONE").id
    with hold_job("RUNNING") as lock:
        result = call("clean", done, lock.folder.id)
    assert result.exit_code == 11
    assert done in kept()


def test_outputs_are_never_removed(call, tmp_path):
    np.save(tmp_path / "y.npy", np.zeros(3))
    call("clean", store_job("DONE", output=str(tmp_path / "y.npy")).id)
    assert (tmp_path / "y.npy").exists()
    assert kept() == set()


def test_a_named_job_takes_its_unfinished_output_with_it(call, tmp_path):
    folder, partial = unfinished(tmp_path / "y.npy")
    result = call("clean", folder.id)
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()].count(partial) == 0
    assert not list(tmp_path.glob("*partial*"))


def test_an_unfinished_output_of_a_job_that_was_not_named_stays(call, tmp_path):
    _, partial = unfinished(tmp_path / "y.npy", "CANCELLED")
    result = call("clean", "--all")
    assert f"{partial} stays" in result.stderr
    assert len(list(tmp_path.glob("*partial*"))) == 1


def test_an_unfinished_output_of_another_job_stays(call, tmp_path):
    folder, partial = unfinished(tmp_path / "y.npy")
    (tmp_path / "held").hardlink_to(partial)
    (tmp_path / partial).unlink()
    create_output(tmp_path / "y.npy", (4, 3), np.dtype("f4"), "C", replace=False, inputs=()).keep()
    result = call("clean", folder.id)
    assert "stays" in result.stderr
    assert len(list(tmp_path.glob("*partial*"))) == 1


def test_of_an_unfinished_output_that_is_not_there_nothing_is_said(call, tmp_path):
    folder, partial = unfinished(tmp_path / "y.npy")
    (tmp_path / partial).unlink()
    result = call("clean", folder.id)
    assert (result.exit_code, result.stdout) == (0, f"{folder.id}\n")
    assert "stays:" not in result.stderr


def test_a_result_that_goes_with_its_job_is_said(call):
    folder = store_job("DONE", plan=plan_document())
    np.save(folder.result, np.zeros(3))
    assert "its result is gone with it" in call("clean", folder.id).stderr


@pytest.mark.parametrize("args", [[], ["--interrupted"], ["kbdm3xqa", "--all"], ["--older-than", "soon"]])
def test_what_is_not_clear_is_refused(call, args):
    store_job("DONE")
    assert call("clean", *args).exit_code == 2
    assert len(kept()) == 1


def test_json(call):
    folder = store_job("DONE")
    document = json.loads(call("clean", folder.id, "--json").stdout)
    assert document == {"schema": 1, "dry_run": False, "removed": [folder.id]}

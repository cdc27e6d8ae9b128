import json

import numpy as np
import pytest
from stored_jobs import hold_job, store_job

pytestmark = pytest.mark.usefixtures("home")


def test_the_path_goes_to_stdout_and_the_header_to_stderr(call, tmp_path):
    np.save(tmp_path / "y.npy", np.zeros((2, 3), np.float32))
    result = call("result", store_job("DONE", output=str(tmp_path / "y.npy")).id)
    assert result.stdout == f"{tmp_path / 'y.npy'}\n"
    assert "(2, 3) float32, 24 B" in result.stderr


def test_a_result_without_a_file_is_printed(call):
    folder = store_job("DONE")
    np.save(folder.result, np.array([0.1, 0.2]))
    assert call("result", folder.id).stdout == "[0.1 0.2]\n"
    document = json.loads(call("result", folder.id, "--json").stdout)
    assert (document["schema"], document["value"], document["dtype"]) == (1, [0.1, 0.2], "<f8")


def test_a_large_result_without_a_file_is_named(call):
    folder = store_job("DONE")
    np.save(folder.result, np.zeros(1001))
    assert call("result", folder.id).stdout == f"{folder.result}\n"


@pytest.mark.parametrize(("status", "code"), [("FAILED", 1), ("CANCELLED", 4), ("RUNNING", 75)])
def test_a_job_that_is_not_done_has_none(call, status, code):
    result = call("result", store_job(status).id)
    assert (result.exit_code, result.stdout) == (code, "")


def test_a_job_that_runs_has_none_yet(call):
    with hold_job("RUNNING") as lock:
        result = call("result", lock.folder.id)
    assert result.exit_code == 11
    assert "arraymill wait" in result.stderr


def test_an_output_that_was_moved_is_said(call, tmp_path):
    result = call("result", store_job("DONE", output=str(tmp_path / "gone.npy")).id)
    assert result.exit_code == 3
    assert "gone.npy" in result.stderr

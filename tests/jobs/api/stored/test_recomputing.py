"""Jobs that are verified: after they are done, and before their output gets its name."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.api.stored import attempts
from arraymill.jobs.api.stored.recomputing import verify_job
from arraymill.jobs.errors import InputChangedError, SpecError, VerificationError
from arraymill.jobs.operations.elementwise.map import ExpressionKernel
from arraymill.jobs.report import report_of, report_text
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.store import JobFolder, list_jobs, read_settled, read_state

ASKED = {"sample": 4}


def the_job() -> JobFolder:
    (folder,) = list_jobs()
    return folder


def verified(folder: JobFolder) -> Any:
    return json.loads(folder.report.read_bytes()).get("verified")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every map wrong in its first element."""
    right = ExpressionKernel.apply_into

    def wrong(self: Any, blocks: Any, out: Any, region: Any = ()) -> None:
        right(self, blocks, out, region)
        out.flat[0] += 1

    monkeypatch.setattr(ExpressionKernel, "apply_into", wrong)


@pytest.fixture
def steps_spec(home: Path, tmp_path: Path, x_path: Path) -> JobSpec:
    return JobSpec(
        steps=[
            {"op": "map", "params": {"expr": "x * 2 + 1"}},
            {"op": "svd"},
            {"op": "map", "name": "scores", "inputs": ["svd.u", "svd.s"], "params": {"expr": "x * y"}},
            {"op": "sum", "params": {"axis": 0}},
        ],
        inputs={"x": {"path": str(x_path)}},
        output=str(tmp_path / "y.npy"),
        cluster={"kind": "inline", "workers": 1},
    )


def receipt(folder: JobFolder) -> str:
    settled = read_settled(folder)
    assert settled.plan is not None
    return report_text(report_of(read_state(folder), settled, settled.plan))


def test_a_job_that_is_right(map_spec: JobSpec) -> None:
    attempts.run_stored(map_spec)
    (checked,) = verify_job(the_job(), n_samples=4, seed=1)
    (finding,) = checked.findings
    assert (checked.operation, finding.is_within_bound, finding.n_checked) == ("map", True, 4 * 4000)
    assert verified(the_job()) == []
    assert "verified" not in receipt(the_job())


def test_a_result_that_is_kept_with_the_job(sum_spec: JobSpec) -> None:
    attempts.run_stored(sum_spec)
    (checked,) = verify_job(the_job(), n_samples=1, seed=0)
    assert [(finding.is_within_bound, finding.n_checked) for finding in checked.findings] == [(True, 1)]


def test_an_output_that_was_changed_is_wrong(map_spec: JobSpec, tmp_path: Path) -> None:
    attempts.run_stored(map_spec)
    y = np.load(tmp_path / "y.npy", mmap_mode="r+")
    y[0, 7] = -y[0, 7]
    y.flush()
    (checked,) = verify_job(the_job(), n_samples=4, seed=0)
    (finding,) = checked.findings
    assert (finding.is_within_bound, finding.worst and finding.worst.index) == (False, (0, 7))


def test_a_changed_input_is_refused(map_spec: JobSpec, x_path: Path) -> None:
    attempts.run_stored(map_spec)
    x = np.load(x_path, mmap_mode="r+")
    x[3, 3] += 1
    x.flush()
    with pytest.raises(InputChangedError, match="not there any more") as caught:
        verify_job(the_job(), n_samples=4, seed=0)
    assert (caught.value.exit_code, "x.npy changed" in caught.value.cause) == (3, True)


def test_steps_whose_arrays_are_gone_are_said(steps_spec: JobSpec) -> None:
    attempts.run_stored(steps_spec)
    checked = {each.step: each for each in verify_job(the_job(), n_samples=4, seed=0)}
    assert list(checked) == ["map", "svd", "scores", "sum"]
    # what is computed where it is read can be read again
    assert [finding.is_within_bound for finding in checked["map"].findings] == [True]
    assert "is not there any more" in checked["svd"].reason


def test_a_job_that_asks_for_it_is_checked_step_by_step(steps_spec: JobSpec) -> None:
    attempts.run_stored(steps_spec.model_copy(update={"verify": JobSpec(op="x", verify=ASKED).verify}))
    records = verified(the_job())
    assert [(record["step"], record["reason"]) for record in records] == [
        ("map", ""), ("svd", ""), ("scores", ""), ("sum", "")
    ]  # fmt: skip
    assert all(finding["ok"] and finding["checked"] for record in records for finding in record["findings"])
    assert "against NumPy in float64: the largest error is" in receipt(the_job())


@pytest.mark.usefixtures("broken")
def test_a_wrong_output_does_not_get_its_name(map_spec: JobSpec, tmp_path: Path) -> None:
    spec = map_spec.model_copy(update={"verify": JobSpec(op="x", verify=ASKED).verify})
    with pytest.raises(VerificationError, match="is not what NumPy computes"):
        attempts.run_stored(spec)
    state = read_state(the_job())
    assert (state.status, state.exit_code) == ("FAILED", 8)
    assert state.error is not None
    assert "found" in state.error["cause"]
    assert "WRONG: " in receipt(the_job())
    assert not (tmp_path / "y.npy").exists()
    with pytest.raises(VerificationError):
        attempts.resume_job(the_job())
    assert not (tmp_path / "y.npy").exists()


@pytest.mark.usefixtures("broken")
def test_a_wrong_step_of_several_ends_the_job(steps_spec: JobSpec, tmp_path: Path) -> None:
    with pytest.raises(VerificationError):
        attempts.run_stored(steps_spec.model_copy(update={"verify": JobSpec(op="x", verify=ASKED).verify}))
    assert not list(tmp_path.glob("y*.npy"))


def test_what_cannot_be_checked_is_refused_before_work(home: Path, tmp_path: Path, x_path: Path) -> None:
    (tmp_path / "double.py").write_text("def double(x):\n    return 2 * x\n")
    spec = JobSpec(
        op="apply",
        inputs=[str(x_path)],
        params={"function": f"{tmp_path / 'double.py'}:double"},
        output=str(tmp_path / "y.npy"),
        cluster={"kind": "inline"},
        verify=ASKED,
    )
    with pytest.raises(SpecError, match="function of your own") as caught:
        attempts.run_stored(spec)
    assert caught.value.next.startswith("leave verify out")
    assert not os.path.exists(tmp_path / "y.npy")  # noqa: PTH110 - nor a link


def test_the_check_is_no_part_of_what_a_job_answers(map_spec: JobSpec) -> None:
    from arraymill.jobs.api.stored.resumption import spec_digest

    assert spec_digest(map_spec) == spec_digest(map_spec.model_copy(update={"verify": ASKED}))

"""Inputs and versions that change while a job runs, or between its death and its resume; and two resumes at once."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fault_tally import counted

import arraymill.jobs.api.stored.preparation as preparation
import arraymill.jobs.api.stored.resumption as resumption
import arraymill.jobs.arrays.fingerprints as fingerprints
from arraymill.jobs.api.stored.resumption import assess
from arraymill.jobs.store import read_settled
from crashes.changes import CHANGES, source_of
from crashes.checking import History
from crashes.drivers import Ending, drive, start
from crashes.effects import Kill, Meanwhile
from crashes.pool import Cases
from crashes.recording import Undisturbed, undisturbed
from crashes.shapes import new_case, output_digest

N_BLOCKS = 8
N_ACKNOWLEDGED = 6


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a job whose input changed after its driver was killed.

    Parameters
    ----------
    refused : Ending
        Of a resume as it is.
    changes : tuple of str
    stale : dict of int to str
        What `assess` said.
    accepted : Ending
        Of a resume with --accept-changed.
    complaints : list of str
    """

    refused: Ending
    changes: tuple[str, ...] = ()
    stale: dict[int, str] = field(default_factory=dict)
    accepted: Ending | None = None
    complaints: list[str] = field(default_factory=list)


def sample_inputs() -> None:
    """Let the input be too large to be looked at whole."""
    fingerprints.N_SAMPLES = 2


def other_versions() -> None:
    """Let it be another NumPy than before."""
    now = preparation.current_versions

    def later(device: str) -> dict[str, str]:
        return now(device) | {"numpy": "99.0"}

    preparation.current_versions = resumption.current_versions = later


def killed(folder: Path, clean: Undisturbed, changes: list[Callable[[], object]]) -> History:
    """Return a large job whose driver was killed when six of its eight blocks were done."""
    history = History(new_case(folder, "large"), clean.digest)
    kill = Kill(clean.blocks[N_ACKNOWLEDGED + 1])
    history.check_stopped(history.add(drive(history.case, "run", kill, changes=changes)))
    history.expect(len(history.acknowledged) == N_ACKNOWLEDGED, f"{history.acknowledged} were acknowledged")
    return history


def changed_between(folder: Path, clean: Undisturbed, name: str, is_sampled: bool) -> Told:
    """Kill a driver, change its input, and resume: as it is, and then with the change accepted."""
    changes: list[Callable[[], object]] = [sample_inputs] if is_sampled else []
    history = killed(folder, clean, changes)
    case = history.case
    CHANGES[name](source_of(case))
    refused = drive(case, "resume", changes=changes)
    if refused.exit_code == 0:
        history.check_finished(history.add(refused))
        return Told(refused, complaints=history.complaints)
    history.expect(output_digest(case) == "nothing", "it is refused and published")
    if name in ("truncate", "reshape"):
        return Told(refused, complaints=history.complaints)
    (job,) = case.jobs()
    before = fingerprints.N_SAMPLES
    try:
        for change in changes:
            change()
        assessment = assess(job)
    finally:
        fingerprints.N_SAMPLES = before
    accepted = drive(case, "resume", changes=changes, accept_changed=True)
    history.digest = fresh_digest(folder / "fresh", name)
    history.check_finished(accepted)
    return Told(refused, assessment.changes, dict(assessment.stale), accepted, history.complaints)


def fresh_digest(folder: Path, name: str) -> str:
    """Return what comes out of a run that began after the change."""
    case = new_case(folder, "large")
    CHANGES[name](source_of(case))
    ending = drive(case, "run")
    assert ending.exit_code == 0, ending.text
    return output_digest(case)


@pytest.fixture(scope="module")
def clean(cases: Cases) -> Undisturbed:
    """Return an undisturbed run of a job whose input has several chunks."""
    return cases.one(undisturbed, "large")


@pytest.mark.parametrize("name", ["touch", "copy_over"])
def test_an_input_of_the_same_content_is_accepted_without_asking(cases: Cases, clean: Undisturbed, name: str) -> None:
    with counted("survived byte-identical"):
        told = cases.one(changed_between, clean, name, False)
        assert told.complaints == []
        assert sorted(told.refused.ran) == [6, 7]


def test_a_changed_block_runs_again_where_the_content_proves_the_others_same(cases: Cases, clean: Undisturbed) -> None:
    with counted("survived byte-identical"):
        told = cases.one(changed_between, clean, "change_content", False)
        assert (told.complaints, told.refused.exit_code, told.refused.error_id) == ([], 3, "input-changed")
        assert "a.npy changed: mtime, content of blocks 2, 3" in told.refused.text
        assert "--accept-changed" in told.refused.text
        assert [change for change in told.changes if "content of blocks 2, 3" in change] == list(told.changes)
        assert sorted(told.stale) == [2, 3]
        assert told.accepted is not None
        assert sorted(told.accepted.ran) == [2, 3, 6, 7]


@pytest.mark.parametrize("name", ["change_content", "touch"])
def test_every_block_runs_again_where_the_content_proves_nothing(cases: Cases, clean: Undisturbed, name: str) -> None:
    with counted("survived byte-identical"):
        told = cases.one(changed_between, clean, name, True)
        assert (told.complaints, told.refused.exit_code) == ([], 3)
        assert sorted(told.stale) == list(range(N_ACKNOWLEDGED))
        assert told.accepted is not None
        assert sorted(told.accepted.ran) == list(range(N_BLOCKS))


@pytest.mark.parametrize(
    ("name", "words"),
    [("truncate", ["a.npy"]), ("reshape", ["a.npy", "it was float64 (8, 65536)", "is float64 (4, 65536)"])],
)
def test_an_input_that_is_another_array_is_refused_naming_both(
    cases: Cases, clean: Undisturbed, name: str, words: list[str]
) -> None:
    with counted("failed cleanly"):
        told = cases.one(changed_between, clean, name, False)
        assert (told.complaints, told.refused.exit_code, told.refused.ran) == ([], 3, ())
        assert [word for word in words if word not in told.refused.text] == []


def changed_meanwhile(folder: Path, clean: Undisturbed, name: str, at: int) -> tuple[Ending, list[str]]:
    """Change the input in mid-run, put it back, and resume."""
    history = History(new_case(folder, "large"), clean.digest)
    case = history.case
    source, kept = source_of(case), folder / "kept.npy"
    shutil.copyfile(source, kept)
    ending = history.add(drive(case, "run", Meanwhile(at, partial(CHANGES[name], source))))
    history.expect(output_digest(case) == "nothing", "something is published")
    kept.rename(source)
    history.check_finished(history.add(drive(case, "resume")))
    return ending, history.complaints


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_an_input_that_changes_in_mid_run_stops_the_job_and_costs_nothing_once_it_is_back(
    cases: Cases, clean: Undisturbed, name: str
) -> None:
    for (_, _, at), (ending, complaints) in cases.map(
        changed_meanwhile, [(clean, name, clean.blocks[block]) for block in (0, 3, 5)]
    ):
        with counted("survived byte-identical"):
            assert (at, complaints, ending.exit_code) == (at, [], 3), ending.text
            assert "a.npy" in ending.text
            assert "then" in ending.text or "was" in ending.text


def with_other_versions(folder: Path, clean: Undisturbed) -> tuple[Ending, History]:
    """Resume a job with another NumPy: as it is, and accepted."""
    history = killed(folder, clean, [])
    refused = history.add(drive(history.case, "resume", changes=[other_versions]))
    accepted = history.add(drive(history.case, "resume", changes=[other_versions], accept_changed=True))
    history.check_finished(accepted)
    return refused, history


def test_other_versions_are_refused_unless_accepted(cases: Cases, clean: Undisturbed) -> None:
    with counted("survived byte-identical"):
        refused, history = cases.one(with_other_versions, clean)
        assert history.complaints == []
        assert (refused.exit_code, refused.ran) == (3, ())
        assert f"numpy was {np.__version__}, is 99.0" in refused.text


def resumed_twice(folder: Path, clean: Undisturbed, at: int) -> tuple[Ending, list[str]]:
    """Resume a job, stop that driver in its midst, resume once more, and let the first one go on."""
    history = killed(folder, clean, [])
    stop = Meanwhile(at, _stop_here)
    first = start(history.case, "resume", stop)
    first.wait_until_stopped()
    second = drive(history.case, "resume")
    os.kill(first.pid, signal.SIGCONT)
    history.check_finished(history.add(first.end()))
    history.expect(not second.ran, f"the second ran {second.ran}")
    (job,) = history.case.jobs()
    history.expect(read_settled(job).epoch == 2, "the second counts as an attempt")
    return second, history.complaints


def _stop_here() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def test_the_second_of_two_resumes_at_once_is_told_so(cases: Cases, clean: Undisturbed) -> None:
    for (_, at), (second, complaints) in cases.map(resumed_twice, [(clean, at) for at in (3, 10, 20)]):
        with counted("failed cleanly"):
            assert (at, complaints) == (at, [])
            assert (second.exit_code, second.error_id) == (11, "job-running")
            assert "pid" in second.text

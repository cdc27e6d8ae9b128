"""SIGKILL of the driver at every lasting effect of a job, and again of the driver that resumes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_tally import counted

from crashes.checking import History, has_begun
from crashes.drivers import drive
from crashes.effects import Kill
from crashes.pool import Cases
from crashes.recording import undisturbed
from crashes.shapes import SHAPES, new_case
from crashes.sizes import sample


def killed_and_resumed(folder: Path, shape: str, digest: str, kills: tuple[Kill, ...]) -> list[str]:
    """Kill one driver after another, finish the job, and return what is wrong with it."""
    case = new_case(folder, shape)
    history = History(case, digest)
    for kill in kills:
        ending = history.add(drive(case, "resume" if has_begun(case) else "run", kill))
        if ending.signal == 0:
            # it finished before it came to that effect
            break
        history.check_stopped(ending)
    else:
        ending = history.add(drive(case, "resume" if has_begun(case) else "run"))
    history.check_finished(ending)
    history.expect_no_correction()
    return history.complaints


def killed_early_and_resumed(folder: Path, shape: str, digest: str, at: int) -> tuple[bool, list[str]]:
    """Kill a driver before its job has a first record, and resume it all the same; return whether that was refused."""
    case = new_case(folder, shape)
    history = History(case, digest)
    history.check_stopped(history.add(drive(case, "run", Kill(at))))
    if has_begun(case) or not case.jobs():
        return False, history.complaints
    ending = history.add(drive(case, "resume"))
    is_refused = ending.exit_code != 0
    if is_refused:
        history.expect(ending.is_clean, f"it is refused with a bug: {ending}")
        ending = history.add(drive(case, "run"))
    history.check_finished(ending)
    return is_refused, history.complaints


@pytest.mark.parametrize("shape", SHAPES)
def test_a_driver_killed_before_any_effect_loses_nothing(cases: Cases, shape: str) -> None:
    clean = cases.one(undisturbed, shape)
    at = range(1, len(clean.effects) + 1)
    kills = [(shape, clean.digest, (Kill(number),)) for number in (at if shape == "map" else sample(at, len(at) // 3))]
    for (_, _, tried), complaints in cases.map(killed_and_resumed, kills):
        with counted("survived byte-identical"):
            assert (tried, complaints) == (tried, [])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_driver_killed_half_way_through_a_write_loses_nothing(cases: Cases, shape: str) -> None:
    clean = cases.one(undisturbed, shape)
    writes = [number for number, name in enumerate(clean.effects, 1) if name in ("write", "pwritev")]
    kills = [(shape, clean.digest, (Kill(number, is_half=True),)) for number in sample(writes, 12)]
    for (_, _, tried), complaints in cases.map(killed_and_resumed, kills):
        with counted("survived byte-identical"):
            assert (tried, complaints) == (tried, [])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_second_driver_killed_during_recovery_loses_nothing(cases: Cases, shape: str) -> None:
    clean = cases.one(undisturbed, shape)
    n_effects = len(clean.effects)
    pairs = [(Kill(first), Kill(second)) for first in range(1, n_effects, 3) for second in range(1, n_effects)]
    tries = [(shape, clean.digest, kills) for kills in sample(pairs, 70 if shape == "reduce" else 10)]
    for (_, _, tried), complaints in cases.map(killed_and_resumed, tries):
        with counted("survived byte-identical", 2):
            assert (tried, complaints) == (tried, [])


def test_a_job_killed_before_its_first_record_is_resumed_or_refused_cleanly(cases: Cases) -> None:
    clean = cases.one(undisturbed, "map")
    tries = [("map", clean.digest, at) for at in range(1, clean.effects.index("reserve"), 2)]
    n_refused = 0
    for (_, _, at), (is_refused, complaints) in cases.map(killed_early_and_resumed, tries):
        with counted("survived byte-identical"):
            assert (at, complaints) == (at, [])
        n_refused += is_refused
    assert n_refused < len(tries) // 2

"""Disks that are full, fail or go away under a whole job: one clear error, nothing half, and a resume that finishes."""

from __future__ import annotations

import errno
import resource
import shutil
import signal
import subprocess
from functools import partial
from itertools import product
from pathlib import Path

import pytest
from fault_tally import counted

from crashes.checking import History, has_begun
from crashes.drivers import Ending, drive
from crashes.effects import Fail, Fault, Meanwhile
from crashes.pool import Cases
from crashes.recording import undisturbed
from crashes.shapes import SHAPES, new_case, output_digest
from crashes.sizes import IS_SOAK, sample

ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT)
EXIT_CODES = {0, 1, 2, 6, 75}


def check_refused(history: History, ending: Ending) -> None:
    """Check that a driver finished, or said clearly why not, and left nothing half."""
    history.expect(ending.is_clean and ending.exit_code in EXIT_CODES, f"it is no clean error: {ending}")
    history.expect(ending.exit_code == 0 or "next:" in ending.text, f"what to do is not said: {ending.text}")
    seen = output_digest(history.case)
    history.expect(seen in ("nothing", "old", history.digest), f"something half is seen: {seen}")


def check_resumed(history: History) -> None:
    """Check that the job is finished once what was wrong is mended."""
    case = history.case
    history.check_finished(history.add(drive(case, "resume" if has_begun(case) else "run")))


def failed_and_resumed(folder: Path, shape: str, digest: str, fault: Fault) -> tuple[int, list[str]]:
    """Run a job into an error of the disk, and resume it; return how it ended first, and what is wrong."""
    history = History(new_case(folder, shape), digest, may_retry=True)
    ending = history.add(drive(history.case, "run", fault))
    check_refused(history, ending)
    if ending.exit_code != 0:
        check_resumed(history)
    return ending.exit_code, history.complaints


def check_failures(cases: Cases, tries: list[tuple[str, str, Fault]]) -> list[int]:
    """Check that every job ends in a clean error, and is finished by a resume; return the exit codes."""
    exit_codes = []
    for (_, _, fault), (exit_code, complaints) in cases.map(failed_and_resumed, tries):
        with counted("survived byte-identical"):
            assert (fault, complaints) == (fault, [])
        exit_codes.append(exit_code)
    return exit_codes


@pytest.mark.parametrize("shape", SHAPES)
def test_an_error_of_any_effect_is_a_clean_error_and_a_resume_finishes(cases: Cases, shape: str) -> None:
    clean = cases.one(undisturbed, shape)
    at = range(1, len(clean.effects) + 1)
    faults = [Fail(*pair) for pair in product(at, ERRORS)] if IS_SOAK else [Fail(n, ERRORS[n % 3]) for n in at]
    exit_codes = check_failures(
        cases, [(shape, clean.digest, fault) for fault in (faults if shape == "map" else sample(faults, 20))]
    )
    assert 75 in exit_codes
    # one beyond the last effect: nothing is left to go wrong
    assert check_failures(cases, [(shape, clean.digest, Fail(len(at) + 1, errno.EIO))]) == [0]


def failed_home(folder: Path, shape: str, digest: str, at: int) -> tuple[int, list[str]]:
    """Run a job whose home can no longer be written from an effect on, and resume it."""
    return failed_and_resumed(folder, shape, digest, Fail(at, errno.EROFS, str(folder / "home")))


def test_a_home_that_cannot_be_written_any_more_stops_the_job(cases: Cases) -> None:
    clean = cases.one(undisturbed, "map")
    tries = [("map", clean.digest, at) for at in sample(range(1, len(clean.effects) + 1), 20)]
    for (_, _, at), (exit_code, complaints) in cases.map(failed_home, tries):
        with counted("survived byte-identical"):
            assert (at, complaints) == (at, [])
            # 0: only the receipt was missing, and the job is done without it
            assert exit_code in (0, 2, 75)


def lost_output(folder: Path, shape: str, digest: str, at: int) -> list[str]:
    """Run a job whose output's folder is removed in mid-run, resume it without, and with the folder."""
    history = History(new_case(folder, shape), digest)
    case = history.case
    out = case.output.parent
    ending = history.add(drive(case, "run", Meanwhile(at, partial(shutil.rmtree, out))))
    check_refused(history, ending)
    history.expect(ending.exit_code != 0, "it finished without a folder")
    check_refused(history, history.add(drive(case, "resume")))
    out.mkdir()
    if shape != "reduce":
        # only partials are elsewhere
        history.acknowledged.clear()
    check_resumed(history)
    return history.complaints


@pytest.mark.parametrize("shape", ["map", "reduce"])
def test_an_output_folder_that_is_removed_in_mid_run_costs_what_was_in_it(cases: Cases, shape: str) -> None:
    clean = cases.one(undisturbed, shape)
    first = clean.blocks[0] if shape == "map" else clean.effects.index("fdatasync") + 2
    moments = range(first, clean.blocks[-1])
    for (_, _, at), complaints in cases.map(lost_output, [(shape, clean.digest, at) for at in sample(moments, 8)]):
        with counted("survived byte-identical"):
            assert (at, complaints) == (at, [])


def lost_job(folder: Path, shape: str, digest: str, at: int) -> list[str]:
    """Run a job whose own folder is removed in mid-run, and run it anew."""
    history = History(new_case(folder, shape), digest)
    case = history.case
    jobs = case.home / "jobs"
    ending = history.add(drive(case, "run", Meanwhile(at, partial(shutil.rmtree, jobs))))
    check_refused(history, ending)
    history.expect(ending.exit_code != 0, "it finished without a folder")
    history.expect(not case.partial.exists(), "its unfinished output is left, which nothing can finish")
    case.output.unlink(missing_ok=True)
    history.acknowledged.clear()
    check_resumed(history)
    return history.complaints


def test_a_job_whose_folder_is_removed_in_mid_run_says_so_and_leaves_nothing(cases: Cases) -> None:
    clean = cases.one(undisturbed, "map")
    moments = range(clean.effects.index("reserve"), clean.effects.index("link"))
    for (_, _, at), complaints in cases.map(lost_job, [("map", clean.digest, at) for at in sample(moments, 10)]):
        with counted("failed cleanly"):
            assert (at, complaints) == (at, [])


def limited(folder: Path, shape: str, digest: str, limit: int) -> tuple[int, list[str]]:
    """Run a job under a limit of file size, and resume it without."""
    history = History(new_case(folder, shape), digest)

    def set_limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    ending = history.add(drive(history.case, "run", changes=[set_limit]))
    check_refused(history, ending)
    if ending.exit_code != 0:
        check_resumed(history)
    return ending.exit_code, history.complaints


@pytest.mark.parametrize("shape", SHAPES)
def test_a_limit_of_file_size_is_a_clean_error(cases: Cases, shape: str) -> None:
    digest = cases.one(undisturbed, shape).digest
    limits = [0, 1, 300, 500, 1000, 3000, 5000, 20_000, 40_000, 10**6]
    exit_codes = []
    for (_, _, limit), (exit_code, complaints) in cases.map(limited, [(shape, digest, limit) for limit in limits]):
        with counted("survived byte-identical"):
            assert (limit, complaints) == (limit, [])
        exit_codes.append(exit_code)
    assert exit_codes[-1] == 0
    assert 0 not in exit_codes[:5]


def on_small_disk(folder: Path, shape: str, digest: str, name: str, n_bytes: int) -> tuple[str, int, list[str]]:
    """Run a job with its home or its output on a small file system, and again with room; return why it cannot be."""
    case = new_case(folder, shape)
    history, place = History(case, digest), {"home": case.home, "out": case.output.parent}[name]
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={n_bytes}", "tmpfs", str(place)]
    try:
        subprocess.run(mount, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return getattr(error, "stderr", "") or str(error), 0, []
    try:
        case.lay_out_old_output()
        ending = history.add(drive(case, "run"))
        check_refused(history, ending)
        subprocess.run(["mount", "-o", "remount,size=4m", str(place)], check=True)
        if ending.exit_code != 0:
            check_resumed(history)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
    return "", ending.exit_code, history.complaints


@pytest.mark.parametrize(("place", "n_pages"), [("home", 4), ("home", 6), ("home", 8), ("out", 2)])
def test_a_small_disk_is_a_clean_error(cases: Cases, place: str, n_pages: int) -> None:
    digest = cases.one(undisturbed, "map").digest
    why_not, exit_code, complaints = cases.one(on_small_disk, "map", digest, place, n_pages * resource.getpagesize())
    if why_not:
        pytest.skip(f"no small file system can be mounted here: {why_not}")
    with counted("survived byte-identical"):
        assert complaints == []
        assert exit_code in ((2, 75) if place == "home" else (2, 6))

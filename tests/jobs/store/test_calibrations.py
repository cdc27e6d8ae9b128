"""Facts of kept calibrations: they come back whole or not at all, and never pile up."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arraymill.jobs.errors import JobError
from arraymill.jobs.rates.calibration import Calibration
from arraymill.jobs.store import Machine, calibration_path, read_calibration, write_calibration

NOW_S = 1_800_000_000.0
DAY_S = 86400.0
HERE = Machine("cpu", "node1", "EPYC", 2, versions="numpy 2.4")
ONE = Calibration("cpu", NOW_S, 1.1, 1.0, 2, "/scratch", read=9e9, writes={1: 2e9}, flops={"f4": 1e11})


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_what_is_kept_comes_back() -> None:
    path = write_calibration(HERE, ONE)
    assert read_calibration(HERE, now_s=NOW_S) == ONE
    assert path == calibration_path(HERE)
    assert path.stat().st_mode & 0o777 == 0o600


def test_whole_numbers_come_back_too() -> None:
    write_calibration(HERE, replace(ONE, read=10**9))
    assert read_calibration(HERE, now_s=NOW_S) == replace(ONE, read=1e9)


def test_none_is_kept_at_first(home: Path) -> None:
    assert read_calibration(HERE, now_s=NOW_S) is None
    assert not home.exists()


@pytest.mark.parametrize(
    ("age_s", "share", "is_known"),
    [
        (29 * DAY_S, 1.0, True),
        (31 * DAY_S, 1.0, False),
        (1000.0, 0.5, True),
        (DAY_S, 0.5, False),
        (-DAY_S, 1.0, False),
    ],
)
def test_it_expires_and_sooner_if_it_was_disturbed(age_s: float, share: float, is_known: bool) -> None:
    write_calibration(HERE, replace(ONE, share=share))
    assert (read_calibration(HERE, now_s=NOW_S + age_s) is not None) is is_known


@pytest.mark.parametrize(
    "other",
    [
        {"device": "cuda"},
        {"host": "node2"},
        {"processor": "Xeon"},
        {"n_cores": 64},
        {"gpu": "H100"},
        {"versions": "numpy 2.5"},
    ],
)
def test_another_machine_has_its_own(other: dict[str, Any]) -> None:
    write_calibration(HERE, ONE)
    assert read_calibration(replace(HERE, **other), now_s=NOW_S) is None


def test_new_versions_take_the_place_of_old_ones(home: Path) -> None:
    for version in range(3):
        write_calibration(replace(HERE, versions=str(version)), ONE)
    assert len(list((home / "calibration").iterdir())) == 1


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        document = json.loads(content)
        change(document)
        return json.dumps(document).encode()

    return edit


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[:-20],
        lambda content: b"\xff" + content,
        lambda content: b"[" * 100_000,
        lambda content: b"[1, 2]",
        lambda content: b"null",
        lambda content: content.replace(b"9000000000.0", b"9900000000.0"),
        lambda content: content + b" " * (1 << 17),
        edited(lambda document: document.pop("sha256")),
        edited(lambda document: document.update(schema=2)),
        edited(lambda document: document["calibration"].update(read=float("nan"))),
        edited(lambda document: document["calibration"].pop("read")),
        edited(lambda document: document["calibration"].update(flops=[1])),
        edited(lambda document: document["machine"].update(host="node9")),
    ],
)
def test_a_spoilt_file_is_as_good_as_none(spoil: Callable[[bytes], bytes]) -> None:
    path = write_calibration(HERE, ONE)
    path.write_bytes(spoil(path.read_bytes()))
    assert read_calibration(HERE, now_s=NOW_S) is None
    write_calibration(HERE, ONE)
    assert read_calibration(HERE, now_s=NOW_S) == ONE


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_as_good_as_none(make: Callable[[Path], object]) -> None:
    path = write_calibration(HERE, ONE)
    path.unlink()
    make(path)
    assert read_calibration(HERE, now_s=NOW_S) is None


def test_a_home_that_cannot_be_made_is_said(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(JobError):
        write_calibration(HERE, ONE)
    assert read_calibration(HERE, now_s=NOW_S) is None


def test_an_absurd_rate_is_not_kept(home: Path) -> None:
    with pytest.raises(ValueError, match="no rate"):
        write_calibration(HERE, replace(ONE, read=1e300))
    assert not home.exists()


def test_machines_with_a_new_name_each_time_do_not_pile_up(home: Path) -> None:
    for number in range(40):
        write_calibration(replace(HERE, host=f"container{number}"), ONE)
        path = calibration_path(replace(HERE, host=f"container{number}"))
        os.utime(path, (number, number))
    assert len(list((home / "calibration").iterdir())) <= 33
    assert read_calibration(replace(HERE, host="container39"), now_s=NOW_S) == ONE


def test_readers_see_the_old_or_the_new_one() -> None:
    ones = [replace(ONE, read=float(rate)) for rate in (1e9, 2e9)]
    write_calibration(HERE, ones[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for one in ones:
                write_calibration(HERE, one)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200):
            assert read_calibration(HERE, now_s=NOW_S) in ones
    finally:
        stop.set()
        writer.join()

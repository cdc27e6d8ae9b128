from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from journal_session import Receipt

from arraymill.jobs.errors import JobError
from arraymill.jobs.store import JobFolder, Journal, PartialRef, Settled, read_settled, settle
from arraymill.jobs.store.settled import partial_end

REF = {"offset": 8, "nbytes": 4, "crc32": 1, "arrays": [{"shape": [1], "dtype": "<f4", "order": "C"}]}


def block(number: int, **fields: object) -> dict[str, object]:
    return {"kind": "block", "block": number, **fields}


def test_nothing_comes_to_nothing() -> None:
    assert settle([]) == Settled()


def test_the_last_record_of_a_block_wins() -> None:
    settled = settle([block(1, partial=REF, attempt=1), block(1, attempt=2)])
    assert settled.done == {1: {"block": 1, "attempt": 2}}
    assert settled.partials == {}


@pytest.mark.parametrize("kind", ["corrupt", "stale", "hole"])
def test_a_block_is_taken_back(kind: str) -> None:
    settled = settle([block(1, partial=REF), block(2), {"kind": kind, "block": 1}])
    assert (settled.done.keys(), settled.partials) == ({2}, {})
    assert settled.holes == ({1} if kind == "hole" else frozenset())


def test_a_block_that_runs_after_all_is_no_hole() -> None:
    settled = settle([{"kind": "hole", "block": 1}, block(1)])
    assert (set(settled.done), settled.holes) == ({1}, frozenset())


def test_partials_are_found() -> None:
    assert settle([block(1, partial=REF)]).partials == {1: PartialRef.from_json(REF)}
    assert partial_end(block(1, partial=REF)) == 12


@pytest.mark.parametrize("ref", [{}, [], "x", 7, {**REF, "arrays": [{"shape": [1]}]}, {**REF, "arrays": None}])
def test_a_block_whose_partial_nobody_understands_runs_again(ref: object) -> None:
    assert settle([block(1, partial=ref)]).done == {}
    assert partial_end(block(1, partial=ref)) == 0


def test_events_are_counted_and_kept_in_order() -> None:
    kinds = ["retry", "retry", "death", "timeout", "split", "note", "device"]
    settled = settle([{"kind": kind, "block": 3} for kind in kinds])
    assert (settled.n_retries, settled.n_deaths, settled.n_timeouts, settled.n_splits) == (2, 1, 1, 1)
    assert [event["kind"] for event in settled.events] == kinds
    assert settled.done == {}


def test_the_finest_split_is_remembered() -> None:
    assert settle([{"kind": "split", "n_splits": 2}, block(1, n_splits=3), block(2, n_splits=0)]).splits == 3


def test_the_last_plan_output_and_epoch_count() -> None:
    records = [
        {"kind": "plan", "n_blocks": 3},
        {"kind": "epoch", "epoch": 1},
        {"kind": "output", "path": "a", "partial": "a.partial"},
        {"kind": "plan", "n_blocks": 4},
        {"kind": "epoch", "epoch": 2},
        {"kind": "committed"},
    ]
    settled = settle(records)
    assert (settled.plan, settled.epoch, settled.committed) == ({"n_blocks": 4}, 2, True)
    assert settled.output == {"path": "a", "partial": "a.partial"}


@pytest.mark.parametrize(
    "record", [block(1) | {"block": "1"}, {"kind": "block"}, {"kind": "epoch"}, {"kind": "hole"}, {"kind": "stale"}]
)
def test_a_record_that_says_too_little_does_nothing(record: dict[str, object]) -> None:
    settled = settle([record])
    assert (settled.done, settled.epoch, settled.holes) == ({}, 0, frozenset())


def test_settling_changes_no_record() -> None:
    record = {"kind": "plan", "n_blocks": 3}
    settle([record])
    assert record == {"kind": "plan", "n_blocks": 3}


def test_reading_creates_nothing_and_passes_over_a_torn_end(folder: JobFolder) -> None:
    assert read_settled(folder) == Settled()
    assert not folder.ledger.exists()
    with Journal.open(folder) as journal:
        journal.done(Receipt(1))
        journal.commit()
    folder.ledger.write_bytes(folder.ledger.read_bytes() + b"01234567 {torn")
    size = folder.ledger.stat().st_size
    assert set(read_settled(folder).done) == {1}
    assert folder.ledger.stat().st_size == size
    shutil.rmtree(folder.path)
    assert read_settled(folder) == Settled()


def test_a_ledger_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    folder.ledger.mkdir()
    with pytest.raises(JobError):
        read_settled(folder)

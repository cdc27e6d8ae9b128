from __future__ import annotations

import errno
import stat
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from disk_faults import FaultyDisk
from fault_tally import counted
from journal_session import N_BLOCKS, PLAN, Promises, Receipt, Session, check, partial_of, same

from arraymill.jobs import disk
from arraymill.jobs.errors import StoreFullError
from arraymill.jobs.store import JobFolder, JobState, Journal, read_ledger, read_settled, write_file


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(folder: JobFolder, clock: Clock) -> Iterator[Journal]:
    with Journal.open(folder, clock=clock) as journal:
        yield journal


def test_a_block_counts_when_it_is_committed(journal: Journal, folder: JobFolder) -> None:
    assert journal.done(Receipt(3)) == ()
    assert journal.settled().done == read_settled(folder).done == {}
    assert journal.commit() == (3,)
    assert journal.settled().done == read_settled(folder).done == {3: Receipt(3).to_json()}
    assert journal.commit() == ()


def test_a_block_that_arrives_twice_is_told_once(journal: Journal) -> None:
    journal.done(Receipt(3))
    journal.done(Receipt(4))
    journal.done(Receipt(3))
    assert journal.commit() == (3, 4)


def test_a_group_is_committed_when_it_is_full(journal: Journal) -> None:
    assert [journal.done(Receipt(block)) for block in range(63)] == [()] * 63
    assert journal.done(Receipt(63)) == tuple(range(64))
    assert journal.done(Receipt(64)) == ()


def test_a_group_is_committed_when_it_is_old(journal: Journal, clock: Clock) -> None:
    clock.now_s = 100.0
    journal.done(Receipt(0))
    clock.now_s = 100.4
    assert (journal.tick(), journal.done(Receipt(1))) == ((), ())
    clock.now_s = 100.5
    assert journal.tick() == (0, 1)
    clock.now_s = 200.0
    # the age of a group is that of its first record
    assert journal.done(Receipt(2)) == ()
    clock.now_s = 200.5
    assert journal.done(Receipt(3)) == (2, 3)


def test_an_event_is_committed_with_its_group(journal: Journal, clock: Clock) -> None:
    journal.event("retry", block=3, why="io")
    assert journal.settled().events == ()
    clock.now_s = 0.5
    assert journal.tick() == ()
    assert [(e["kind"], e["block"], e["why"]) for e in journal.settled().events] == [("retry", 3, "io")]


def test_a_group_is_one_write_and_one_sync(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    effects = FaultyDisk(monkeypatch).log
    for block in range(64):
        journal.done(Receipt(block))
    assert [name for name, _ in effects] == ["write", "fsync"]


def test_partials_are_durable_before_the_ledger_names_them(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.done(Receipt(1), (np.ones(3),))
    effects = FaultyDisk(monkeypatch).log
    journal.commit()
    assert [name for name, _ in effects] == ["fdatasync", "write", "fsync"]


def test_partials_come_back_in_a_later_attempt(folder: JobFolder) -> None:
    with Journal.open(folder) as journal:
        for block in range(N_BLOCKS):
            journal.done(Receipt(block), partial_of(block))
        journal.commit()
    with Journal.open(folder) as journal:
        refs = journal.settled().partials
        assert list(refs) == [block for block in range(N_BLOCKS) if partial_of(block) is not None]
        assert all(same(journal.read_partial(ref), partial_of(block)) for block, ref in refs.items())


def test_a_damaged_partial_reads_as_none(folder: JobFolder, journal: Journal) -> None:
    journal.done(Receipt(1), partial_of(1))
    journal.commit()
    ref = journal.settled().partials[1]
    folder.partials.write_bytes(bytes(folder.partials.stat().st_size))
    assert journal.read_partial(ref) is None


def test_the_room_of_a_partial_that_was_taken_back_is_not_used_again(folder: JobFolder) -> None:
    with Journal.open(folder) as journal:
        journal.done(Receipt(1), partial_of(1))
        journal.event("corrupt", block=1)
        journal.commit()
    size = folder.partials.stat().st_size
    with Journal.open(folder) as journal:
        journal.done(Receipt(1), partial_of(1))
        journal.commit()
        assert journal.settled().partials[1].offset == size > 0


def test_the_path_of_an_output_is_not_taken_for_a_partial(folder: JobFolder) -> None:
    with Journal.open(folder) as journal:
        journal.event("output", path="/c.npy", partial="/c.npy.partial")
        journal.commit()
    with Journal.open(folder) as journal:
        assert journal.settled().output is not None


def test_a_plan_is_durable_when_it_is_told(journal: Journal, folder: JobFolder) -> None:
    journal.begin(PLAN)
    assert read_settled(folder).plan == PLAN
    journal.begin({**PLAN, "n_blocks": 4})
    assert read_settled(folder).plan == {**PLAN, "n_blocks": 4}


def test_epochs_count_up_whatever_was_lost(folder: JobFolder) -> None:
    with Journal.open(folder) as journal:
        assert [journal.start_epoch(), journal.start_epoch()] == [1, 2]
    folder.epoch.unlink()
    with Journal.open(folder) as journal:
        assert journal.start_epoch() == 3
    folder.ledger.unlink()
    with Journal.open(folder) as journal:
        assert journal.start_epoch() == 4
        assert folder.epoch.read_text() == "4\n"
    write_file(folder.epoch, b"no number")
    with Journal.open(folder) as journal:
        assert journal.start_epoch() == 5


def test_what_was_not_committed_is_forgotten(folder: JobFolder) -> None:
    with Journal.open(folder) as journal:
        journal.done(Receipt(1), partial_of(1))
    with Journal.open(folder) as journal:
        assert journal.settled().done == {}
        assert folder.partials.stat().st_size == 0


def test_nobody_else_may_read_the_books(folder: JobFolder, journal: Journal) -> None:
    journal.done(Receipt(1), partial_of(1))
    journal.start_epoch()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (folder.ledger, folder.partials, folder.epoch)}
    assert modes == {0o600}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_job_is_resumed_after_any_write_fails(
    number: int, folder: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("fsync", "fdatasync", "fsync_folder"):
        monkeypatch.setattr(disk, name, lambda target: None)
    at = 0
    while at := at + 1:
        for path in folder.path.iterdir():
            if path.is_file():
                path.unlink()
        states: list[JobState] = []
        with pytest.MonkeyPatch.context() as patch:
            session = Session(folder, states, FaultyDisk(patch, at, number))
            if runs_through(session):
                break
        with counted("survived byte-identical"):
            check(folder, states, session.promises)
            resume(folder, states, session.promises)
    assert at > 50


def runs_through(session: Session) -> bool:
    try:
        return session.run()
    except StoreFullError:
        return False


def resume(folder: JobFolder, states: list[JobState], promises: Promises) -> None:
    with pytest.MonkeyPatch.context() as patch:
        session = Session(folder, states, FaultyDisk(patch), promises)
        assert session.run()
    check(folder, states, session.promises)
    assert len(session.promises.blocks) == N_BLOCKS


def test_after_a_failed_commit_no_block_counts_any_more(journal: Journal, folder: JobFolder) -> None:
    journal.done(Receipt(1), partial_of(1))
    with pytest.MonkeyPatch.context() as patch:
        FaultyDisk(patch, 1, errno.EIO)
        with pytest.raises(StoreFullError):
            journal.commit()
    with pytest.raises(StoreFullError):
        journal.commit()
    assert read_ledger(folder.ledger)[0] == []

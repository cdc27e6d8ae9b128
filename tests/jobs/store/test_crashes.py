"""The store after a crash at each of its effects, once and twice, and after a power failure; and what it takes to fail.

Each mutant below breaks one rule of the protocol, and the checker must see it: so it would see a real mistake.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
from crash_disk import RecordingDisk, Tree, lay_out
from disk_faults import FaultyDisk
from fault_tally import count_fault
from journal_session import N_BLOCKS, Promises, Session, check

from arraymill.jobs import disk
from arraymill.jobs.store import JobFolder, JobState, Journal, Ledger, PartialsFile, journal, ledger, state

NOTHING = Promises()
N_EFFECTS, N_EFFECTS_OF_RECOVERY = 80, 20
IS_SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"

Death: TypeAlias = tuple[Tree, list[JobState], Promises]
Faults: TypeAlias = Callable[[JobFolder], Iterator[None]]


def new_folder(path: Path) -> JobFolder:
    path.mkdir()
    return JobFolder(path)


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return new_folder(tmp_path / "abcdefgh")


@pytest.fixture(autouse=True)
def same_bytes_and_no_real_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a crash of the process leaves does not depend on them, and a power failure is modelled."""
    for name in ("fsync", "fdatasync", "fsync_folder"):
        monkeypatch.setattr(disk, name, lambda target: None)
    # A write is torn at the same places every time.
    monkeypatch.setattr(journal, "time", SimpleNamespace(time=lambda: 1_700_000_000.5))


def read_tree(folder: JobFolder) -> Tree:
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


def run(
    folder: JobFolder, states: list[JobState], promises: Promises, at: int, how: str
) -> tuple[Promises, FaultyDisk]:
    """Work on the job until the effect `at`, or to the end with 0; return what was promised, and the disk."""
    with pytest.MonkeyPatch.context() as patch:
        faulty = FaultyDisk(patch, at, how)
        session = Session(folder, states, faulty, promises)
        assert session.run() is not faulty.is_dead
        return session.promises, faulty


def deaths(folder: JobFolder, tree: Tree, states: list[JobState], promises: Promises, last: int) -> Iterator[Death]:
    """Let a job that stands at `tree` die at each effect up to the `last`, before it and in the midst of a write."""
    for at in range(1, last + 1):
        for how in ("before", "half"):
            lay_out(tree, folder.path)
            later = list(states)
            promised, faulty = run(folder, later, promises, at, how)
            if not faulty.is_dead:
                return
            if how == "before" or faulty.log[-1][0] in ("write", "pwritev"):
                yield read_tree(folder), later, promised


def crashes_of_the_process(folder: JobFolder) -> Iterator[None]:
    """Let the job die at every effect, let its recovery die too, then let it go on to its end; check after each."""
    for first in deaths(folder, {}, [], NOTHING, N_EFFECTS):
        for tree, states, promises in (first, *deaths(folder, *first, N_EFFECTS_OF_RECOVERY)):
            lay_out(tree, folder.path)
            check(folder, states, promises)
            yield
        promises, _ = run(folder, states, promises, 0, "")
        assert len(promises.blocks) == N_BLOCKS
        check(folder, states, promises)


def power_failures(folder: JobFolder, dies_at: int | None = None) -> Iterator[None]:
    """Check every state that a power failure may leave at any moment of a job, or of its recovery after it died."""
    states: list[JobState] = []
    lay_out({}, folder.path)
    with pytest.MonkeyPatch.context() as patch:
        recorder = RecordingDisk(folder.path, patch)
        recorder.dies_at = dies_at
        session = Session(folder, states, recorder)
        session.run()
        first, last = 0, len(recorder.log)
        if dies_at is not None:
            recorder.dies_at, first = None, last
            session = Session(folder, states, recorder, session.promises)
            session.run()
            last = min(len(recorder.log), first + N_EFFECTS_OF_RECOVERY)
    seen: set[tuple[object, ...]] = set()
    for n_effects in range(first, last + 1):
        promises = session.promised(n_effects)
        for tree in recorder.states(n_effects):
            if (key := (frozenset(tree.items()), promises)) not in seen:
                seen.add(key)
                lay_out(tree, folder.path)
                check(folder, states, promises)
                yield


def power_failures_after_a_crash(folder: JobFolder) -> Iterator[None]:
    """Check what a power failure leaves of the recovery: what it was told by the dead process may not be durable."""
    lay_out({}, folder.path)
    with pytest.MonkeyPatch.context() as patch:
        recorder = RecordingDisk(folder.path, patch)
        Session(folder, [], recorder).run()
    kinds = [effect.kind for effect in recorder.log]
    for dies_at in range(1, len(kinds)):
        # Most is at stake between a write and its sync.
        if IS_SOAK or kinds[dies_at - 1 : dies_at + 1] == ["write", "sync"]:
            yield from power_failures(folder, dies_at)


ALL = (power_failures, crashes_of_the_process, power_failures_after_a_crash)


@pytest.mark.parametrize("faults", ALL)
def test_nothing_promised_is_lost_and_nothing_false_is_believed(faults: Faults, folder: JobFolder) -> None:
    n_faults = sum(1 for _ in faults(folder))
    count_fault("survived byte-identical", n_faults)
    assert n_faults > 500


def test_a_job_has_as_many_effects_as_are_gone_through(folder: JobFolder) -> None:
    _, faulty = run(folder, [], NOTHING, 0, "")
    assert N_EFFECTS - 20 < len(faulty.log) <= N_EFFECTS


def ledger_without_sync(self: Ledger) -> None:
    disk.write(self.descriptor, b"".join(self._lines))
    self._lines.clear()


def ledger_before_partials(self: Journal) -> None:
    self._ledger.sync()
    self._partials.sync()


def keep_the_torn_tail(descriptor: int, good_bytes: int) -> None:
    os.lseek(descriptor, 0, os.SEEK_END)


def decode_without_checksum(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line[9:])
    except ValueError:
        return None
    return record if isinstance(record, dict) and "kind" in record else None


def open_without_sync(path: Path) -> Ledger:
    descriptor = disk.create(path, os.O_WRONLY, 0o600)
    good_bytes = ledger.read_ledger(path)[1]
    disk.ftruncate(descriptor, good_bytes)
    os.lseek(descriptor, 0, os.SEEK_END)
    disk.fsync_folder(path.parent)
    return Ledger(path, descriptor, good_bytes)


def write_in_place(path: Path, content: bytes) -> None:
    descriptor = disk.create(path, os.O_WRONLY | os.O_TRUNC, 0o600)
    disk.write(descriptor, content)
    disk.fsync(descriptor)
    disk.fsync_folder(path.parent)
    os.close(descriptor)


def rename_without_sync(path: Path, content: bytes) -> None:
    descriptor = disk.create(path.with_suffix(".new"), os.O_WRONLY | os.O_TRUNC, 0o600)
    disk.write(descriptor, content)
    os.close(descriptor)
    disk.rename(path.with_suffix(".new"), path)
    disk.fsync_folder(path.parent)


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "the ledger is not synced": (Ledger, "sync", ledger_without_sync),
    "partials are not synced": (PartialsFile, "sync", lambda self: None),
    "the ledger is written before the partials": (Journal, "_sync", ledger_before_partials),
    "a torn tail is kept": (ledger, "_cut", keep_the_torn_tail),
    "checksums are not looked at": (ledger, "_decode", decode_without_checksum),
    "what was read is not synced": (Ledger, "open", open_without_sync),
    "names are not synced": (disk, "fsync_folder", None),
    "the state is written in place": (state, "write_file", write_in_place),
    "the state is renamed before it is synced": (state, "write_file", rename_without_sync),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_in_the_protocol_is_seen(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, mutant = MUTANTS[name]
    if mutant is None:
        monkeypatch.setattr(RecordingDisk, f"_{attribute}", lambda self, path: None)
    else:
        monkeypatch.setattr(owner, attribute, mutant)
    # In turns: which of them sees it first differs.
    all_faults = zip_longest(*(faults(new_folder(tmp_path / faults.__name__)) for faults in ALL))
    with pytest.raises(AssertionError):
        deque(all_faults, maxlen=0)

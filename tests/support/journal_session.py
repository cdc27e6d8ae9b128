"""A scripted job that goes through the whole protocol of the store, and what must be true of it after any crash."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from disk_faults import Died

from arraymill.jobs.stages.kernels import Partial
from arraymill.jobs.store import JobFolder, JobLock, JobState, Journal, Settled, read_settled, read_state, write_state

N_BLOCKS = 12
PLAN = {"operation": "cov", "n_blocks": N_BLOCKS, "fingerprints": ["9f4c"]}
_GROUP = 3


@dataclass(frozen=True, slots=True)
class Receipt:
    block: int

    def to_json(self) -> dict[str, Any]:
        return {"block": self.block, "crc32": 1_000_003 * self.block, "seconds": {"read": 0.25, "compute": 1.5}}


def partial_of(block: int) -> Partial | None:
    """Return the partial of a block with an odd number; the others have none."""
    if block % 2 == 0:
        return None
    rows = np.arange(6.0).reshape(2, 3) + block
    return (rows, np.asfortranarray(rows.astype(">f4")), np.array(block), np.empty((0, 2), "<c16"))


def same(one: Partial | None, other: Partial | None) -> bool:
    """Return whether two partials are of the same bits, dtypes, shapes and memory orders."""
    if one is None or other is None:
        return one is other
    return len(one) == len(other) and all(
        (a.dtype, a.shape, a.strides, a.tobytes()) == (b.dtype, b.shape, b.strides, b.tobytes())
        for a, b in zip(one, other, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Promises:
    """What the store has said is durable."""

    blocks: frozenset[int] = frozenset()
    epoch: int = 0
    has_plan: bool = False
    committed: bool = False
    n_states: int = 0
    """How many states were written."""
    n_tried: int = 0
    """How many were begun: one more while one is being written."""


class Session:
    """One process that works on the job until it is done or dies.

    Parameters
    ----------
    folder : JobFolder
    states : list
        Every state that was ever to be written, by this and earlier processes.
    disk : object
        With a ``log``: how long it is says when something was promised.
    """

    def __init__(self, folder: JobFolder, states: list[JobState], disk: Any, promises: Promises = Promises()) -> None:
        self.folder, self.states, self.disk, self.promises = folder, states, disk, promises
        self.history: list[tuple[int, Promises]] = [(0, promises)]

    def run(self) -> bool:
        """Return whether it came to the end."""
        try:
            with JobLock.acquire(self.folder) as lock:
                assert lock.fd >= 0
                self._write_state("STARTING")
                with Journal.open(self.folder, clock=lambda: 0.0) as journal:
                    self._work(journal)
                self._write_state("DONE")
        except Died:
            return False
        return True

    def _work(self, journal: Journal) -> None:
        settled = journal.settled()
        missing = [block for block in range(N_BLOCKS) if not is_done(journal, settled, block)]
        # What a journal says when it is opened is a promise, too: whoever goes on relies on it.
        self._promise(blocks=frozenset(range(N_BLOCKS)) - set(missing), committed=settled.committed)
        if settled.plan is None:
            journal.begin(PLAN)
        self._promise(has_plan=True)
        self._promise(epoch=journal.start_epoch())
        self._write_state("RUNNING")
        for count, block in enumerate(missing):
            if count == 1:
                journal.event("retry", block=block, why="io")
            self._done(journal, block)
            if count == 2:
                # It is found to be bad and runs again.
                self._promise(blocks=self.promises.blocks - {block})
                journal.event("corrupt", block=block)
                self._done(journal, block)
            if count % _GROUP == _GROUP - 1:
                self._commit(journal)
        journal.event("committed")
        self._commit(journal)
        self._promise(committed=True)

    def _done(self, journal: Journal, block: int) -> None:
        assert journal.done(Receipt(block), partial_of(block)) == ()

    def _commit(self, journal: Journal) -> None:
        self._promise(blocks=self.promises.blocks | set(journal.commit()))

    def _write_state(self, status: str) -> None:
        state = JobState(status, epoch=self.promises.epoch, n_done=len(self.promises.blocks))
        self.states.append(state)
        self._promise(n_tried=len(self.states))
        write_state(self.folder, state)
        self._promise(n_states=len(self.states))

    def _promise(self, **changes: Any) -> None:
        self.promises = replace(self.promises, **changes)
        self.history.append((len(self.disk.log), self.promises))

    def promised(self, n_effects: int) -> Promises:
        """Return what was promised when so many effects had happened."""
        return next(promises for count, promises in reversed(self.history) if count <= n_effects)


def is_done(journal: Journal, settled: Settled, block: int) -> bool:
    """Return whether a block need not run again."""
    if block not in settled.done:
        return False
    return partial_of(block) is None or journal.read_partial(settled.partials[block]) is not None


def check(folder: JobFolder, states: list[JobState], promises: Promises) -> None:
    """Assert that a folder keeps what was promised, and says nothing that is not true. It is recovered by that."""
    _check_state(folder, states, promises)
    read_by_others = read_settled(folder)
    with Journal.open(folder) as journal:
        settled = journal.settled()
        assert settled == read_by_others
        assert promises.blocks <= settled.done.keys(), "a block that was acknowledged is forgotten"
        for block, record in settled.done.items():
            _check_block(journal, settled, block, record)
    assert settled.plan in ((PLAN,) if promises.has_plan else (None, PLAN))
    assert settled.epoch >= promises.epoch
    assert settled.committed or not promises.committed


def _check_block(journal: Journal, settled: Settled, block: int, record: dict[str, Any]) -> None:
    told = {name: value for name, value in record.items() if name != "partial"}
    assert told == Receipt(block).to_json(), "a receipt is believed that was never written like this"
    ref = settled.partials.get(block)
    stored = None if ref is None else journal.read_partial(ref)
    assert same(stored, partial_of(block)), "a block is believed whose partial is not what it returned"


def _parsed(text: bytes) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return f"not JSON: {text!r}"


def _check_state(folder: JobFolder, states: list[JobState], promises: Promises) -> None:
    possible = states[max(promises.n_states - 1, 0) : promises.n_tried]
    if folder.state.exists():
        assert _parsed(folder.state.read_bytes()) in [asdict(state) for state in possible]
        assert read_state(folder).status in ("INTERRUPTED", "DONE")
    else:
        assert promises.n_states == 0, "the state is gone"

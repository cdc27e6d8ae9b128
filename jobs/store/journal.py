"""The protocol by which work becomes done: a block counts once its bytes, and then its record, are durable.

::

    worker   write the block, fdatasync        a crash here: the block runs again and writes the same bytes
    driver   append the partial, if it has one
    driver   partials: fdatasync               the ledger never names bytes that are not there
    driver   ledger: write, fsync              now, and not before, the block is done
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from ..stages.kernels import Partial
from .files import read_file, write_file, writing
from .home import JobFolder
from .ledger import Ledger, read_ledger
from .partials import PartialRef, PartialsFile
from .settled import Settled, partial_end, read_own

__all__ = ["Journal", "Receipt"]

_GROUP_RECORDS = 64
_GROUP_S = 0.5


class Receipt(Protocol):
    """What a worker returns of a block it has run."""

    @property
    def block(self) -> int:
        """Number of the block."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return all of it, in types that JSON has."""
        ...


@dataclass(slots=True)
class Journal:
    """The ledger and the partials of a job, written by the one process that holds its lock, in one thread.

    Parameters
    ----------
    folder : JobFolder
    clock : callable
        Seconds, from any beginning.
    """

    folder: JobFolder
    clock: Callable[[], float]
    _ledger: Ledger
    _partials: PartialsFile
    _waiting: list[int] = field(default_factory=list)
    _waiting_since: float = 0.0
    _settled: tuple[int, Settled] | None = None

    @classmethod
    def open(cls, folder: JobFolder, *, clock: Callable[[], float] = time.monotonic) -> Self:
        """Open the ledger and the partials of a job, in whatever state a crash left them: a torn end is cut off.

        What is read from them from now on is durable.

        Raises
        ------
        JobError
        """
        good_bytes = _end_of_partials(read_ledger(folder.ledger)[0])
        # Partials first: what the ledger will be relied on to say must not outlast the bytes it names.
        partials = PartialsFile.open(folder.partials, good_bytes)
        try:
            ledger = Ledger.open(folder.ledger)
        except BaseException:
            partials.close()
            raise
        return cls(folder, clock, ledger, partials)

    def begin(self, plan_record: Mapping[str, Any]) -> None:
        """Write the plan, which the first block may rely on when this returns.

        Raises
        ------
        JobError
        """
        self._append({"kind": "plan", **plan_record})
        self.commit()

    def start_epoch(self) -> int:
        """Begin a new attempt and return its number: workers of earlier ones find that theirs is stale.

        Raises
        ------
        JobError
        """
        epoch = max(_stored_epoch(self.folder), self.settled().epoch) + 1
        # The file first: should the ledger miss this number, no later attempt uses it again.
        write_file(self.folder.epoch, b"%d\n" % epoch)
        self._append({"kind": "epoch", "epoch": epoch, "at_s": time.time()})
        self.commit()
        return epoch

    def done(self, record: Receipt, partial: Partial | None = None) -> tuple[int, ...]:
        """Add a block whose bytes are durable, or whose partial this is; return the blocks that count from now on.

        Those are the blocks of a whole group, when it is full or old enough; most often there are none.

        Raises
        ------
        JobError
        """
        entry = {"kind": "block", **record.to_json()}
        if partial is not None:
            entry["partial"] = self._partials.append(partial).to_json()
        self._append(entry)
        self._waiting.append(record.block)
        return self.tick()

    def event(self, kind: str, **fields: Any) -> None:
        """Add a record of something else that happened. It is durable after the next commit.

        Parameters
        ----------
        kind : str
            "output", "retry", "death", "timeout", "split", "hole", "corrupt", "stale", "verified", "committed", "note",
            or another word: what `settle` does not know is kept among the events.
        **fields
            In types that JSON has. "hole", "corrupt", "stale" concern ``block``; "split" says ``n_splits``.
        """
        self._append({"kind": kind, "at_s": time.time(), **fields})

    def tick(self) -> tuple[int, ...]:
        """Commit if the group is full or old enough, and return the blocks that count from now on.

        Raises
        ------
        JobError
        """
        is_due = self._ledger.n_unsynced and self.clock() - self._waiting_since >= _GROUP_S
        return self.commit() if is_due or self._ledger.n_unsynced >= _GROUP_RECORDS else ()

    def commit(self) -> tuple[int, ...]:
        """Make everything durable, and return the blocks that count from now on.

        Raises
        ------
        StoreFullError
            If that fails: nothing more can be written, and blocks that were not returned do not count.
        """
        self._sync()
        # A block may have arrived twice.
        blocks, self._waiting = tuple(dict.fromkeys(self._waiting)), []
        return blocks

    def settled(self) -> Settled:
        """Return what the ledger says, without what is not committed yet."""
        # To read and check 10,000 records takes a fifth of a second, and nobody else writes them.
        if self._settled is None or self._settled[0] != self._ledger.size:
            self._settled = self._ledger.size, read_own(self.folder)
        return self._settled[1]

    def read_partial(self, ref: PartialRef) -> Partial | None:
        """Return a stored partial, or None if its bytes are not what was stored."""
        return self._partials.read(ref)

    def close(self) -> None:
        """Close the files; what was not committed is forgotten."""
        self._ledger.close()
        self._partials.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, record: Mapping[str, Any]) -> None:
        if not self._ledger.n_unsynced:
            self._waiting_since = self.clock()
        self._ledger.append(record)

    def _sync(self) -> None:
        self._partials.sync()
        self._ledger.sync()


def _end_of_partials(records: Iterable[Mapping[str, Any]]) -> int:
    """Return where the last partial ends that a record names, those that were taken back included.

    Their room is not used again: a power failure may lose the record that took them back.
    """
    return max((partial_end(record) for record in records if record["kind"] == "block"), default=0)


def _stored_epoch(folder: JobFolder) -> int:
    with writing(folder.epoch):
        text = (read_file(folder.epoch) or b"").strip()
    return int(text) if text.isdigit() else 0

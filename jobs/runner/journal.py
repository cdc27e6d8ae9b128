"""Where receipts of blocks go: the runner's side of the commit protocol."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from ..engine import BlockRecord
from ..stages.kernels import Partial

__all__ = ["Journal", "NullJournal", "SettledBlocks"]


class Journal(Protocol):
    """Keeps receipts for a later run. A block is done once its receipt is committed, not before.

    `done`, `tick` and `commit` return the blocks that were committed since the last of these calls, each block once.
    Any of them may raise a StoreFullError, which ends the run at once.
    """

    def done(self, record: BlockRecord, partial: Partial | None) -> Collection[int]:
        """Take a receipt, and the partial of a block that is one part of several; commit if it is time to."""
        ...

    def tick(self) -> Collection[int]:
        """Commit if it is time to."""
        ...

    def commit(self) -> Collection[int]:
        """Commit all that was taken."""
        ...

    def event(self, kind: str, **fields: Any) -> None:
        """Note something that happened: retry, death, timeout, split, hole, corrupt, device."""
        ...

    def read_partial(self, ref: Any) -> Partial | None:
        """Return a stored partial, or None if it is not what was stored."""
        ...


class SettledBlocks(Protocol):
    """What an earlier run of the same job has done."""

    @property
    def done(self) -> Mapping[int, Any]:
        """Blocks whose receipts are committed."""
        ...

    @property
    def partials(self) -> Mapping[int, Any]:
        """Where the partials of those blocks are stored."""
        ...

    @property
    def holes(self) -> Collection[int]:
        """Blocks that were left out: they are not tried again."""
        ...

    @property
    def splits(self) -> int:
        """How often pieces had to be halved to fit in memory."""
        ...


class NullJournal:
    """Keeps nothing: for a job that cannot be resumed. Every block is done when it arrives."""

    def done(self, record: BlockRecord, partial: Partial | None) -> Collection[int]:
        """Return the block."""
        return (record.block,)

    def tick(self) -> Collection[int]:
        """Return nothing: nothing waits."""
        return ()

    def commit(self) -> Collection[int]:
        """Return nothing: nothing waits."""
        return ()

    def event(self, kind: str, **fields: Any) -> None:
        """Forget it."""

    def read_partial(self, ref: Any) -> Partial | None:
        """Return None: nothing is stored."""
        return None

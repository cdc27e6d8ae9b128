"""What has arrived: receipts on their way into the journal, partials on their way into the output."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from ..engine import BlockRecord, BlockResult
from .journal import Journal, SettledBlocks
from .merger import Merger
from .progress import Progress, Tally

__all__ = ["Receipts"]


class Receipts:
    """Receipts of blocks, each counted once it is committed.

    Parameters
    ----------
    journal : Journal
    merger : Merger
    tally : Tally
    on_progress : callable
        Called after each commit.
    """

    __slots__ = ("_journal", "_merger", "_on_progress", "_tally", "_waiting", "n_arrived", "records")

    def __init__(
        self, journal: Journal, merger: Merger, tally: Tally, on_progress: Callable[[Progress], object]
    ) -> None:
        self._journal, self._merger, self._tally, self._on_progress = journal, merger, tally, on_progress
        self._waiting: dict[int, BlockRecord] = {}
        self.records: list[BlockRecord] = []
        self.n_arrived = 0

    def take_over(self, settled: SettledBlocks | None, n_parts: int) -> set[int]:
        """Return the blocks that an earlier run has done, after giving their partials to the merger."""
        if settled is None:
            return set()
        if n_parts == 1:
            done = set(settled.done)
        else:
            done = set(settled.done) & set(settled.partials)
            for index in sorted(done):
                self._merger.add_stored(index, partial(self._journal.read_partial, settled.partials[index]))
        self._tally.done_blocks = len(done)
        return done

    def lost_partials(self) -> list[int]:
        """Return the blocks, done in an earlier run, whose partials cannot be read: they are not done any more."""
        lost, self._merger.unreadable = self._merger.unreadable, []
        for index in lost:
            self._tally.done_blocks -= 1
            self._journal.event("corrupt", block=index, cause="its stored partial cannot be read")
        return lost

    def add(self, result: BlockResult) -> None:
        """Take a block's result."""
        self.n_arrived += 1
        self._waiting[result.record.block] = result.record
        committed = self._journal.done(result.record, result.partial)
        self._merger.add(result.record.block, result.partial)
        self._count(committed)

    def tick(self) -> None:
        """Let the journal commit, if it is time to."""
        self._count(self._journal.tick())

    def commit(self) -> None:
        """Commit all that has arrived."""
        self._count(self._journal.commit())

    def _count(self, committed: Collection[int]) -> None:
        records = [self._waiting.pop(block) for block in committed if block in self._waiting]
        for record in records:
            self.records.append(record)
            self._tally.add(record)
        if records:
            self._on_progress(self._tally.progress())

"""The only loop over tasks: a bounded window of blocks on a session, until every block is done or the run must end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..engine import Attempt, BlockRecord, BlockResult, changes_bits, run_block
from ..errors import StoreFullError
from .agenda import Agenda
from .batching import Batching
from .context import RunContext
from .dispatch import Arrival, Dispatch
from .faults import Verdict
from .journal import SettledBlocks
from .merger import Merger, WriteResult
from .progress import Progress
from .receipts import Receipts
from .stop import Stop
from .trouble import Trouble
from .watchdog import Watchdog

__all__ = ["Loop", "RunOutcome", "RunSettings"]

_AHEAD = 4
"""Windows of partials that may wait for an earlier one: with more, no fresh blocks are sent."""
_CANARY_BLOCKS = 32
"""With more blocks per worker than this the first one runs alone, which costs the job 3 % at most."""
_SINGLE_BLOCKS = 32
"""Up to so many blocks are sent one by one: a slow block keeps back the receipts of those before it in its task."""
_TICK_S = 0.2
"""How often the loop looks at what may have changed besides the blocks that are out."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a run that came to its end has done.

    Parameters
    ----------
    records : tuple of BlockRecord
        Of the blocks of this run, in the order in which they were committed.
    holes : tuple of int
        Blocks that were left out.
    progress : Progress
        At the end.
    """

    records: tuple[BlockRecord, ...]
    holes: tuple[int, ...]
    progress: Progress


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a caller wants one run to go.

    Parameters
    ----------
    key : str
        What the keys of the tasks begin with: unique among all runs.
    write_result : callable
    on_progress : callable
    stop : Stop or None
    sleep : callable
    """

    key: str
    write_result: WriteResult
    on_progress: Callable[[Progress], object]
    stop: Stop | None
    sleep: Callable[[float], object]


class Loop:
    """One run, until every block is done or it must end.

    Parameters
    ----------
    context : RunContext
    settings : RunSettings
    order : sequence of int
        The order in which blocks are sent.
    settled : SettledBlocks or None
        What an earlier run has done.
    """

    def __init__(
        self,
        context: RunContext,
        settings: RunSettings,
        order: Sequence[int],
        settled: SettledBlocks | None,
    ) -> None:
        self._context, self._settings, self._stop = context, settings, settings.stop or Stop()
        stage, self._n_splits = context.work.stage, 0
        self._merger = Merger(stage, settings.write_result)
        self._receipts = Receipts(context.journal, self._merger, context.tally, settings.on_progress)
        if settled is not None and not changes_bits(stage, settled.splits):
            self._n_splits = settled.splits
        done = self._receipts.take_over(settled, stage.n_parts)
        holes = set(settled.holes) if settled is not None else set()
        self._agenda = Agenda(index for index in order if index not in done | holes)
        self._trouble = Trouble(context, self._agenda, self._merger, sorted(holes))
        self._watchdog = Watchdog(context)
        self._attempts: dict[int, int] = {}
        self._has_canary = self._agenda.n_fresh > _CANARY_BLOCKS * context.session.n_workers
        self._is_one_alone = False
        self._out = Dispatch(context.session, run_block, context.work, settings.key)
        self._batching = Batching(is_on=self._out.can_batch and self._agenda.n_fresh > _SINGLE_BLOCKS)

    def to_the_end(self) -> RunOutcome:
        """Run all blocks.

        Raises
        ------
        JobError
            If one failed, if the run was stopped, or if it cannot go on.
        """
        try:
            self._loop()
        except StoreFullError:
            raise
        except Exception:
            self._receipts.commit()
            raise
        self._receipts.commit()
        tally, trouble = self._context.tally, self._trouble
        if self._out or not self._agenda.is_empty:
            raise self._context.messages.interrupted(tally.done_blocks)
        if (error := trouble.error()) is not None:
            raise error
        return RunOutcome(tuple(self._receipts.records), tuple(trouble.holes), tally.progress())

    def close(self) -> None:
        """Ask that what is out does not start."""
        self._out.close()

    def _loop(self) -> None:
        stop = self._stop
        while not stop.is_leaving:
            self._run_lost_partials_again()
            if not stop.is_draining:
                self._send()
            if not self._out and (stop.is_draining or self._agenda.is_empty):
                return
            self._collect_all(self._wait())
            self._receipts.tick()
            self._watch()
        self._collect_all(self._out.wait(0))

    def _send(self) -> None:
        if self._is_one_alone:
            return
        context, is_idle = self._context, not self._out
        # one waits at each worker while one runs, once it is known how many blocks a task holds
        n_workers = context.session.n_workers
        n_tasks = (1 if self._batching.is_learning else 2) * n_workers
        waits_for_canary = self._has_canary and not self._receipts.n_arrived
        size = self._batching.size(self._agenda.n_fresh, n_workers=n_workers)
        is_clogged = self._merger.n_waiting >= _AHEAD * n_tasks * size
        n_free = n_tasks - len(self._out) if not waits_for_canary else int(is_idle)
        may_start = not (is_clogged or waits_for_canary)
        tasks = self._agenda.take(n_free, now_s=context.now(), is_idle=is_idle, may_start=may_start, size=size)
        for taken in tasks:
            sendings = [replace(sending, is_alone=sending.is_alone or waits_for_canary) for sending in taken]
            self._out.send(sendings, [self._attempt(sending.index) for sending in sendings])
            self._is_one_alone |= sendings[0].is_alone
            self._watchdog.saw_life()

    def _attempt(self, index: int) -> Attempt:
        number = self._attempts[index] = self._attempts.get(index, 0) + 1
        return Attempt(number, self._trouble.n_splits(index, self._n_splits))

    def _wait(self) -> list[Arrival]:
        # while a block is out alone, one whose back-off is over has to wait all the same
        due_s = None if self._is_one_alone else self._agenda.due_in_s(self._context.now())
        if not self._out:
            self._settings.sleep(min(due_s if due_s is not None else _TICK_S, _TICK_S))
            return []
        timeouts = [due_s] if due_s is not None else []
        if self._context.is_kept or self._watchdog.is_awake or self._settings.stop is not None:
            timeouts.append(_TICK_S)
        return self._out.wait(min(timeouts, default=None))

    def _collect_all(self, arrivals: list[Arrival]) -> None:
        for sending, result, error in arrivals:
            self._is_one_alone &= not sending.is_alone
            self._watchdog.saw_life()
            if result is not None:
                self._learn(result)
                self._receipts.add(result)
            elif error is None:
                self._agenda.put_back(sending.index, Verdict("again"), now_s=self._context.now())
            elif not self._stop.is_leaving:
                self._trouble.take(sending, error, is_first=not self._receipts.n_arrived)

    def _learn(self, result: BlockResult) -> None:
        """Take from a block how long one takes, and how small pieces have to be."""
        record = result.record
        self._batching.learn(result)
        self._watchdog.deadlines.learn(record.wall_s)
        if record.n_splits <= self._n_splits:
            return
        may_change = changes_bits(self._context.work.stage, record.n_splits)
        self._context.tally.splits += 1
        self._context.journal.event("split", block=record.block, n_splits=record.n_splits, changes_bits=may_change)
        if not may_change:
            self._n_splits = record.n_splits

    def _run_lost_partials_again(self) -> None:
        for index in self._receipts.lost_partials():
            self._agenda.put_back(index, Verdict("again"), now_s=self._context.now())

    def _watch(self) -> None:
        self._watchdog.replace_hung(self._out.blocks)
        if not self._out or not self._watchdog.is_silent():
            return
        if (failure := self._watchdog.replace_silent()) is None:
            return
        self._is_one_alone = False
        for sending in self._out.give_up():
            self._trouble.note(sending, failure, None, is_first=not self._receipts.n_arrived)

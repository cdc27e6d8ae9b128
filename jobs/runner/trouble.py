"""What went wrong in a run, and what that leads to: another attempt, a hole, or the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

import numpy as np

from ..blocks import region_shape
from ..engine import StickyDeviceError, changes_bits
from ..errors import BlockFailedError, UserCodeError
from .agenda import Agenda, Sending
from .context import RunContext
from .faults import Failure, judge_block, judge_device
from .merger import Merger

__all__ = ["Trouble"]

_MOST_FAILED = 8
"""When so many blocks have failed for good the run ends: the fault is not in the blocks."""


class Trouble:
    """The failures of a run.

    Parameters
    ----------
    context : RunContext
    agenda : Agenda
        Takes the blocks that run again.
    merger : Merger
        Is told which blocks will never come.
    holes : iterable of int
        Blocks that an earlier run left out.
    """

    __slots__ = ("_agenda", "_context", "_device_faults", "_errors", "_histories", "_merger", "_messages_seen", "holes")

    def __init__(self, context: RunContext, agenda: Agenda, merger: Merger, holes: Iterable[int] = ()) -> None:
        self._context, self._agenda, self._merger = context, agenda, merger
        self._histories: dict[int, list[Failure]] = {}
        self._device_faults: dict[str, int] = {}
        self._messages_seen: set[str] = set()
        self._errors: dict[int, Exception | None] = {}
        self.holes = list(holes)
        context.tally.holes = len(self.holes)

    def take(self, sending: Sending, error: Exception, *, is_first: bool) -> None:
        """Decide about a block that raised.

        Parameters
        ----------
        sending : Sending
        error : Exception
        is_first : bool
            No block of this run has succeeded yet.

        Raises
        ------
        JobError
            If the run cannot go on; errors that say what to do pass as they are.
        """
        is_death, says_what_to_do = getattr(error, "is_worker_death", False), hasattr(error, "exit_code")
        if isinstance(error, UserCodeError) and self._may_skip:
            self._leave_out(sending, error, is_first=is_first)
            return
        if says_what_to_do and not (is_death or getattr(error, "is_transient", False)):
            raise error
        failure = self._context.casualties.failure_of(error, sending.index, is_alone=sending.is_alone)
        self.note(sending, failure, error, is_first=is_first)
        if isinstance(error, StickyDeviceError):
            self._replace_device(sending.index, error)

    def note(self, sending: Sending, failure: Failure, error: Exception | None, *, is_first: bool) -> None:
        """Decide about a block by its history and this failure.

        Raises
        ------
        JobError
            If the run cannot go on.
        """
        history = self._histories.setdefault(sending.index, [])
        history.append(failure)
        self._count_deaths(sending.index, failure, error)
        verdict = judge_block(history, self._context.policy)
        if verdict.action in ("again", "alone"):
            self._context.tally.retries += 1
            self._context.journal.event("retry", block=sending.index, why=failure.kind, message=failure.message)
            self._agenda.put_back(sending.index, verdict, now_s=self._context.now())
        elif verdict.action == "no-fit":
            raise self._context.messages.cannot_fit(sending.index, failure.message, self._n_done) from error
        else:
            self._give_up(sending, error, is_first=is_first)

    def n_splits(self, index: int, n_splits: int) -> int:
        """Return how often a block's pieces are halved: once more for each time that it filled the host's memory."""
        n_more = sum(failure.kind == "oom" for failure in self._histories.get(index, ()))
        return n_splits if changes_bits(self._context.work.stage, n_splits + n_more) else n_splits + n_more

    def error(self) -> BlockFailedError | None:
        """Return the error of the first block that failed for good, if there is one."""
        if not self._errors:
            return None
        index = min(self._errors)
        failed = self._context.messages.block_failed(index, self._histories[index], self._n_done)
        failed.__cause__ = self._errors[index]
        return failed

    def _count_deaths(self, index: int, failure: Failure, error: Exception | None) -> None:
        casualties, policy, tally = self._context.casualties, self._context.policy, self._context.tally
        if casualties.n_deaths > tally.deaths:
            tally.deaths = casualties.n_deaths
            self._context.journal.event("death", block=index, why=failure.kind, message=failure.message)
        n_lost = casualties.n_deaths + casualties.n_replaced
        if n_lost <= policy.max_worker_deaths:
            return
        messages, n_allowed = self._context.messages, policy.max_worker_deaths
        tell = messages.too_little_memory if casualties.was_oom else messages.too_many_deaths
        raise tell(n_lost, n_allowed, failure.message, self._n_done) from error

    @property
    def _may_skip(self) -> bool:
        return self._context.policy.on_error == "skip" and self._context.work.stage.n_parts == 1

    def _leave_out(self, sending: Sending, error: UserCodeError, *, is_first: bool) -> None:
        """Leave out a block that the user's code failed on: it would again."""
        # without the rows: blocks that fail alike are told by equal messages
        message = next(iter(error.cause.splitlines()[-1:]), error.what)
        self._histories.setdefault(sending.index, []).append(Failure("error", message))
        self._give_up(sending, error, is_first=is_first)

    def _give_up(self, sending: Sending, error: Exception | None, *, is_first: bool) -> None:
        context, index, message = self._context, sending.index, self._histories[sending.index][-1].message
        is_systematic = is_first and message in self._messages_seen
        self._messages_seen.add(message)
        if self._may_skip and not is_systematic:
            self._leave_hole(index, message)
            return
        self._errors[index] = error
        self._merger.give_up(index)
        context.journal.event("failed", block=index, message=message)
        is_canary = is_first and sending.is_alone
        if is_systematic or is_canary or not context.is_kept or len(self._errors) >= _MOST_FAILED:
            failed = self.error()
            assert failed is not None
            raise failed

    def _leave_hole(self, index: int, message: str) -> None:
        work = self._context.work
        assert work.target is not None
        target, region = work.target.T if work.stage.reverse else work.target, work.stage.output_region(index)
        dtype = target.header.dtype
        with target.open(durable=work.durable) as writer:
            writer.write(region, np.full(region_shape(region), np.nan if dtype.kind in "fc" else 0, dtype))
        self.holes.append(index)
        self._context.tally.holes += 1
        self._context.journal.event("hole", block=index, message=message)

    def _replace_device(self, index: int, fault: StickyDeviceError) -> None:
        """Hold a fault against the device; its worker is started again, or never again."""
        session = self._context.session
        name = next((facts.name for facts in session.facts() if facts.pid == fault.pid), f"pid {fault.pid}")
        n_faults = self._device_faults[name] = self._device_faults.get(name, 0) + 1
        action = judge_device(n_faults)
        self._context.journal.event("device", worker=name, block=index, action=action, message=fault.message)
        self._context.casualties.expect(fault.pid, None, Failure("device", fault.message))
        if session.kind == "inline":
            self._end_without_device(fault)
        if action == "replace":
            session.replace(fault.pid)
        else:
            session.retire(name)
        if session.n_workers == 0:
            self._end_without_device(fault)

    def _end_without_device(self, fault: StickyDeviceError) -> NoReturn:
        raise self._context.messages.device_fault(fault.message, self._n_done) from fault

    @property
    def _n_done(self) -> int:
        return self._context.tally.done_blocks

"""Finds blocks that take too long, and tasks that no worker runs, and replaces the workers."""

from __future__ import annotations

from collections.abc import Collection

from ..engine import Running, read_board, take_down
from .context import RunContext
from .deadlines import Deadlines
from .faults import Failure

__all__ = ["Watchdog"]

_EVERY_S = 1.0


class Watchdog:
    """Watches the board where workers show what they run. Threads of this process cannot be ended: none is watched.

    Parameters
    ----------
    context : RunContext
        Without a board in its work, nothing is watched.
    """

    __slots__ = ("_board", "_context", "_looked_s", "_seen_s", "deadlines")

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._board = context.work.board if context.session.kind != "inline" else None
        self._looked_s = self._seen_s = context.now()
        self.deadlines = Deadlines(context.policy.timeout_s)

    @property
    def is_awake(self) -> bool:
        """Whether anything is watched."""
        return self._board is not None

    def saw_life(self) -> None:
        """Take note that a block was sent or came back."""
        self._seen_s = self._context.now()

    def replace_hung(self, out: Collection[int]) -> list[Running]:
        """Replace the workers of the blocks that are overdue, and return those.

        Parameters
        ----------
        out : collection of int
            Blocks whose result is awaited.
        """
        now_s = self._context.now()
        if self._board is None or now_s - self._looked_s < _EVERY_S:
            return []
        self._looked_s = now_s
        board = read_board(self._board)
        if board:
            self._seen_s = now_s
        overdue = [running for running in self.deadlines.overdue(board, now_s) if running.block in out]
        for running in overdue:
            message = f"it ran for more than {self.deadlines.limit_s:g} s"
            self._context.casualties.expect(running.pid, running.block, Failure("timeout", message))
            take_down(running)
            self._context.tally.timeouts += 1
            self._context.journal.event("timeout", block=running.block, pid=running.pid, message=message)
            self._context.session.replace(running.pid)
        return overdue

    def is_silent(self) -> bool:
        """Return whether no worker has shown a block for so long that what is out will never come."""
        return self._board is not None and self._context.now() - self._seen_s > self.deadlines.silence_s

    def replace_silent(self) -> Failure | None:
        """Replace every worker, and return the failure of the blocks that are out; None if all are just starting.

        At least one worker hangs between two blocks. No block runs, so that none is lost or to blame; it counts as the
        loss of one worker.
        """
        context, message = self._context, f"no worker ran a block for {self.deadlines.silence_s:g} s"
        failure, self._seen_s = Failure("bystander", message), context.now()
        pids = [facts.pid for facts in context.session.facts()]
        for pid in pids:
            context.casualties.expect(pid, None, failure)
        if not [pid for pid in pids if context.session.replace(pid)]:
            return None
        context.casualties.n_replaced += 1
        context.tally.timeouts += 1
        context.journal.event("timeout", message=message)
        return failure

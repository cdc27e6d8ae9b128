"""What is out: each task a block, or a few short ones, and what came of each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..engine import Attempt, BlockResult, Work
from .agenda import Sending

__all__ = ["Arrival", "Dispatch"]

Arrival: TypeAlias = tuple[Sending, BlockResult | None, Exception | None]
"""A block with its result, or with what it raised; with neither if its worker did not begin it."""


class Dispatch:
    """The tasks of a run that are out.

    Parameters
    ----------
    session : Session
        One that cannot ``share`` is handed everything with each task, one block at a time.
    run : callable
        ``run(work, index, attempt)``.
    work : Work
    key : str
        What the keys of the tasks begin with: unique among all runs.
    """

    __slots__ = ("_key", "_out", "_session", "_shared", "_task", "can_batch")

    def __init__(self, session: Any, run: Callable[..., Any], work: Work, key: str) -> None:
        self._session, self._key = session, key
        share = getattr(session, "share", None)
        self._shared = share(run, work) if share is not None else None
        self._task: tuple[Any, ...] = (run, work) if share is None else (self._shared,)
        # a device that fails is replaced before its next block
        self.can_batch = share is not None and work.backend != "torch-cuda"
        self._out: dict[Any, tuple[Sending, ...]] = {}

    def __len__(self) -> int:
        return len(self._out)

    @property
    def blocks(self) -> list[int]:
        """The blocks that are out."""
        return [sending.index for sendings in self._out.values() for sending in sendings]

    def send(self, sendings: Sequence[Sending], attempts: Sequence[Attempt]) -> None:
        """Send blocks as one task."""
        first, number = sendings[0].index, attempts[0].number
        if len(sendings) == 1:
            future = self._session.submit(*self._task, first, attempts[0], key=f"{self._key}-block-{first}-{number}")
        else:
            items = [(sending.index, attempt) for sending, attempt in zip(sendings, attempts, strict=True)]
            key = f"{self._key}-blocks-{first}-{number}"
            future = self._session.submit_batch(self._shared, items, key=key)
        self._out[future] = tuple(sendings)

    def wait(self, timeout_s: float | None) -> list[Arrival]:
        """Return what has arrived, once there is something or the time has run out.

        In the order in which it was sent, so that a run that is repeated decides the same; results before errors.
        """
        done = self._session.wait(set(self._out), timeout_s) if self._out else set()
        arrivals: list[Arrival] = []
        for future in [future for future in self._out if future in done]:
            arrivals += _outcomes(future, self._out.pop(future))
        # what is done must not be lost to a decision that ends the run
        return sorted(arrivals, key=lambda arrival: arrival[2] is not None)

    def give_up(self) -> list[Sending]:
        """Ask that nothing that is out starts, and return it: no result is awaited any more."""
        lost, self._out = self._out, {}
        for future in lost:
            future.cancel()
        return [sending for sendings in lost.values() for sending in sendings]

    def close(self) -> None:
        """Ask that nothing that is out starts, and let what the tasks share be forgotten."""
        for future in self._out:
            future.cancel()
        if self._shared is not None:
            self._shared.forget()


def _outcomes(future: Any, sendings: tuple[Sending, ...]) -> list[Arrival]:
    try:
        result = future.result()
    except Exception as error:  # noqa: BLE001 - a block may raise anything; it is judged, not dropped
        return [(sending, None, error) for sending in sendings]
    if len(sendings) == 1:
        return [(sendings[0], result, None)]
    begun = [(sending, *outcome) for sending, outcome in zip(sendings, result, strict=False)]
    return [*begun, *((sending, None, None) for sending in sendings[len(result) :])]

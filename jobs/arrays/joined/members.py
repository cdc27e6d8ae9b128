"""Members of a joined array that are open: a bounded number, however many there are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from ..source import Reader, Source

__all__ = ["OpenMembers"]

MOST_OPEN = 32
"""At once, for one reader: a worker has several of them, and a process may often open no more than 1024 files."""


class OpenMembers:
    """Readers of sources, opened when they are first asked for. One thread at a time.

    Those that were not used for longest are closed when there are more than `MOST_OPEN`: what such a reader gave to be
    viewed stays valid, as views keep their maps.

    Parameters
    ----------
    members : sequence of Source
    """

    __slots__ = ("_members", "_open")

    def __init__(self, members: Sequence[Source]) -> None:
        self._members = members
        self._open: OrderedDict[int, tuple[AbstractContextManager[Reader], Reader]] = OrderedDict()

    def __getitem__(self, number: int) -> Reader:
        """Return the reader of a member, which holds until others are asked for."""
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number][1]
        while len(self._open) >= MOST_OPEN:
            _, (oldest, _) = self._open.popitem(last=False)
            # which looks whether the file changed
            oldest.__exit__(None, None, None)
        context = self._members[number].open()
        reader = context.__enter__()
        self._open[number] = context, reader
        return reader

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all of them; without an error, each looks whether its file changed."""
        failure: BaseException | None = None
        while self._open:
            _, (context, _) = self._open.popitem()
            try:
                context.__exit__(None, None, None)
            except OSError as another:
                failure = failure or another
        if failure is not None and error is None:
            raise failure

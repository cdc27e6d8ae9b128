"""Ways from one thread to another that can be cut: nobody waits for ever on a pipeline that has stopped."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["Channel", "Shelf", "Stopped"]

_Item = TypeVar("_Item")


class Stopped(Exception):  # noqa: N818 - no error: another thread's is the one to raise
    """The pipeline has stopped, because another of its threads failed."""


class Channel(Generic[_Item]):
    """A queue of any length, to be closed by who fills it, or cut by anybody.

    Examples
    --------
    >>> channel = Channel[int]()
    >>> channel.put(1)
    >>> channel.close()
    >>> list(channel)
    [1]
    """

    __slots__ = ("_changed", "_is_closed", "_is_cut", "_items")

    def __init__(self, items: tuple[_Item, ...] = ()) -> None:
        self._items = deque(items)
        self._changed = threading.Condition()
        self._is_closed = self._is_cut = False

    def put(self, item: _Item) -> None:
        """Add an item at the end."""
        with self._changed:
            self._items.append(item)
            self._changed.notify()

    def take(self) -> _Item:
        """Return the first item, as soon as there is one.

        Raises
        ------
        Stopped
            If the channel was cut.
        StopIteration
            If it was closed and is empty.
        """
        with self._changed:
            while not (self._items or self._is_closed or self._is_cut):
                self._changed.wait()
            if self._is_cut:
                raise Stopped
            if not self._items:
                raise StopIteration
            return self._items.popleft()

    def close(self) -> None:
        """Say that no more items come."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def cut(self) -> None:
        """Let all who wait, and all who come, have `Stopped`."""
        with self._changed:
            self._is_cut = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[_Item]:
        while True:
            try:
                item = self.take()
            except StopIteration:
                return
            yield item
            # a generator that waits must not keep alive what it gave
            del item


class Shelf(Generic[_Item]):
    """Numbered items, put down in any order and taken by number.

    Examples
    --------
    >>> shelf = Shelf[str]()
    >>> shelf.put(7, "seven")
    >>> shelf.take(7)
    'seven'
    """

    __slots__ = ("_changed", "_is_cut", "_items")

    def __init__(self) -> None:
        self._items: dict[int, _Item] = {}
        self._changed = threading.Condition()
        self._is_cut = False

    def put(self, number: int, item: _Item) -> None:
        """Put an item down."""
        with self._changed:
            self._items[number] = item
            self._changed.notify_all()

    def take(self, number: int) -> _Item:
        """Return an item as soon as it is there.

        Raises
        ------
        Stopped
            If the shelf was cut.
        """
        with self._changed:
            while number not in self._items and not self._is_cut:
                self._changed.wait()
            if self._is_cut:
                raise Stopped
            return self._items.pop(number)

    def cut(self) -> None:
        """Let all who wait, and all who come, have `Stopped`."""
        with self._changed:
            self._is_cut = True
            self._items.clear()
            self._changed.notify_all()

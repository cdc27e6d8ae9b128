"""Partials of blocks put together in block order, whatever the order of their arrival."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from numpy.typing import NDArray

from ..blocks import Region
from ..engine import finish, merge
from ..stages.kernels import Partial
from ..stages.shapes import ContractStage, MapStage, ReduceStage

__all__ = ["Load", "Merger", "WriteResult"]

WriteResult: TypeAlias = Callable[[Region, NDArray[Any]], object]
Load: TypeAlias = Callable[[], Partial | None]
"""Reads a stored partial; None if it is not what was stored."""


@dataclass(slots=True)
class _Parts:
    """The parts of one region of the output."""

    merged: Partial | None = None
    n_merged: int = 0
    waiting: dict[int, tuple[int, Partial | Load]] = field(default_factory=dict)
    is_lost: bool = False


class Merger:
    """Merges the partials of each region of the output in block order.

    A partial that an earlier run stored is read when its turn comes, so that no more than one per region is held.

    Parameters
    ----------
    stage : Stage
    write : callable
        Takes each region of the output when its last part has been merged.
    """

    __slots__ = ("_n_waiting", "_regions", "_stage", "_write", "unreadable")

    def __init__(self, stage: MapStage | ReduceStage | ContractStage, write: WriteResult) -> None:
        self._stage: Any = stage
        self._write = write
        self._regions: dict[Region, _Parts] = {}
        self._n_waiting = 0
        self.unreadable: list[int] = []
        """Blocks whose stored partial could not be read: they have to run again. Emptied by who runs them."""

    @property
    def n_waiting(self) -> int:
        """Number of partials in memory that wait for an earlier one."""
        return self._n_waiting

    def add(self, index: int, partial: Partial | None) -> None:
        """Take the partial of block `index`; None of a block that wrote its own region."""
        if partial is not None:
            self._put(index, partial)

    def add_stored(self, index: int, load: Load) -> None:
        """Take the partial of a block that was done in an earlier run."""
        self._put(index, load)

    def give_up(self, index: int) -> None:
        """Take note that block `index` failed: what waits for it is dropped, and its region is never written."""
        if self._stage.n_parts == 1:
            return
        parts = self._regions.setdefault(self._stage.output_region(index), _Parts())
        self._n_waiting -= sum(not callable(partial) for _, partial in parts.waiting.values())
        parts.merged, parts.waiting, parts.is_lost = None, {}, True

    def _put(self, index: int, partial: Partial | Load) -> None:
        region = self._stage.output_region(index)
        parts = self._regions.setdefault(region, _Parts())
        if parts.is_lost:
            return
        parts.waiting[self._stage.part(index)] = (index, partial)
        self._n_waiting += not callable(partial)
        self._advance(parts)
        if parts.merged is not None and parts.n_merged == self._stage.n_parts:
            del self._regions[region]
            self._write(region, finish(self._stage, parts.merged, region))

    def _advance(self, parts: _Parts) -> None:
        while parts.n_merged in parts.waiting:
            index, waiting = parts.waiting.pop(parts.n_merged)
            if callable(waiting):
                following = waiting()
            else:
                following = waiting
                self._n_waiting -= 1
            if following is None:
                self.unreadable.append(index)
                return
            parts.merged = following if parts.merged is None else merge(self._stage, parts.merged, following)
            parts.n_merged += 1

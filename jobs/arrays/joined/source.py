"""Many arrays as one: joined end to end along an axis, or stacked along a new one. Nothing is copied.

::

    concatenate, axis 0        a | 0 1 2          stack, axis 0        a | 0
    bounds (0, 3, 5)           b | 3 4                                 b | 1

A region is split over the members that hold a part of it; one that lies within a member is looked at where it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Region, Shape
from ...errors import SpecError
from ...headers import ArrayHeader, Order
from ..source import Source, check_block, files_of, marks_of, view_of
from .checks import How, check_shapes, check_streams, common_dtype
from .members import MOST_OPEN, OpenMembers

__all__ = ["JoinedReader", "JoinedSource", "join_sources"]


@dataclass(frozen=True, slots=True)
class JoinedSource:
    """Sources as one array; `join_sources` makes it, after its checks.

    Parameters
    ----------
    members : tuple of Source
    header : ArrayHeader
        Of the whole.
    axis : int
        Along which they are joined, in the axes of the whole, not negative.
    bounds : tuple of int
        Where each member begins along the axis, and the end.
    is_stack : bool
        The axis is new: each member is one step of it.
    """

    members: tuple[Source, ...]
    header: ArrayHeader
    axis: int
    bounds: tuple[int, ...]
    is_stack: bool

    def __hash__(self) -> int:
        # not of ten thousand members: equal sources are equal in these
        return hash((self.header, self.axis, self.is_stack, self.members[0], self.members[-1]))

    @property
    def data_offset(self) -> int:
        """Return 0: there is no header of the whole."""
        return 0

    @property
    def is_streamed(self) -> bool:
        """Whether a member can only be read from front to back."""
        return any(getattr(member, "is_streamed", False) for member in self.members)

    @property
    def files(self) -> tuple[str, ...]:
        """Absolute paths of all files that are read."""
        return tuple(path for member in self.members for path in files_of(member))

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """What tells members that are no files from others."""
        return tuple(mark for member in self.members for mark in marks_of(member))

    @property
    def T(self) -> JoinedSource:  # noqa: N802 - NumPy's name
        """The same members with their axes reversed, joined along the same axis."""
        if self.header.ndim < 2:
            return self
        members = tuple(member.T for member in self.members)
        axis = self.header.ndim - 1 - self.axis
        return JoinedSource(members, self.header.T, axis, self.bounds, self.is_stack)

    @contextmanager
    def open(self) -> Iterator[JoinedReader]:
        """Open for reading; a member is opened when it is first read."""
        with OpenMembers(self.members) as members:
            yield JoinedReader(self, members)


@dataclass(frozen=True, slots=True)
class _Part:
    """What of a region one member holds: in the member's axes, and in those of the whole."""

    number: int
    inner: Region
    outer: Region


@dataclass(frozen=True, slots=True)
class JoinedReader:
    """Joined sources that are being read."""

    source: JoinedSource
    members: OpenMembers

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a region and return the bytes read."""
        check_block(self.source.header, region, out)
        moved = 0
        for part in self._parts(region):
            piece = view_of(out, part.outer, origin=region)
            if self.source.is_stack:
                index: tuple[Any, ...] = (*(slice(None),) * self.source.axis, 0, ...)
                piece = piece[index]
            moved += self.members[part.number].read(part.inner, piece)
        return moved

    def view(self, region: Region, *, is_kept: bool = False) -> NDArray[Any] | None:
        """Return a read-only view of a region that lies within one member, where that has one."""
        parts = list(self._parts(region, most=2))
        if len(parts) != 1:
            return None
        view = self.members[parts[0].number].view(parts[0].inner, is_kept=is_kept)
        if view is None or not self.source.is_stack:
            return view
        return np.expand_dims(view, self.source.axis)

    def expect(self, region: Region) -> None:
        """Say which region will be wanted next, to the first members that hold it."""
        for part in self._parts(region, most=2):
            self.members[part.number].expect(part.inner)

    def _parts(self, region: Region, most: int | None = None) -> Iterator[_Part]:
        """Yield what each member holds of a region, in order: no empty part, `most` parts at most."""
        axis, bounds = self.source.axis, self.source.bounds
        start, stop = region[axis]
        n_parts = 0
        while start < stop and n_parts != most:
            # the last member that begins here: those before it are empty
            number = bisect_right(bounds, start) - 1
            end = min(bounds[number + 1], stop)
            first = bounds[number]
            own = () if self.source.is_stack else ((start - first, end - first),)
            yield _Part(
                number,
                (*region[:axis], *own, *region[axis + 1 :]),
                (*region[:axis], (start, end), *region[axis + 1 :]),
            )
            start, n_parts = end, n_parts + 1


def join_sources(sources: Sequence[Source], how: How = "concatenate", axis: int = 0, *, name: str = "") -> Source:
    """Return sources as one array, in their order.

    Parameters
    ----------
    sources : sequence of Source
        At least one, all of one dtype, byte order aside; shapes as `numpy.concatenate` or `numpy.stack` takes them.
    how : {"concatenate", "stack"}
    axis : int
        The axis that they are joined along, or that is new; negative ones count from the end.
    name : str, optional
        How the whole is called in messages.

    Raises
    ------
    SpecError
        If there is no source, there is no such axis, or a shape does not fit: the odd one is named.
    InputUnsupportedError
        If one has another dtype than the others.

    Examples
    --------
    >>> from ..memory import MemorySource
    >>> whole = join_sources([MemorySource("a", np.arange(3)), MemorySource("b", np.arange(2))])
    >>> whole.header.shape
    (5,)
    >>> with whole.open() as reader:
    ...     out = np.empty(3, int)
    ...     _ = reader.read(((1, 4),), out)
    >>> out
    array([1, 2, 0])
    """
    if not sources:
        raise SpecError("there is nothing to join", cause="0 inputs were given", next="name at least one")
    headers = [source.header for source in sources]
    name = name or (headers[0].name if len(headers) == 1 else f"{headers[0].name} and {len(headers) - 1} more")
    is_stack = how == "stack"
    ndim = headers[0].ndim + is_stack
    if not -ndim <= axis < ndim:
        raise SpecError(
            f"{name}: cannot be joined along axis {axis}",
            cause=f"{how} of arrays with {headers[0].ndim} axes takes an axis from {-ndim} to {ndim - 1}"
            if ndim
            else "arrays without axes are not concatenated",
            next="name another axis" if ndim else "stack them: join: stack",
        )
    axis %= ndim
    check_shapes(headers, how, axis)
    check_streams(sources, axis)
    dtype = common_dtype(headers)
    lengths = [1 if is_stack else header.shape[axis] for header in headers]
    bounds = (0, *accumulate(lengths))
    first = headers[0].shape
    shape = (*first[:axis], bounds[-1], *first[axis if is_stack else axis + 1 :])
    # those that were read to their end keep nothing, and no more are open
    kept = sorted(header.reader_bytes for header in headers)[-(MOST_OPEN if axis else 2) :]
    header = ArrayHeader(name, shape, dtype, _order(headers, shape), sum(kept))
    return JoinedSource(tuple(sources), header, axis, bounds, is_stack)


def _order(headers: Sequence[ArrayHeader], shape: Shape) -> Order:
    return "F" if len(shape) > 1 and all(header.order == "F" for header in headers) else "C"

"""A part of another source, by NumPy's basic slicing: only what is selected is read, and steps in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Region, region_shape
from ..errors import InputUnsupportedError
from ..headers import ArrayHeader
from .runs import byte_strides
from .selected_stream import SelectedStreamReader
from .selection import Cut, parse_selection
from .source import Reader, Source, check_block, files_of, marks_of, view_of

__all__ = ["SelectedReader", "SelectedSource", "select_source"]

SCRATCH_BYTES = 4 * 2**20
"""Of what lies between selected elements, at most this is read at once."""

GAP_BYTES = 16 * 1024
"""What lies further apart is read one by one: to read a gap and throw it away costs less than a call up to here.

A reader whose calls cost more has a `gap_bytes` of its own."""


@dataclass(frozen=True, slots=True)
class SelectedSource:
    """A part of a source; `select_source` makes it.

    Parameters
    ----------
    source : Source
    cuts : tuple of Cut
        What is taken of each axis of `source`.
    header : ArrayHeader
        Of the part.
    """

    source: Source
    cuts: tuple[Cut, ...]
    header: ArrayHeader

    @property
    def data_offset(self) -> int:
        """Return 0: there is no header of the part."""
        return 0

    @property
    def is_streamed(self) -> bool:
        """Whether the source can only be read from front to back."""
        return bool(getattr(self.source, "is_streamed", False))

    @property
    def files(self) -> tuple[str, ...]:
        """Absolute paths of all files that are read."""
        return files_of(self.source)

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """What tells parts that are no files from others."""
        return marks_of(self.source)

    @property
    def T(self) -> SelectedSource:  # noqa: N802 - NumPy's name
        """The same part with its axes reversed; nothing is copied."""
        header = self.header if self.header.ndim < 2 else self.header.T
        return replace(self, source=self.source.T, cuts=self.cuts[::-1], header=header)

    @contextmanager
    def open(self) -> Iterator[SelectedReader | SelectedStreamReader]:
        """Open the source for reading."""
        with self.source.open() as reader:
            if self.is_streamed:
                yield SelectedStreamReader(self.header, self.cuts, reader, self.source.header)
            else:
                yield SelectedReader(self, reader)


class SelectedReader:
    """A part of a source that is being read. One thread at a time.

    Parameters
    ----------
    selected : SelectedSource
    reader : Reader
        Of the source.
    """

    __slots__ = ("_gap_bytes", "_reader", "_scratch", "_selected", "_strides")

    def __init__(self, selected: SelectedSource, reader: Reader) -> None:
        self._selected, self._reader = selected, reader
        self._scratch: NDArray[np.uint8] | None = None
        self._gap_bytes: int = getattr(reader, "gap_bytes", GAP_BYTES)
        header = selected.source.header
        shape = header.shape if header.order == "C" else header.shape[::-1]
        strides = byte_strides(shape, header.dtype.itemsize)
        self._strides = strides if header.order == "C" else strides[::-1]

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a region and return the bytes read, gaps that were thrown away included."""
        check_block(self._selected.header, region, out)
        if 0 in out.shape:
            return 0
        cuts = iter(region)
        # of every axis of the source: the places of what is taken of it
        places = tuple(next(cuts) if cut.is_kept else (0, 1) for cut in self._selected.cuts)
        return self._read(places, out[tuple(slice(None) if cut.is_kept else None for cut in self._selected.cuts)])

    def _read(self, places: Region, out: NDArray[Any]) -> int:
        """Fill `out`, which has all axes of the source."""
        steps = [cut.step if n > 1 else 1 for cut, n in zip(self._selected.cuts, out.shape, strict=True)]
        cover = self._cover(places)
        forward = _sliced(out, [-1 if step < 0 else 1 for step in steps])
        if all(abs(step) == 1 for step in steps):
            return self._reader.read(cover, forward)
        axis = self._split_axis(steps, cover)
        if axis is not None:
            start, stop = places[axis]
            is_far = (abs(steps[axis]) - 1) * self._strides[axis] > self._gap_bytes
            length = 1 if is_far else (stop - start + 1) // 2
            parts = ((first, min(first + length, stop)) for first in range(start, stop, length))
            moved = 0
            for part in parts:
                inner = (*places[:axis], part, *places[axis + 1 :])
                moved += self._read(inner, view_of(out, inner, origin=places))
            return moved
        scratch = self._staging(cover, out.dtype)
        moved = self._reader.read(cover, scratch)
        forward[...] = _sliced(scratch, [abs(step) for step in steps])
        return moved

    def _split_axis(self, steps: list[int], cover: Region) -> int | None:
        """Return the axis along which a read is to be split; None where all of its cover is read at once."""
        far = [a for a, step in enumerate(steps) if (abs(step) - 1) * self._strides[a] > self._gap_bytes]
        if far:
            return max(far, key=lambda a: self._strides[a])
        itemsize = self._selected.header.dtype.itemsize
        if math.prod(region_shape(cover)) * itemsize <= SCRATCH_BYTES:
            return None
        longer = [a for a, (start, stop) in enumerate(cover) if stop - start > 1]
        return max(longer, key=lambda a: self._strides[a])

    def _cover(self, places: Region) -> Region:
        return tuple(cut.bounds(*place) for cut, place in zip(self._selected.cuts, places, strict=True))

    def _staging(self, cover: Region, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return room for a cover, in the memory order of the source."""
        if self._scratch is None:
            self._scratch = np.empty(SCRATCH_BYTES, np.uint8)
        shape = region_shape(cover)
        flat = self._scratch[: math.prod(shape) * dtype.itemsize].view(dtype)
        return flat.reshape(shape, order=self._selected.source.header.order)

    def view(self, region: Region, *, is_kept: bool = False) -> NDArray[Any] | None:
        """Return a read-only view of a region, or None where it is to be read.

        What is looked at many times is read where it has gaps: they would be brought into memory too.
        """
        cuts, bounds = self._selected.cuts, iter(region)
        places = tuple(next(bounds) if cut.is_kept else (0, 1) for cut in cuts)
        has_gaps = any(abs(cut.step) > 1 and stop - start > 1 for cut, (start, stop) in zip(cuts, places, strict=True))
        if (is_kept and has_gaps) or any(start == stop for start, stop in places):
            return None
        view = self._reader.view(self._cover(places), is_kept=is_kept)
        if view is None:
            return None
        index = tuple(slice(None, None, cut.step) if cut.is_kept else 0 for cut in cuts)
        selected: NDArray[Any] = view[(*index, ...)]
        return selected

    def expect(self, region: Region) -> None:
        """Say which region will be wanted next, where it has no gaps."""
        bounds = iter(region)
        places = tuple(next(bounds) if cut.is_kept else (0, 1) for cut in self._selected.cuts)
        if all(abs(cut.step) == 1 for cut in self._selected.cuts) and all(start < stop for start, stop in places):
            self._reader.expect(self._cover(places))


def _sliced(array: NDArray[Any], steps: list[int]) -> NDArray[Any]:
    """Return a view of every so many elements of each axis."""
    index: tuple[Any, ...] = (*(slice(None, None, step) for step in steps), ...)
    view: NDArray[Any] = array[index]
    return view


def _check_stream(header: ArrayHeader, cuts: tuple[Cut, ...], text: str) -> None:
    """Check that a part of a source that is read from front to back can be read so too."""
    is_forward = cuts and cuts[0].is_kept and cuts[0].step > 0 and header.order == "C"
    if not is_forward:
        raise InputUnsupportedError(
            f"{header.name}: can only be read from front to back, and {text!r} is not selected so",
            cause="it is compressed as a whole, or text: rows are selected by a slice that goes forward, as 5:6 or ::2",
            next=f"convert it first: arraymill run convert {header.name} -o converted.npy",
        )


def select_source(source: Source, text: str) -> SelectedSource:
    """Return a part of a source; nothing is read.

    Parameters
    ----------
    source : Source
    text : str
        NumPy's basic slicing: integers, slices and an ellipsis, ``"0:1000, ::2, -1"``.

    Raises
    ------
    SpecError
        If the text is something else, or does not fit the shape.
    InputUnsupportedError
        If the source can only be read from front to back, and the part cannot.

    Examples
    --------
    >>> from .memory import MemorySource
    >>> part = select_source(MemorySource("x", np.arange(12).reshape(3, 4)), "::-2, 1")
    >>> part.header.name, part.header.shape
    ('x[::-2, 1]', (2,))
    >>> with part.open() as reader:
    ...     reader.view(((0, 2),))
    array([9, 1])
    """
    header = source.header
    cuts = parse_selection(text, header.shape, name=header.name)
    if getattr(source, "is_streamed", False):
        _check_stream(header, cuts, text)
    shape = tuple(cut.length for cut in cuts if cut.is_kept)
    order = header.order if len(shape) > 1 else "C"
    name = f"{header.name}[{text.strip()}]"
    return SelectedSource(source, cuts, ArrayHeader(name, shape, header.dtype, order, header.reader_bytes))

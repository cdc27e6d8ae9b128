"""Any source as one row of its elements in C order, of which any range can be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Region, region_shape
from ..headers import ArrayHeader
from ..ranges import range_regions
from .memory import MemorySource
from .npy.source import NpySource
from .source import Reader, Source, check_block, files_of, marks_of

__all__ = ["FlatReader", "FlatSource", "flatten_source"]

SCRATCH_BYTES = 4 * 2**20
"""Elements that do not lie in `out` as they are read pass through so much."""


@dataclass(frozen=True, slots=True)
class FlatSource:
    """The elements of a source, one after another; `flatten_source` makes it.

    Parameters
    ----------
    source : Source
    """

    source: Source

    @property
    def header(self) -> ArrayHeader:
        """Name and dtype of the source, with one axis."""
        return _flat(self.source.header)

    @property
    def data_offset(self) -> int:
        """Return 0: there is no header of the row."""
        return 0

    @property
    def files(self) -> tuple[str, ...]:
        """Absolute paths of all files that are read."""
        return files_of(self.source)

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """What tells parts that are no files from others."""
        return marks_of(self.source)

    @property
    def T(self) -> FlatSource:  # noqa: N802 - NumPy's name
        """The same row."""
        return self

    @contextmanager
    def open(self) -> Iterator[FlatReader]:
        """Open the source for reading."""
        with self.source.open() as reader:
            yield FlatReader(self, reader)


@dataclass(frozen=True, slots=True)
class FlatReader:
    """A row of elements that is being read."""

    flat: FlatSource
    reader: Reader

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a range of the elements and return the bytes read."""
        check_block(self.flat.header, region, out)
        ((start, stop),) = region
        moved, done = 0, 0
        for inner in range_regions(self.flat.source.header.shape, start, stop):
            shape = region_shape(inner)
            n = int(np.prod(shape, dtype=int))
            part = out[done : done + n]
            if part.flags.c_contiguous:
                moved += self.reader.read(inner, part.reshape(shape))
            else:
                packed = np.empty(shape, out.dtype)
                moved += self.reader.read(inner, packed)
                part[...] = packed.reshape(-1)
            done += n
        return moved

    def view(self, region: Region, *, is_kept: bool = False) -> NDArray[Any] | None:
        """Return a read-only view of a range, where it is one region of the source that lies in C order."""
        ((start, stop),) = region
        regions = list(range_regions(self.flat.source.header.shape, start, stop))
        view = self.reader.view(regions[0], is_kept=is_kept) if len(regions) == 1 else None
        return view.reshape(-1) if view is not None and view.flags.c_contiguous else None

    def expect(self, region: Region) -> None:
        """Say which range will be wanted next."""
        for inner in range_regions(self.flat.source.header.shape, *region[0]):
            self.reader.expect(inner)


def flatten_source(source: Source) -> Source:
    """Return a source as one row of its elements in C order.

    Parameters
    ----------
    source : Source
        Of any shape; with the last axis contiguous in memory, or ranges are read in short runs.

    Examples
    --------
    >>> row = flatten_source(MemorySource("x", np.arange(12).reshape(3, 4).T))
    >>> with row.open() as reader:
    ...     out = np.empty(5, int)
    ...     _ = reader.read(((2, 7),), out)
    >>> out
    array([8, 1, 5, 9, 2])
    """
    if isinstance(source, MemorySource) and source.array.flags.c_contiguous:
        return MemorySource(source.name, source.array.reshape(-1), source.may_be_records)
    if isinstance(source, NpySource) and source.header.order == "C":
        return replace(source, header=_flat(source.header))
    return FlatSource(source)


def _flat(header: ArrayHeader) -> ArrayHeader:
    return ArrayHeader(header.name, (header.size,), header.dtype)

"""Arrays of this process as sources and targets, without a copy. They cannot leave it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..blocks import Region
from ..errors import InputUnsupportedError
from ..headers import ArrayHeader
from .npy.header import check_dtype
from .source import check_block, view_of

__all__ = ["MemoryReader", "MemorySource", "MemoryTarget", "MemoryWriter"]


@dataclass(frozen=True, slots=True, eq=False)
class MemorySource:
    """An array in memory, to be read by region in this process. Two are equal only if they are one object.

    Parameters
    ----------
    name : str
        How the array is called in messages.
    array : ndarray
        Any layout and byte order. Never written to, never copied.
    may_be_records : bool
        Allow a structured dtype.

    Raises
    ------
    InputUnsupportedError
        If the dtype is not one of numbers, or the array is masked.

    Examples
    --------
    >>> source = MemorySource("x", np.arange(6).reshape(2, 3))
    >>> with source.T.open() as reader:
    ...     reader.view(((1, 3), (0, 2)))
    array([[1, 4],
           [2, 5]])
    """

    name: str
    array: NDArray[Any]
    may_be_records: bool = False

    def __post_init__(self) -> None:
        check_dtype(self.name, self.array.dtype, may_be_records=self.may_be_records)
        if isinstance(self.array, np.ma.MaskedArray):
            raise InputUnsupportedError(
                f"{self.name}: masked arrays are not worked on",
                cause="the mask would be ignored",
                next="pass x.filled(value)",
            )
        # Subclasses (matrix, memmap) index in ways of their own.
        object.__setattr__(self, "array", np.asarray(self.array))

    @property
    def header(self) -> ArrayHeader:
        """Name, shape, dtype and memory order; "C" where the array is not contiguous."""
        return _header(self.name, self.array)

    @property
    def data_offset(self) -> int:
        """Return 0: there is no header."""
        return 0

    @property
    def T(self) -> MemorySource:  # noqa: N802 - NumPy's name
        """The same memory with the axes reversed."""
        return MemorySource(self.name, self.array.T, self.may_be_records)

    @contextmanager
    def open(self) -> Iterator[MemoryReader]:
        """Return the array as a reader; there is nothing to open."""
        yield MemoryReader(self)

    def __reduce__(self) -> NoReturn:
        _refuse_pickling(self.name)


@dataclass(frozen=True, slots=True)
class MemoryReader:
    """An array in memory that is being read."""

    source: MemorySource

    def view(self, region: Region, *, is_kept: bool = False) -> NDArray[Any]:
        """Return a read-only view of a region."""
        view = view_of(self.source.array, region)
        view.flags.writeable = False
        return view

    def expect(self, region: Region) -> None:
        """Return: memory is always ready."""

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Copy a region into `out` and return its bytes."""
        check_block(self.source.header, region, out)
        out[...] = self.view(region)
        return out.nbytes


@dataclass(frozen=True, slots=True, eq=False)
class MemoryTarget:
    """An array in memory, to be written by region in this process.

    Parameters
    ----------
    array : ndarray
        Writable; any layout and byte order.
    name : str, optional

    Examples
    --------
    >>> target = MemoryTarget(np.zeros((2, 3), int))
    >>> with target.open() as writer:
    ...     writer.write(((1, 2), (0, 2)), np.array([[7, 8]]))
    16
    >>> target.array
    array([[0, 0, 0],
           [7, 8, 0]])
    """

    array: NDArray[Any]
    name: str = "output"

    @property
    def header(self) -> ArrayHeader:
        """Name, shape, dtype and memory order; "C" where the array is not contiguous."""
        return _header(self.name, self.array)

    @property
    def T(self) -> MemoryTarget:  # noqa: N802 - NumPy's name
        """The same memory with the axes reversed."""
        return MemoryTarget(self.array.T, self.name)

    @contextmanager
    def open(self, *, durable: bool = False) -> Iterator[MemoryWriter]:
        """Return the array as a writer; there is nothing to open, and nothing to make durable."""
        yield MemoryWriter(self)

    @contextmanager
    def reader(self) -> Iterator[MemoryReader]:
        """Return the array as a reader."""
        yield MemoryReader(MemorySource(self.name, self.array, may_be_records=True))

    def __reduce__(self) -> NoReturn:
        _refuse_pickling(self.name)


@dataclass(frozen=True, slots=True)
class MemoryWriter:
    """An array in memory that is being written."""

    target: MemoryTarget

    def write(self, region: Region, block: NDArray[Any]) -> int:
        """Copy a block to its region and return its bytes."""
        check_block(self.target.header, region, block)
        view_of(self.target.array, region)[...] = block
        return block.nbytes


def _header(name: str, array: NDArray[Any]) -> ArrayHeader:
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    return ArrayHeader(name, array.shape, array.dtype, "F" if is_fortran else "C")


def _refuse_pickling(name: str) -> NoReturn:
    raise TypeError(
        f"{name}: an array in memory cannot be sent to another process: array data never travels in a task. "
        "Save it with numpy.save and open the file, or run inline"
    )

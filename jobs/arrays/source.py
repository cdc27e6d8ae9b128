"""What an array must offer to be worked on: a source to read regions of, a target to write regions to.

Sources and targets are small frozen values that travel to workers: they name an array and hold none of it, nor any open
file. What is open lives inside one ``with`` of one process:

::

    driver                                     worker
    source = open_source("x.npy")     ----->   with source.open() as reader:
    output = create_output("y.npy", ...)           reader.read(region, out)
    target = output.target            ----->   with target.open() as writer:
    output.publish()                               writer.write(region, block)
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from numpy.typing import NDArray

from ..blocks import Region, as_slices, offset_region, region_shape
from ..headers import ArrayHeader

__all__ = [
    "FileBacked",
    "Output",
    "Reader",
    "Source",
    "Target",
    "Writer",
    "check_block",
    "files_of",
    "marks_of",
    "view_of",
]


class Reader(Protocol):
    """An open source, in one process and one thread."""

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a region and return the bytes read.

        Parameters
        ----------
        region : tuple of (start, stop)
        out : ndarray
            Of the region's shape; any layout; the stored dtype, in the stored or the native byte order.

        Returns
        -------
        int
            Bytes moved from the source; more than ``out.nbytes`` where small gaps were read and thrown away.
        """

    def view(self, region: Region, *, is_kept: bool = False) -> NDArray[Any] | None:
        """Return a read-only view of a region, made without copying, or None where it is to be read.

        Parameters
        ----------
        region : tuple of (start, stop)
        is_kept : bool
            It will be looked at many times: all of it is brought into memory now.
        """

    def expect(self, region: Region) -> None:
        """Say which region will be wanted next, so that a slow disk can begin. It need not be asked for after all."""


class Source(Protocol):
    """An array that can be read; frozen and hashable."""

    @property
    def header(self) -> ArrayHeader:
        """Name, shape, dtype and memory order."""

    @property
    def data_offset(self) -> int:
        """Position of the first element in the file, in bytes; 0 in memory."""

    @property
    def T(self) -> Source:  # noqa: N802 - NumPy's name
        """The same array with its axes reversed; nothing is copied."""

    def open(self) -> AbstractContextManager[Reader]:
        """Open for reading, after a check that the array is still the one that was planned with."""


class Writer(Protocol):
    """An open target, in one process and one thread."""

    def write(self, region: Region, block: NDArray[Any]) -> int:
        """Write `block`, of the region's shape and any layout, and return the bytes written."""


class Target(Protocol):
    """An output while it is being written; frozen."""

    @property
    def header(self) -> ArrayHeader:
        """Name, shape, dtype and memory order."""

    @property
    def T(self) -> Target:  # noqa: N802 - NumPy's name
        """The same output with its axes reversed; nothing is copied."""

    def open(self, *, durable: bool = False) -> AbstractContextManager[Writer]:
        """Open for writing. What was written is on disk once it is left, if `durable`; else once it is published."""

    def reader(self) -> AbstractContextManager[Reader]:
        """Open for reading what has been written so far."""


class Output(Protocol):
    """The driver's hold on an output: created, written by workers, then published, kept for later or discarded.

    Leaving its ``with`` without `publish` or `keep` discards it.
    """

    @property
    def target(self) -> Target:
        """What workers write to."""

    def prepare(self) -> None:
        """Do what takes long before the output can be published; `info` may say more of it then."""

    def publish(self) -> None:
        """Make the output durable and give it its final name, in one step that readers cannot see half of."""

    def keep(self) -> None:
        """Let go of it and leave what was written, to be adopted later."""

    def discard(self) -> None:
        """Remove what was written."""

    def info(self) -> dict[str, Any]:
        """Return what tells this output from every other, in JSON's types, for `adopt_output`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class FileBacked(Protocol):
    """A source or target that is one file."""

    @property
    def path(self) -> str:
        """Absolute path of the file."""


def files_of(source: Source) -> tuple[str, ...]:
    """Return the absolute paths of all files that a source reads; none for what is in memory.

    Parameters
    ----------
    source : Source
        One that is made of several files has them as `files`.
    """
    files: tuple[str, ...] | None = getattr(source, "files", None)
    if files is not None:
        return files
    # not isinstance of FileBacked, which takes 25 us: of ten thousand files this is asked often
    path: str | None = getattr(source, "path", None)
    return () if path is None else (path,)


def marks_of(source: Source) -> tuple[tuple[str, str], ...]:
    """Return what tells the parts of a source that are no files from others: an address, and its version.

    Parameters
    ----------
    source : Source
        One that has such parts has them as `marks`.
    """
    marks: tuple[tuple[str, str], ...] = getattr(source, "marks", ())
    return marks


def check_block(header: ArrayHeader, region: Region, block: NDArray[Any]) -> None:
    """Check that `block` can hold `region` of an array.

    Raises
    ------
    ValueError
        If the region is not inside the array, or the block has another shape.
    TypeError
        If the block has another dtype, byte order aside.

    Examples
    --------
    >>> import numpy as np
    >>> header = ArrayHeader("x.npy", (4,), np.dtype(">f4"))
    >>> check_block(header, ((1, 3),), np.empty(2, np.float32))
    >>> check_block(header, ((1, 5),), np.empty(4, np.float32))
    Traceback (most recent call last):
    ValueError: region ((1, 5),) is not inside the shape (4,) of x.npy
    """
    inside = len(region) == header.ndim and all(
        0 <= start <= stop <= n for (start, stop), n in zip(region, header.shape, strict=True)
    )
    if not inside:
        raise ValueError(f"region {region} is not inside the shape {header.shape} of {header.name}")
    if block.shape != region_shape(region):
        raise ValueError(f"a block of shape {block.shape} cannot hold the region {region} of {header.name}")
    if block.dtype.newbyteorder("=") != header.dtype.newbyteorder("="):
        raise TypeError(f"a block of {block.dtype} cannot hold {header.dtype} of {header.name}")


def view_of(array: NDArray[Any], region: Region, *, origin: Region | None = None) -> NDArray[Any]:
    """Return a view of a region of `array`, an array even where it has no axes.

    Parameters
    ----------
    array : ndarray
    region : tuple of (start, stop)
    origin : tuple of (start, stop), optional
        The region that `array` itself is, where that is not a whole array.

    Examples
    --------
    >>> import numpy as np
    >>> view_of(np.arange(4), ((11, 13),), origin=((10, 14),))
    array([1, 2])
    """
    if origin is not None:
        region = offset_region(region, [-start for start, _ in origin])
    # The ellipsis keeps NumPy from making a scalar of an array without axes.
    index: tuple[Any, ...] = (*as_slices(region), ...)
    view: NDArray[Any] = array[index]
    return view

"""A new ``.npy`` file from its creation, under a temporary name and a lock, to the rename that publishes it.

::

    y.npy.partial   created, locked, header written, blocks reserved      killed here: a new run starts afresh,
                    workers write their regions through `target`          the same job adopts what it left
    y.npy           fsync, rename, fsync of the folder                    readers see all of it or nothing
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from ... import disk
from ...blocks import Shape
from ...errors import InputUnsupportedError, JobError, OutputError
from ...headers import ArrayHeader, Order
from ..output_checks import check_destination, check_space
from ..partial import Partial
from ..partial_claim import open_partial
from ..source import Source
from ..transfer import write_from
from .header import check_dtype, header_bytes
from .target import NpyTarget, cannot_write

__all__ = ["NpyOutput", "create_npy", "create_unpublished", "output_header"]


def create_npy(
    path: str | os.PathLike[str],
    shape: Shape,
    dtype: np.dtype[Any],
    order: Order,
    *,
    replace: bool,
    inputs: Sequence[Source],
) -> NpyOutput:
    """Return a new ``.npy`` output; see `arraymill.jobs.arrays.create_output`."""
    header = output_header(path, shape, dtype, order)

    def check() -> Path:
        return check_destination(header.name, replace=replace, inputs=inputs)

    return create_unpublished(header, check, replace=replace)


def create_unpublished(
    header: ArrayHeader, check: Callable[[], Path], *, replace: bool, room_bytes: int = 0
) -> NpyOutput:
    """Return a new ``.npy`` file of full size under the temporary name of an output.

    Parameters
    ----------
    header : ArrayHeader
        Named after the output.
    check : callable
        Returns the absolute path of the output, or raises where it may not be created.
    replace : bool
    room_bytes : int
        Room that is needed on the disk beside the file.

    Raises
    ------
    OutputError, OutputLockedError
    """
    name, final = header.name, check()
    first = header_bytes(header.shape, header.dtype, header.order)
    check_space(name, final, len(first) + header.nbytes + room_bytes)
    partial = open_partial(name, final)
    try:
        # Once more, now that nobody else can publish it: a run that held the lock until now may just have.
        check()
        disk.reserve(partial.descriptor, len(first) + header.nbytes)
        write_from(partial.descriptor, [memoryview(first)], 0)
        partial.sync()
    except OSError as error:
        left = _remove(partial)
        raise _cannot_create(cannot_write(name, error), left) from error
    except BaseException:
        _remove(partial)
        raise
    return NpyOutput(partial, header, len(first), replace=replace)


def output_header(path: str | os.PathLike[str], shape: Shape, dtype: np.dtype[Any], order: Order) -> ArrayHeader:
    """Return the header of an output.

    Raises
    ------
    OutputError
        If no ``.npy`` file of that dtype is written.

    Examples
    --------
    >>> output_header("y.npy", (3,), np.dtype("f4"), "F").order
    'C'
    """
    header = ArrayHeader(os.fspath(path), shape, np.dtype(dtype), order if len(shape) > 1 else "C")
    try:
        check_dtype(header.name, header.dtype, may_be_records=True)
    except InputUnsupportedError as error:
        raise OutputError(error.what, cause=error.cause, next="ask for another dtype") from error
    return header


class NpyOutput:
    """The driver's hold on a ``.npy`` file that is being written. Leaving its ``with`` unpublished discards it.

    Parameters
    ----------
    partial : Partial
        The locked temporary file, at full size.
    header : ArrayHeader
    data_offset : int
        Position of the first element in the file, in bytes.
    replace : bool
        True: a file of the final name is replaced.
    """

    def __init__(self, partial: Partial, header: ArrayHeader, data_offset: int, *, replace: bool) -> None:
        self._partial = partial
        self._replace = replace
        status = os.fstat(partial.descriptor)
        self._target = NpyTarget(str(partial.path), header, data_offset, status.st_dev, status.st_ino)

    @property
    def target(self) -> NpyTarget:
        """What workers write to; picklable."""
        return self._target

    @property
    def path(self) -> str:
        """Absolute path of the final name."""
        return str(self._partial.final)

    def prepare(self) -> None:
        """Return: nothing has to be done before the file can be published."""

    def sync(self) -> None:
        """Make the file durable under its temporary name.

        Raises
        ------
        JobError
            If the device fails.
        """
        try:
            self._mend_header()
            self._partial.sync()
        except OSError as error:
            raise cannot_write(self._target.header.name, error) from error

    def publish(self) -> None:
        """Make the file durable and give it its final name in one step. A second call does nothing.

        Raises
        ------
        OutputError
            If a file of that name appeared meanwhile and may not be replaced. The temporary file is kept until
            `discard`, so that the caller may still save it.
        JobError
            If the device fails.
        """
        try:
            self._mend_header()
            self._partial.publish(replace=self._replace)
        except FileExistsError as error:
            raise OutputError(
                f"{self._target.header.name}: a file of this name appeared while the job ran",
                cause="outputs replace existing files only with --force",
                safe="the file that is there was not touched",
                next="move it away or use --force, and run again",
            ) from error
        except OSError as error:
            raise cannot_write(self._target.header.name, error) from error

    def _mend_header(self) -> None:
        """Write the header again if a disk that loses writes does not hold it: no block has it in its checksum."""
        descriptor, header = self._partial.descriptor, self._target.header
        first = header_bytes(header.shape, header.dtype, header.order)
        if descriptor >= 0 and os.pread(descriptor, len(first), 0) != first:
            write_from(descriptor, [memoryview(first)], 0)

    def keep(self) -> None:
        """Unlock the temporary file and leave it, to be adopted later. Does nothing after `publish`."""
        self._partial.close()

    def discard(self) -> None:
        """Remove the temporary file, if it is still there. Does nothing after `publish` or `keep`.

        Raises
        ------
        JobError
            If the device fails.
        """
        try:
            self._partial.remove()
        except OSError as error:
            raise JobError(
                f"{self._target.header.name}: its temporary file cannot be removed",
                cause=f"{self._partial.path}: {error.strerror}",
                next="remove it",
            ) from error

    def info(self) -> dict[str, Any]:
        """Return what tells this file from every other, in JSON's types."""
        target = self._target
        return {
            "path": self.path,
            "partial": target.path,
            "device": target.device,
            "inode": target.inode,
            "data_offset": target.data_offset,
            "nbytes": target.data_offset + target.header.nbytes,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What went wrong inside matters more than that it could not be tidied up.
        with suppress(JobError) if error is not None else nullcontext():
            self.discard()


def _remove(partial: Partial) -> str:
    """Remove a file that could not be made, and return what is left."""
    try:
        partial.remove()
    except OSError as error:
        return f"{partial.path} is left ({error.strerror})"
    return "nothing is left"


def _cannot_create(error: JobError, left: str) -> OutputError:
    """Return what went wrong before any work as a fault of where the output was asked for."""
    return OutputError(error.what, cause=error.cause, safe=f"nothing was read, and {left}", next=error.next)

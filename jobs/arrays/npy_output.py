"""A new ``.npy`` file from its creation, under a temporary name and a lock, to the rename that publishes it.

::

    y.npy.partial   created, locked, header written, blocks reserved      killed here: the next run starts afresh
                    workers write their regions through `target`
    y.npy           fsync, rename, fsync of the folder                    readers see all of it or nothing
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from ..blocks import Shape
from ..errors import InputUnsupportedError, JobError, OutputError
from ..headers import ArrayHeader, Order
from .npy_header import check_dtype, header_bytes
from .npy_target import NpyTarget, cannot_write
from .output_checks import check_destination, check_space
from .partial import Partial, open_partial
from .source import Source
from .transfer import write_from

__all__ = ["NpyOutput", "create_npy"]


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
    name = os.fspath(path)
    header = ArrayHeader(name, shape, np.dtype(dtype), order if len(shape) > 1 else "C")
    try:
        check_dtype(name, header.dtype)
    except InputUnsupportedError as error:
        raise OutputError(error.what, cause=error.cause, next="ask for another dtype") from error
    final = check_destination(name, replace=replace, inputs=inputs)
    first = header_bytes(header.shape, header.dtype, header.order)
    check_space(name, final, len(first) + header.nbytes)
    partial = open_partial(name, final)
    try:
        # Once more, now that nobody else can publish it: a run that held the lock until now may just have.
        check_destination(name, replace=replace, inputs=inputs)
        partial.reserve(len(first) + header.nbytes)
        write_from(partial.descriptor, [memoryview(first)], 0)
        partial.sync()
    except OSError as error:
        partial.remove()
        raise _cannot_create(cannot_write(name, error)) from error
    except BaseException:
        partial.remove()
        raise
    return NpyOutput(partial, header, len(first), replace=replace)


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

    def discard(self) -> None:
        """Remove the temporary file, if it is still there. Does nothing after `publish`."""
        self._partial.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def _cannot_create(error: JobError) -> OutputError:
    """Return what went wrong before any work as a fault of where the output was asked for."""
    return OutputError(error.what, cause=error.cause, safe="nothing was read, and nothing is left", next=error.next)

"""A ``.npy`` output taken over from a run that was stopped: as it is, if it is that run's, or not at all.

::

    y.npy.partial alone          stopped while it was written          adopt_npy: written on, then published
    y.npy.partial and y.npy,     stopped between link and unlink       was_npy_published, or adopt_npy and publish:
      one file of two names                                            the temporary name is removed
    y.npy alone                  stopped after its publication         was_npy_published
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import disk
from ...blocks import Shape
from ...errors import JobError, OutputError
from ...headers import ArrayHeader, Order
from ..output_checks import check_destination, partial_path
from ..partial import Partial
from ..partial_claim import adopt_partial, cannot_adopt
from ..source import Source
from .header import header_bytes
from .output import NpyOutput, output_header
from .target import cannot_write

__all__ = ["adopt_npy", "adopt_unpublished", "was_npy_published"]


def adopt_npy(
    path: str | os.PathLike[str],
    shape: Shape,
    dtype: np.dtype[Any],
    order: Order,
    *,
    replace: bool,
    info: Mapping[str, Any] | None,
    inputs: Sequence[Source],
) -> NpyOutput:
    """Return the ``.npy`` output that an earlier run left; see `arraymill.jobs.arrays.adopt_output`."""
    header = output_header(path, shape, dtype, order)

    def check(partial: Partial) -> None:
        if not partial.is_published():
            check_destination(header.name, replace=replace, inputs=inputs)

    return adopt_unpublished(header, check, info=info, replace=replace)


def adopt_unpublished(
    header: ArrayHeader, check: Callable[[Partial], None], *, info: Mapping[str, Any] | None, replace: bool
) -> NpyOutput:
    """Return the ``.npy`` file that an earlier run left under the temporary name of an output.

    Parameters
    ----------
    header : ArrayHeader
        Named after the output.
    check : callable
        Raises where the output may not be created; called under the lock.
    info : mapping or None
        What that run's output said of itself.
    replace : bool

    Raises
    ------
    OutputError, OutputLockedError
    """
    name = header.name
    partial = adopt_partial(name, Path(name).absolute())
    try:
        data_offset = _check_file(header, partial.path, partial.descriptor, info)
        check(partial)
        # What was written without a sync counts from here on as what was written with one.
        partial.sync()
    except OSError as error:
        partial.close()
        if isinstance(error, JobError):
            raise
        raise cannot_adopt(name, f"{partial.path}: {error.strerror}") from error
    except BaseException:
        partial.close()
        raise
    return NpyOutput(partial, header, data_offset, replace=replace)


def was_npy_published(
    path: str | os.PathLike[str], shape: Shape, dtype: np.dtype[Any], order: Order, *, info: Mapping[str, Any]
) -> bool:
    """Return whether a ``.npy`` output has its final name; see `arraymill.jobs.arrays.was_published`."""
    header = output_header(path, shape, dtype, order)
    final = Path(header.name).absolute()
    try:
        descriptor = os.open(final, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        _check_file(header, final, descriptor, info)
    except (OutputError, OSError):
        return False
    finally:
        os.close(descriptor)
    try:
        _finish_publication(header.name, final)
    except OSError as error:
        if isinstance(error, JobError):
            raise
        raise cannot_write(header.name, error) from error
    return True


def _finish_publication(name: str, final: Path) -> None:
    """Remove the temporary name where it is one more of the published file, and make the names durable."""
    try:
        has_both = os.path.samestat(final.lstat(), partial_path(final).lstat())
    except FileNotFoundError:
        has_both = False
    if not has_both:
        disk.fsync_folder(final.parent)
        return
    partial = adopt_partial(name, final)
    try:
        partial.publish(replace=False)
    finally:
        partial.close()


def _check_file(header: ArrayHeader, path: Path, descriptor: int, info: Mapping[str, Any] | None) -> int:
    """Check that an open file is the one that an earlier run created, and return the position of its data.

    Raises
    ------
    OutputError
        Saying what is wrong.
    """
    status = os.fstat(descriptor)
    first = header_bytes(header.shape, header.dtype, header.order)
    expected = len(first) + header.nbytes
    wrong = None
    # The inode and not the device: a restart of the machine may give a disk another number.
    if info is not None and status.st_ino != info.get("inode"):
        wrong = f"inode {info.get('inode')} was created, inode {status.st_ino} is there"
    elif status.st_size != expected:
        wrong = f"{status.st_size} bytes are there, {expected} were created"
    elif os.pread(descriptor, len(first), 0) != first:
        wrong = f"its header is not the one of shape {header.shape}, {header.dtype}, order {header.order}"
    if wrong is not None:
        raise cannot_adopt(header.name, f"{path}: {wrong}")
    return len(first)

"""Where a result goes: a file, an array of this process, or a scratch file that becomes an array."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...arrays import MemorySource, MemoryTarget, Output, Source, create_output, open_source
from ...errors import CannotFitError
from ...headers import ArrayHeader
from ...limits import Budget
from ...locks import unlock_and_close
from ...sizes import format_bytes
from ...spec.job_spec import OutputSpec
from ..formats import options_of

__all__ = ["ArrayOutput", "ScratchOutput", "as_files", "check_fits", "open_file", "result_of", "scratch_folder"]

_SHARED_MEMORY = Path("/dev/shm")
_PREFIX = "arraymill-arrays-"
_GRACE_S = 60.0
"""A younger folder may be one whose lock is about to be taken."""


def check_fits(header: ArrayHeader, budget: Budget) -> None:
    """Check that a result fits in the memory of the job.

    Raises
    ------
    CannotFitError
    """
    if header.nbytes > budget.host_bytes:
        raise CannotFitError(
            f"the result takes {format_bytes(header.nbytes)} of memory",
            cause=f"shape {header.shape}, {header.dtype}; the job may take {format_bytes(budget.host_bytes)}",
            safe="nothing was read or written",
            next="name an output file",
        )


class ArrayOutput:
    """A result in this process's memory.

    Examples
    --------
    >>> output = ArrayOutput(ArrayHeader("y", (2,), np.dtype("f4")))
    >>> output.value().shape
    (2,)
    """

    def __init__(self, header: ArrayHeader) -> None:
        self.target = MemoryTarget(np.zeros(header.shape, header.dtype, order=header.order), header.name)

    def prepare(self) -> None:
        """Return: the array is the result."""

    def publish(self) -> None:
        """Return: the array is the result."""

    def discard(self) -> None:
        """Return: nothing is kept."""

    def value(self) -> NDArray[Any]:
        """Return the result."""
        return self.target.array

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class ScratchOutput:
    """A result that other processes write to a scratch file, and this one loads.

    Parameters
    ----------
    header : ArrayHeader
    folder : Path
    name : str
        Of the file, unique in the folder.
    """

    def __init__(self, header: ArrayHeader, folder: Path, name: str = "result") -> None:
        self._path = folder / f"{name}.npy"
        self._output: Output = create_output(
            self._path, header.shape, header.dtype, header.order, replace=False, inputs=()
        )
        self.target = self._output.target

    def prepare(self) -> None:
        """Return: the file is whole."""

    def publish(self) -> None:
        """Give the file its name."""
        self._output.publish()

    def discard(self) -> None:
        """Remove the file."""
        self._output.discard()

    def value(self) -> NDArray[Any]:
        """Return the result, loaded."""
        array: NDArray[Any] = np.load(self._path, allow_pickle=False)
        return array

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


Destination: TypeAlias = Output | ArrayOutput | ScratchOutput


def open_file(spec: OutputSpec, header: ArrayHeader, inputs: tuple[Source, ...]) -> Output:
    """Create the file of an output, unpublished.

    Raises
    ------
    OutputError, OutputLockedError
    """
    kind, replaces = (header.shape, header.dtype, header.order), spec.if_exists == "replace"
    return create_output(spec.path, *kind, replace=replaces, inputs=inputs, options=options_of(spec))


def result_of(output: Destination, spec: OutputSpec | None) -> NDArray[Any] | Path:
    """Return what was published: an array, or the path of the file that was asked for."""
    if isinstance(output, ArrayOutput | ScratchOutput):
        return output.value()
    assert spec is not None
    return Path(spec.path)


@contextmanager
def scratch_folder(n_bytes: int, *, most_in_memory_bytes: int | None = None) -> Iterator[Path]:
    """Yield a private folder with room for `n_bytes`, in shared memory where it has room; removed at the end.

    Parameters
    ----------
    n_bytes : int
    most_in_memory_bytes : int, optional
        More than that goes to the disk for temporary files.

    Examples
    --------
    >>> with scratch_folder(1000) as folder:
    ...     oct(folder.stat().st_mode & 0o777)
    '0o700'
    """
    import tempfile  # jobs of the command line, most of all short ones, have no use for it

    is_small = most_in_memory_bytes is None or n_bytes <= most_in_memory_bytes
    has_room = is_small and os.access(_SHARED_MEMORY, os.W_OK) and shutil.disk_usage(_SHARED_MEMORY).free > 2 * n_bytes
    parent = _SHARED_MEMORY if has_room else Path(tempfile.gettempdir())
    _remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        unlock_and_close(descriptor)


def _remove_abandoned(parent: Path) -> None:
    """Remove the scratch folders of processes that were killed: those that nobody holds a lock on any more."""
    for folder in parent.glob(f"{_PREFIX}*"):
        # Another user's, or removed meanwhile: not ours to care for.
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                is_young = time.time() - os.fstat(descriptor).st_mtime < _GRACE_S
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not is_young:
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                unlock_and_close(descriptor)


def as_files(sources: tuple[Source, ...], folder: Path) -> tuple[Source, ...]:
    """Return sources that other processes can open: arrays in memory are saved to `folder`, files stay as they are."""
    return tuple(
        _save(source, folder / f"input{number}.npy") if isinstance(source, MemorySource) else source
        for number, source in enumerate(sources)
    )


def _save(source: MemorySource, path: Path) -> Source:
    np.save(path, source.array, allow_pickle=False)
    return open_source(path)

"""Outputs of every format but ``.npy``: written by many as an unpublished ``.npy``, then packed by one, and renamed.

::

    y.h5.partial                        created, locked; workers write     stopped: adopted as any .npy is
    y.h5.partial, y.h5.partial.packed   `prepare`: packed, synced          stopped: packed again
        the caller writes down `info`, which now holds the stamp of what was packed
    y.h5.partial, y.h5                  `publish`: renamed in one step     stopped: `was_packed_published` sees it
    y.h5                                the .npy is removed, and last of all the lock is gone
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ... import disk
from ...errors import JobError, OutputError
from ...headers import ArrayHeader
from ..npy.output import NpyOutput, create_unpublished
from ..npy.target import NpyTarget, cannot_write
from ..output_checks import check_destination, check_folder_destination
from ..output_options import OutputOptions
from ..source import Source
from ..zarr.packer import MARKS
from .folder import FolderPackage
from .package import FilePackage, Package, Stamp
from .packing import Packer

__all__ = ["PackedOutput", "checked_place", "create_packed", "finish_publication", "package_of"]


def create_packed(
    packer: Packer, header: ArrayHeader, options: OutputOptions, *, replace: bool, inputs: Sequence[Source]
) -> PackedOutput:
    """Return a new output that is packed when it is whole; see `arraymill.jobs.arrays.create_output`.

    Parameters
    ----------
    packer : Packer
    header : ArrayHeader
        Named after the file.
    options : OutputOptions
    replace : bool
    inputs : sequence of Source
    """
    packer.check(header, options)
    package = package_of(packer, header)
    check = checked_place(packer, header, replace=replace, inputs=inputs)
    npy = create_unpublished(header, check, replace=replace, room_bytes=packer.size(header))
    try:
        # of a dead run, now that it is certain to be dead; what that had moved away may be in the way again
        package.tidy()
        check()
    except OSError as error:
        npy.discard()
        raise cannot_write(header.name, error) from error
    except OutputError:
        npy.discard()
        raise
    return PackedOutput(npy, packer, options, package, replace=replace)


def checked_place(
    packer: Packer, header: ArrayHeader, *, replace: bool, inputs: Sequence[Source]
) -> Callable[[], Path]:
    """Return what checks that an output may be created where it is asked for, and returns its absolute path."""

    def check() -> Path:
        if packer.mark:
            return check_folder_destination(header.name, MARKS, replace=replace, inputs=inputs)
        return check_destination(header.name, replace=replace, inputs=inputs)

    return check


def package_of(packer: Packer, header: ArrayHeader) -> Package:
    """Return what an output is packed into."""
    final = Path(header.name).absolute()
    return FolderPackage(final, packer.mark) if packer.mark else FilePackage(final)


def finish_publication(package: Package, npy: NpyOutput, final: Path) -> None:
    """Remove what publication leaves beside the output, and the lock with the last of it."""
    name = npy.target.header.name
    try:
        package.tidy()
        disk.fsync_folder(final.parent)
        npy.discard()
        disk.fsync_folder(final.parent)
    except OSError as error:
        raise cannot_write(name, error) from error


@dataclass(slots=True)
class PackedOutput:
    """The driver's hold on an output that is packed when it is whole. Leaving its ``with`` unpublished discards it.

    Parameters
    ----------
    npy : NpyOutput
        The unpublished file that workers write; locked.
    packer : Packer
    options : OutputOptions
    package : Package
        What it is packed into.
    replace : bool
        True: what has the final name is replaced.
    """

    npy: NpyOutput
    packer: Packer
    options: OutputOptions
    package: Package
    replace: bool
    _packed: Stamp | None = None
    _is_over: bool = False

    @property
    def target(self) -> NpyTarget:
        """What workers write to; picklable."""
        return self.npy.target

    @property
    def path(self) -> str:
        """Absolute path of the final name."""
        return self.npy.path

    def prepare(self) -> None:
        """Pack the array, which is whole now. A second call does nothing.

        `info` then says how the packed file is known: written down before `publish`, it lets a resumed job see that
        that was done.

        Raises
        ------
        DiskFullError
            If the disk is full; what was packed is removed, and what workers wrote is kept.
        JobError
            If the device fails.
        """
        if self._is_over or self._packed is not None:
            return
        self.npy.sync()
        try:
            self.package.create()
            self.packer.pack(self.target, self.options, self.package.path)
            self._packed = self.package.sync()
        except OSError as error:
            raise self._not_packed(error) from error
        finally:
            if self._packed is None:
                self._drop_package()

    def _not_packed(self, error: OSError) -> JobError:
        failure = error if isinstance(error, JobError) else cannot_write(self.target.header.name, error)
        failure.safe = "every block is done and kept: only packing them was not"
        return failure

    def _drop_package(self) -> None:
        # what is left of it is removed when it is packed again
        with suppress(OSError):
            self.package.tidy()

    def publish(self) -> None:
        """Pack the array if that was not done, and give it its final name in one step. A second call does nothing.

        Raises
        ------
        OutputError
            If something of that name appeared meanwhile and may not be replaced.
        JobError
            If the disk is full or fails.
        """
        if self._is_over:
            return
        self.prepare()
        name = self.target.header.name
        try:
            if self.package.published_stamp() != self._packed:
                self.package.publish(replace=self.replace)
        except FileExistsError as error:
            raise OutputError(
                f"{name}: a file of this name appeared while the job ran",
                cause="outputs replace existing files only with --force",
                safe="the file that is there was not touched",
                next="move it away or use --force, and run again",
            ) from error
        except OSError as error:
            raise cannot_write(name, error) from error
        finish_publication(self.package, self.npy, Path(self.path))
        self._is_over = True

    def keep(self) -> None:
        """Unlock what workers wrote and leave it, to be adopted later. Does nothing after `publish`."""
        if not self._is_over:
            self._is_over = True
            try:
                self._drop_package()
            finally:
                self.npy.keep()

    def discard(self) -> None:
        """Remove what was written. Does nothing after `publish` or `keep`.

        Raises
        ------
        JobError
            If the device fails.
        """
        if not self._is_over:
            try:
                self._drop_package()
            finally:
                self.npy.discard()
                self._is_over = True

    def info(self) -> dict[str, Any]:
        """Return what tells this output from every other, in JSON's types; more once it is packed."""
        known = self.npy.info()
        return known if self._packed is None else known | {"packed": self._packed}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What went wrong inside matters more than that it could not be tidied up.
        with suppress(JobError) if error is not None else nullcontext():
            self.discard()

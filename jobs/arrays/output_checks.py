"""What is checked of an output before any work is done for it: its name, its folder, its disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from ..errors import OutputError
from ..sizes import format_bytes
from .source import Source, files_of

__all__ = ["check_destination", "check_folder_destination", "check_space", "packed_path", "partial_path"]


def partial_path(final: Path) -> Path:
    """Return the temporary name that a file is written under: beside it, so that a rename is enough.

    >>> partial_path(Path("/data/y.npy"))
    PosixPath('/data/y.npy.partial')
    """
    return final.with_name(final.name + ".partial")


def packed_path(final: Path) -> Path:
    """Return the temporary name of what is packed from the finished temporary file of an output.

    >>> packed_path(Path("/data/y.h5"))
    PosixPath('/data/y.h5.partial.packed')
    """
    return final.with_name(final.name + ".partial.packed")


def check_destination(name: str, *, replace: bool, inputs: Sequence[Source]) -> Path:
    """Return the absolute path of an output after a check that it may be created there.

    Raises
    ------
    OutputError
        If the folder is missing or not writable, or the name is taken by something that must not be replaced.
    """
    final, status = _checked_place(name, inputs)
    if status is not None:
        _check_replaceable(name, status, replace=replace)
    return final


def check_folder_destination(name: str, marks: Sequence[str], *, replace: bool, inputs: Sequence[Source]) -> Path:
    """Return the absolute path of an output that is a folder, after a check that it may be created there.

    Parameters
    ----------
    name : str
    marks : sequence of str
        A folder that holds none of these files is somebody else's, and never replaced.
    replace : bool
    inputs : sequence of Source

    Raises
    ------
    OutputError
    """
    final, status = _checked_place(name, inputs)
    if status is not None:
        _check_replaceable_folder(name, final, status, marks, replace=replace)
    return final


def _checked_place(name: str, inputs: Sequence[Source]) -> tuple[Path, os.stat_result | None]:
    try:
        final = Path(name).absolute()
        _check_folder(name, final.parent)
        _check_not_input(name, final, inputs)
        status = _look(final)
        _look(packed_path(final))  # its name may be too long where the final one is not
    except (OSError, ValueError) as error:
        if isinstance(error, OutputError):
            raise
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise OutputError(f"{name}: cannot be created", cause=reason, next="give the output another path") from error
    return final, status


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _check_folder(name: str, folder: Path) -> None:
    if not folder.is_dir():
        raise OutputError(
            f"{name}: there is no folder to create it in", cause=f"{folder} does not exist", next=f"mkdir -p {folder}"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            f"{name}: its folder is not writable", cause=f"no permission in {folder}", next="choose another folder"
        )


def _check_not_input(name: str, final: Path, inputs: Sequence[Source]) -> None:
    for candidate in (final, partial_path(final)):
        for source in inputs:
            if any(_is_at(candidate, Path(path)) for path in files_of(source)):
                raise OutputError(
                    f"{name}: the output is an input",
                    cause=f"{candidate} and {source.header.name} are one file",
                    safe="the input was not touched",
                    next="give the output another name",
                )


def _is_at(candidate: Path, path: Path) -> bool:
    """Return whether an input's file is what an output would replace, or lies inside of it."""
    if _is_same_file(candidate, path):
        return True
    return candidate.is_dir() and path.resolve().is_relative_to(candidate.resolve())


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return os.path.samestat(one.stat(), other.stat())
    except FileNotFoundError:
        return False


def _check_no_link(name: str, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise OutputError(
            f"{name}: is a symbolic link", cause="outputs are not written through links", next="name the file itself"
        )


def _check_replaceable_folder(
    name: str, final: Path, status: os.stat_result, marks: Sequence[str], *, replace: bool
) -> None:
    _check_no_link(name, status)
    if not stat.S_ISDIR(status.st_mode):
        raise OutputError(f"{name}: is a file", cause="a folder is written", next="choose another name")
    if not any((final / mark).is_file() for mark in marks):
        raise OutputError(
            f"{name}: is a folder of something else",
            cause=f"there is no {marks[0]} in it, and it is never replaced",
            next="choose another name",
        )
    if not replace:
        raise OutputError(
            f"{name}: exists",
            cause="arrays are not added to a store that is there",
            next="use --force (in Python: replace=True) to replace the whole store, or choose another name",
        )


def _check_replaceable(name: str, status: os.stat_result, *, replace: bool) -> None:
    _check_no_link(name, status)
    if stat.S_ISDIR(status.st_mode):
        raise OutputError(f"{name}: is a directory", cause="a file is written", next="name a file inside it")
    if not stat.S_ISREG(status.st_mode):
        raise OutputError(f"{name}: is not a regular file", cause="it is never replaced", next="choose another name")
    if not replace:
        raise OutputError(
            f"{name}: exists",
            cause=f"{status.st_size} bytes are there",
            next="use --force (in Python: replace=True), or choose another name",
        )


def check_space(name: str, final: Path, needed_bytes: int) -> None:
    """Check that the disk of an output has room for it.

    A temporary file that a dead run left behind will be removed, so it counts as room.

    Raises
    ------
    OutputError
        Saying how much is needed and how much is free.
    """
    leftover = _look(partial_path(final))
    disk = os.statvfs(final.parent)
    free = disk.f_bavail * disk.f_frsize + (leftover.st_blocks * 512 if leftover else 0)
    if needed_bytes > free:
        raise OutputError(
            f"{name}: the disk is too small for the output",
            cause=f"{format_bytes(needed_bytes)} needed, {format_bytes(free)} free in {final.parent}: "
            f"{format_bytes(needed_bytes - free)} too little",
            safe="nothing was written",
            next="make room, or give the output a place on another disk",
        )

"""Where an array is, as its user writes it: a path or a URL, and the array's name inside of it behind ``::``."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

__all__ = ["Location", "absolute_text", "is_pattern", "is_url", "locate"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[a-z]+::[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Location:
    """A path or URL, taken apart.

    Parameters
    ----------
    name : str
        As the user wrote it: how the array is called in messages.
    path : str
        Absolute, or a URL; without the member.
    member : str or None
        Of what holds several arrays: the name of one.
    """

    name: str
    path: str
    member: str | None = None

    @property
    def file(self) -> str:
        """The path or URL as the user wrote it, without the member."""
        return self.name if self.member is None else self.name.removesuffix(f"::{self.member}")


def is_url(text: str) -> bool:
    """Return whether a text is a URL, of one kind or of several one behind another.

    >>> [is_url(text) for text in ("s3://bucket/x.npy", "simplecache::s3://bucket/x.npy", "x.h5::data", "/data/x.npy")]
    [True, True, False, False]
    """
    return _URL.match(text) is not None


def is_pattern(text: str) -> bool:
    """Return whether a path stands for all files that match: it holds ``*``, ``?`` or ``[``, and no such file is there.

    A URL never does.

    >>> is_pattern("runs/*.npy"), is_pattern("runs/1.h5::scan*")
    (True, False)
    """
    if is_url(text):
        # a question mark is the beginning of its query
        return False
    path = _parts(text)[0]
    return glob.has_magic(path) and not _exists(path)


def locate(text: str) -> Location:
    """Return where an array is; a file that has ``::`` in its own name is that file.

    Parameters
    ----------
    text : str
        A path, relative to the current directory, or a URL; with ``::name`` behind it.

    Examples
    --------
    >>> locate("/data/x.h5::scans/first")
    Location(name='/data/x.h5::scans/first', path='/data/x.h5', member='scans/first')
    >>> locate("s3://bucket/x.zarr").member is None
    True
    """
    path, member = _parts(text)
    return Location(text, path if is_url(text) else _absolute(path), member)


def absolute_text(text: str) -> str:
    """Return a path that means the same in every folder: a URL, a pattern and a member stay as they stand.

    >>> absolute_text("/data/../x.h5::a//b"), absolute_text("s3://bucket//x.npy")
    ('/data/../x.h5::a//b', 's3://bucket//x.npy')
    """
    if is_url(text):
        return text
    path, member = _parts(text)
    absolute = _absolute(path)
    if glob.has_magic(path) and not _exists(path) and not Path(path).is_absolute():
        # the brackets of a folder's name are no pattern
        absolute = f"{glob.escape(str(Path.cwd()))}/{path}"
    return absolute if member is None else f"{absolute}::{member}"


def _parts(text: str) -> tuple[str, str | None]:
    if is_url(text):
        # simplecache::s3://... has the mark in front of the path
        path, mark, member = text.rpartition("::")
        return (path, member) if mark and "://" not in member else (text, None)
    path, mark, member = text.partition("::")
    return (path, member) if mark and not _exists(text) else (text, None)


def _absolute(path: str) -> str:
    absolute = str(Path(path).absolute())
    if any("\ud800" <= character <= "\udfff" for character in absolute):
        # so Python keeps bytes of a folder's name that its encoding does not know
        raise InputError(
            f"{path}: its path has bytes that are not UTF-8, as the records of jobs are",
            cause=f"it is {absolute}",
            next="rename the folder, or set LC_ALL=C.UTF-8",
        )
    return absolute


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False

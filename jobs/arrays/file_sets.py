"""Several files as one: which they are, how large, when they were written, and digests of parts of what they hold.

::

    a.npy |#####|  store.zarr |###|###|##|           in the order of their paths, one behind the other
          |.....................#....|               a span may begin in one and end in another
"""

from __future__ import annotations

import hashlib
import os
import stat
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from .digests import Span, digest_spans
from .files import FileStamp, cannot_read

__all__ = ["FileSet", "list_files"]


@dataclass(frozen=True, slots=True)
class FileSet:
    """Files, listed once.

    Parameters
    ----------
    name : str
        How they are called in messages.
    paths : tuple of str
        Absolute, sorted.
    stamps : tuple of FileStamp
        One for each.
    """

    name: str
    paths: tuple[str, ...]
    stamps: tuple[FileStamp, ...]

    @property
    def n_bytes(self) -> int:
        """What all of them hold."""
        return sum(stamp.size for stamp in self.stamps)

    @property
    def newest_ns(self) -> int:
        """When the last of them was written, in ns since 1970; 0 if there is none."""
        return max((stamp.mtime_ns for stamp in self.stamps), default=0)

    def digest_names(self, marks: Iterable[tuple[str, str]] = ()) -> str:
        """Return a digest of which files there are, how large, and of what else tells them from others."""
        sizes = ((path, str(stamp.size)) for path, stamp in zip(self.paths, self.stamps, strict=True))
        return _digest("\0".join(pair) for pair in (*sizes, *marks))

    def digest_times(self) -> str:
        """Return a digest of when each of them was written."""
        return _digest(str(stamp.mtime_ns) for stamp in self.stamps)

    def digest_spans(self, spans: Sequence[Span]) -> list[str]:
        """Return a digest of each part of what they hold, in hexadecimal.

        Parameters
        ----------
        spans : sequence of (offset, length)
            Of all of them, one behind the other.

        Raises
        ------
        InputChangedError
            If one of them ends early.
        InputError
            If one cannot be read.
        """
        bounds = [0, *accumulate(stamp.size for stamp in self.stamps)]
        pieces = [(number, *piece) for number, span in enumerate(spans) for piece in _pieces(bounds, span)]
        found: list[list[str]] = [[] for _ in spans]
        # each file is opened once, however many spans it has a part of
        by_file: dict[int, list[tuple[int, Span]]] = {}
        for number, file, span in pieces:
            by_file.setdefault(file, []).append((number, span))
        for file, parts in sorted(by_file.items()):
            for (number, _), digest in zip(parts, self._digest_file(file, [s for _, s in parts]), strict=True):
                found[number].append(digest)
        return [_digest(digests) for digests in found]

    def _digest_file(self, file: int, spans: list[Span]) -> list[str]:
        try:
            descriptor = os.open(self.paths[file], os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise cannot_read(self.name, error, f" ({self.paths[file]})") from error
        try:
            return digest_spans(self.name, descriptor, spans)
        finally:
            os.close(descriptor)


def list_files(name: str, paths: Iterable[str]) -> FileSet:
    """Return the files of some paths, and all in those that are folders.

    Parameters
    ----------
    name : str
        How they are called in messages.
    paths : iterable of str
        Absolute. What is not there, or is no regular file, is left out.

    Raises
    ------
    InputError
        If a folder cannot be read.
    """
    found: dict[str, FileStamp] = {}
    waiting = list(dict.fromkeys(paths))
    try:
        while waiting:
            path = waiting.pop()
            try:
                status = os.stat(path)  # noqa: PTH116 - there may be very many
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(status.st_mode):
                waiting.extend(f"{path}/{item}" for item in os.listdir(path))  # noqa: PTH208
            elif stat.S_ISREG(status.st_mode):
                found[path] = FileStamp.of(status)
    except OSError as error:
        raise cannot_read(name, error) from error
    ordered = sorted(found)
    return FileSet(name, tuple(ordered), tuple(found[path] for path in ordered))


def _pieces(bounds: list[int], span: Span) -> Iterator[tuple[int, Span]]:
    """Yield the parts of a span, each with the number of the file that holds it."""
    start, stop = span[0], span[0] + span[1]
    while start < stop:
        # the last file that begins here: those before it are empty
        file = bisect_right(bounds, start) - 1
        end = min(bounds[file + 1], stop)
        yield file, (start - bounds[file], end - start)
        start = end


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode(errors="surrogateescape") + b"\0")
    return digest.hexdigest()

"""Files behind URLs: opened through fsspec, known by what the server says of them, read by ranges."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InputChangedError, InputError, InputUnsupportedError
from .errors import failed_error, is_transient, remote_errors

__all__ = ["RemoteFile", "RemoteStamp", "open_file"]

PROTOCOLS = ("http", "https", "s3", "s3a", "gs", "gcs", "memory")

PAUSES_S = (0.2, 1.0, 3.0)
"""Before what failed, and may succeed a moment later, is tried again."""

_STAMPS = ("ETag", "etag", "generation", "Last-Modified", "LastModified", "updated", "mtime", "created")
"""What servers say of a file that is another when the file was changed."""


@dataclass(frozen=True, slots=True)
class RemoteStamp:
    """What a server says of a file: another stamp means that it was changed.

    Parameters
    ----------
    size : int
        Bytes.
    marks : tuple of (str, str)
        Entity tag, time of the last change and the like.
    """

    size: int
    marks: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return ", ".join([f"{self.size} bytes", *(f"{name} {text}" for name, text in self.marks)])


class RemoteFile:
    """A file behind a URL, open for reading.

    Parameters
    ----------
    name : str
        How it is called in messages.
    system : fsspec.AbstractFileSystem
    path : str
        As the file system calls it.
    """

    __slots__ = ("name", "path", "system")

    def __init__(self, name: str, system: Any, path: str) -> None:
        self.name, self.system, self.path = name, system, path

    def stamp(self) -> RemoteStamp:
        """Return what the server says of the file now.

        Raises
        ------
        InputError
            If it is not there, may not be read, or its size is not said.
        """
        described = self._described()
        if described.get("type") == "directory":
            raise InputError(
                f"{self.name}: is a folder", cause="only files and Zarr stores are read", next="name a file"
            )
        if not isinstance(described.get("size"), int):
            raise InputUnsupportedError(
                f"{self.name}: the server does not say its size", cause="no Content-Length", next="download it first"
            )
        marks = tuple((name, str(described[name])) for name in _STAMPS if described.get(name))
        return RemoteStamp(described["size"], marks)

    def is_folder(self) -> bool:
        """Return whether the file system knows folders, and this is one."""
        if self._is_http():
            # it would fetch the whole file to look for links in it
            return False
        try:
            return bool(self.system.isdir(self.path)) and not self.system.isfile(self.path)
        except remote_errors():
            return False

    def _is_http(self) -> bool:
        return hasattr(self.system, "encode_url")

    def exists(self) -> bool:
        """Return whether there is such a file."""
        try:
            return bool(self.system.isfile(self.path))
        except remote_errors():
            return False

    def _described(self) -> dict[str, Any]:
        for pause_s in (*PAUSES_S, None):
            try:
                self.system.invalidate_cache(self.path)
                described: dict[str, Any] = self.system.info(self.path)
                return described
            except remote_errors() as error:
                if pause_s is None or not is_transient(error):
                    raise failed_error(self.name, error) from error
            time.sleep(pause_s)
        raise AssertionError

    def check(self, planned: RemoteStamp) -> None:
        """Check that it is still the file that the job was planned with.

        Raises
        ------
        InputChangedError
        """
        now = self.stamp()
        if now != planned:
            raise InputChangedError(
                f"{self.name}: the file changed since the job was planned",
                cause=f"planned with {planned}; now {now}",
                next="run the job again on the file as it is now",
            )

    def check_ranges(self, size: int) -> None:
        """Check that an HTTP server gives a part of a file when it is asked for one.

        Raises
        ------
        InputUnsupportedError
        """
        if not self._is_http() or size < 2:
            return
        try:
            file = self.system.open(self.path, size=size, cache_type="none")
            # it looks whether more than the range is coming before it takes it
            file._fetch_range(1, 2)
        except (ValueError, AttributeError) as error:
            raise InputUnsupportedError(
                f"{self.name}: the server does not give parts of files",
                cause="it answers a request for a range (RFC 9110, section 14) with the whole file",
                next="download the file and name that",
            ) from error
        except remote_errors() as error:
            raise failed_error(self.name, error) from error

    def fetch(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return ranges of the file, asked for at once; what fails for a moment is asked for again.

        Parameters
        ----------
        ranges : sequence of (start, stop)
            Bytes, none of them empty.

        Raises
        ------
        InputChangedError
            If the file is shorter than that.
        InputError
            If it cannot be read.
        """
        found: dict[int, bytes] = {}
        for pause_s in (*PAUSES_S, None):
            wanted = [number for number in range(len(ranges)) if number not in found]
            failure = self._fetch_some(ranges, wanted, found)
            if failure is None:
                return [found[number] for number in range(len(ranges))]
            if pause_s is None:
                raise failed_error(self.name, failure) from failure
            time.sleep(pause_s)
        raise AssertionError

    def _fetch_some(
        self, ranges: Sequence[tuple[int, int]], wanted: Sequence[int], found: dict[int, bytes]
    ) -> BaseException | None:
        """Put the ranges of these numbers into `found` and return the failure of one that may succeed later."""
        starts, stops = ([ranges[number][side] for number in wanted] for side in (0, 1))
        answers: Iterable[Any]
        try:
            answers = self.system.cat_ranges([self.path] * len(wanted), starts, stops, on_error="return")
        except remote_errors() as error:
            answers = [error] * len(wanted)
        failure: BaseException | None = None
        for number, answer in zip(wanted, answers, strict=True):
            if isinstance(answer, BaseException):
                if not is_transient(answer):
                    raise failed_error(self.name, answer) from answer
                failure = answer
            else:
                found[number] = self._checked(bytes(answer), ranges[number])
        return failure

    def _checked(self, answer: bytes, bounds: tuple[int, int]) -> bytes:
        start, stop = bounds
        if len(answer) < stop - start:
            raise InputChangedError(
                f"{self.name}: the file was truncated at byte {start + len(answer)} while it was read",
                cause=f"{stop - start} bytes from byte {start} on were asked for, {len(answer)} came",
                next="run the job again on the file as it is now",
            )
        if len(answer) > stop - start:
            raise InputUnsupportedError(
                f"{self.name}: the server gave more than the part that was asked for",
                cause=f"{stop - start} bytes were asked for, {len(answer)} came",
                next="download the file and name that",
            )
        return answer


def open_file(url: str, name: str) -> RemoteFile:
    """Return the file behind a URL; nothing is read.

    Parameters
    ----------
    url : str
    name : str
        How it is called in messages.

    Raises
    ------
    InputUnsupportedError
        If URLs of this kind are not read.
    InputError
        If the library for them is not installed.
    """
    protocol = url.partition("://")[0].lower()
    if protocol not in PROTOCOLS:
        raise InputUnsupportedError(
            f"{name}: URLs of {protocol}:// are not read",
            cause=f"read are {', '.join(PROTOCOLS)}",
            next="copy the file",
        )
    from fsspec.core import url_to_fs  # 50 ms, which jobs on local files do not spend

    # ranges of what is packed on its way are no ranges of the file
    options = {"headers": {"Accept-Encoding": "identity"}} if protocol.startswith("http") else {}
    try:
        system, path = url_to_fs(url, **options)
    except ImportError as error:
        raise InputError(
            f"{name}: cannot be read", cause=f"a library for {protocol}:// is missing: {error}",
            next="pip install 'arraymill[remote]'",
        ) from error  # fmt: skip
    except (ValueError, OSError) as error:
        raise failed_error(name, error) from error
    return RemoteFile(name, system, path)

"""A compressed member of an archive as a source that is read front to back: unpacked as it goes, never held whole."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from lzma import LZMAError
from typing import IO, ClassVar

from ...errors import InputError
from ...headers import ArrayHeader
from ..files import FileStamp, cannot_read, check_unchanged, open_regular
from ..forward import ForwardReader

__all__ = ["BROKEN_ZIP", "ZipMemberSource", "broken_archive"]

BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, LZMAError, struct.error, EOFError, UnicodeError, ValueError, OverflowError,
    IndexError, KeyError, RuntimeError, NotImplementedError,
)  # fmt: skip
"""What zipfile and what it unpacks with raise on broken archives."""


@dataclass(frozen=True, slots=True)
class ZipMemberSource:
    """A ``.npy`` file that is compressed in a zip archive. A streamed source: see `ForwardReader`.

    Parameters
    ----------
    path : str
        Absolute, of the archive.
    member : str
        The name of the file in it.
    header : ArrayHeader
    skipped_bytes : int
        Of the member, before its first element.
    stamp : FileStamp
        Of the archive when it was first opened.
    """

    is_streamed: ClassVar[bool] = True

    path: str
    member: str
    header: ArrayHeader
    skipped_bytes: int
    stamp: FileStamp

    @property
    def files(self) -> tuple[str, ...]:
        """The archive: no byte of it stands for an element."""
        return (self.path,)

    @property
    def data_offset(self) -> int:
        """Return 0: elements have no place in the archive."""
        return 0

    @property
    def T(self) -> ZipMemberSource:  # noqa: N802 - NumPy's name
        """The same member with the axes reversed."""
        return self if self.header.ndim < 2 else replace(self, header=self.header.T)

    @contextmanager
    def open(self) -> Iterator[ForwardReader]:
        """Open the member at its first element, and check, then and on leaving, that the archive was not changed.

        Raises
        ------
        InputChangedError
            If it was changed, replaced or truncated since the job was planned.
        InputError
            If it cannot be read, or is broken.
        """
        descriptor, status = open_regular(self.header.name, self.path)
        with ExitStack() as stack:
            file = stack.enter_context(os.fdopen(descriptor, "rb"))
            check_unchanged(self.header.name, self.stamp, status)
            try:
                archive = stack.enter_context(zipfile.ZipFile(file))
                stream = stack.enter_context(archive.open(self.member))
            except BROKEN_ZIP as error:
                raise broken_archive(self.header.name, error) from error
            member = _Member(self.header.name, stream, self.skipped_bytes + self.header.nbytes)
            member.fill(memoryview(bytearray(self.skipped_bytes)))
            yield ForwardReader(self.header, member.fill)
            check_unchanged(self.header.name, self.stamp, os.fstat(file.fileno()))


class _Member:
    """A member that is being unpacked."""

    __slots__ = ("_left", "_name", "_stream")

    def __init__(self, name: str, stream: IO[bytes], n_bytes: int) -> None:
        self._name, self._stream, self._left = name, stream, n_bytes

    def fill(self, buffer: memoryview) -> None:
        """Fill a buffer with the next bytes; at the end of the member, its checksum is compared."""
        try:
            done = 0
            while done < buffer.nbytes:
                part = self._stream.read(buffer.nbytes - done)
                if not part:
                    raise EOFError(f"{self._left - done} bytes are missing at its end")
                buffer[done : done + len(part)] = part
                done += len(part)
            self._left -= done
            if self._left == 0:
                self._stream.read(1)
        except BROKEN_ZIP as error:
            raise broken_archive(self._name, error) from error
        except OSError as error:
            raise cannot_read(self._name, error) from error


def broken_archive(name: str, reason: Exception | str) -> InputError:
    """Return the error for an archive that cannot be unpacked."""
    said = str(reason) or type(reason).__name__
    return InputError(f"{name}: the archive is broken", cause=f"zip: {said}", next="copy or write the archive again")

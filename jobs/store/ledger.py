"""The record of what a job has done: lines that are appended, each with a checksum, and never changed."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from .. import disk
from .files import broken, create_file, read_file, writing

__all__ = ["Ledger", "encode_record", "read_ledger"]

_N_CHECKSUM = 8


def encode_record(record: Mapping[str, Any]) -> bytes:
    """Return the line of a record: the CRC-32 of its JSON in 8 hexadecimal digits, a space, the JSON, a line feed.

    Examples
    --------
    >>> encode_record({"kind": "epoch", "epoch": 1})
    b'cd1e3627 {"kind":"epoch","epoch":1}\\n'
    """
    text = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def read_ledger(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the records of a ledger up to the first line that is torn or damaged, and how many bytes they take.

    Parameters
    ----------
    path : Path
        A file that is not there is an empty ledger. Nothing is created or changed.

    Raises
    ------
    JobError
        If it is there and cannot be read: that it is empty must not be believed.

    Examples
    --------
    >>> path = Path("ledger.jsonl")
    >>> _ = path.write_bytes(encode_record({"kind": "note"}) + b"0f6a24b8 {torn")
    >>> read_ledger(path)
    ([{'kind': 'note'}], 25)
    """
    with writing(path):
        content = read_file(path) or b""
    records: list[dict[str, Any]] = []
    start = 0
    while (end := content.find(b"\n", start)) >= 0:
        record = _decode(content[start:end])
        if record is None:
            break
        records.append(record)
        start = end + 1
    return records, start


def _decode(line: bytes) -> dict[str, Any] | None:
    checksum, space, text = line[:_N_CHECKSUM], line[_N_CHECKSUM : _N_CHECKSUM + 1], line[_N_CHECKSUM + 1 :]
    if space != b" " or checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("kind"), str) else None


@dataclass(slots=True)
class Ledger:
    """A ledger that is appended to, by the one process that holds the lock of the job.

    Parameters
    ----------
    path : Path
    descriptor : int
        Open for writing; -1 once closed.
    size : int
        Bytes of whole, durable lines.
    """

    path: Path
    descriptor: int
    size: int
    _lines: list[bytes] = field(default_factory=list)
    _is_torn: bool = False
    _is_broken: bool = False

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a ledger, created if it is not there, without what follows its first bad line.

        What is left is durable: what was read from it may be relied on from now on.

        Raises
        ------
        JobError
        """
        with writing(path):
            good_bytes = read_ledger(path)[1]
            descriptor = create_file(path, os.O_WRONLY)
            try:
                _cut(descriptor, good_bytes)
                disk.fsync(descriptor)
                disk.fsync_folder(path.parent)
            except BaseException:
                os.close(descriptor)
                raise
        return cls(path, descriptor, good_bytes)

    @property
    def n_unsynced(self) -> int:
        """How many records are not on the disk yet."""
        return len(self._lines)

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a record, which counts after the next `sync`."""
        self._lines.append(encode_record(record))

    def sync(self) -> None:
        """Write what was appended, and return when it is durable.

        Raises
        ------
        StoreFullError
            If that fails, and from then on.
        """
        if self._is_broken:
            raise broken(self.path)
        if not self._lines:
            return
        lines = b"".join(self._lines)
        with writing(self.path):
            try:
                if self._is_torn:
                    # Ctrl-C came in the middle of the last write.
                    _cut(self.descriptor, self.size)
                self._is_torn = True
                disk.write(self.descriptor, lines)
                disk.fsync(self.descriptor)
            except OSError:
                self._is_broken = True
                raise
        self._is_torn = False
        self.size += len(lines)
        self._lines.clear()

    def close(self) -> None:
        """Close the file; what was not synced is forgotten."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _cut(descriptor: int, good_bytes: int) -> None:
    if os.fstat(descriptor).st_size != good_bytes:
        disk.ftruncate(descriptor, good_bytes)
    os.lseek(descriptor, good_bytes, os.SEEK_SET)

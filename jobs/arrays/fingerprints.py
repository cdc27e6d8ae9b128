"""What a file held when a job began, small enough to keep in its records: by it a resumed job sees what changed.

::

    up to 64 MiB, or full      |####|####|####|####|####|##|       every byte is in a chunk
    sampled                    |##......##......##......##|        64 chunks of 1 MiB, evenly spread

A chunk is known by a 128-bit BLAKE2b digest, so that two contents are told apart without keeping either.

References
----------
M.-J. Saarinen and J.-P. Aumasson, RFC 7693, "The BLAKE2 Cryptographic Hash and MAC" (2015).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ..blocks import merged_ranges
from ..errors import InputChangedError, InputError
from .digests import Span, digest_spans
from .files import FileStamp, open_regular, read_prefix
from .npy import NpySource
from .npy_header import HEADER_BYTES, parse_header
from .source import Source

__all__ = ["Change", "Fingerprint", "compare_fingerprints", "fingerprint", "fingerprint_again"]

CHUNK_BYTES = 1 << 20
N_SAMPLES = 64
MOST_CHUNKS = 4096
LEAST_BYTES, N_FINE = 4096, 256

Chunk: TypeAlias = tuple[int, int, str]
"""Offset, length, digest in hexadecimal."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of an input file.

    Parameters
    ----------
    name : str
        How the file is called in messages.
    path : str
        Absolute.
    size : int
        Bytes.
    mtime_ns : int
        Last modification, in ns since 1970.
    device, inode : int
    header : dict
        Shape, dtype, order and data_offset in JSON's types; empty if the file is not an array that can be read.
    chunks : tuple of (offset, length, digest)
        In the order of the file.
    is_complete : bool
        True: every byte is in a chunk.
    """

    name: str
    path: str
    size: int
    mtime_ns: int
    device: int
    inode: int
    header: dict[str, Any]
    chunks: tuple[Chunk, ...]
    is_complete: bool

    def to_json(self) -> dict[str, Any]:
        """Return the fingerprint in JSON's types."""
        return asdict(self) | {"chunks": [list(chunk) for chunk in self.chunks]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Fingerprint:
        """Return a fingerprint from what `to_json` made.

        Raises
        ------
        KeyError, TypeError, ValueError
            If a field is missing or of another kind.
        """
        chunks = tuple((int(offset), int(length), str(digest)) for offset, length, digest in document["chunks"])
        names = [name for name in cls.__dataclass_fields__ if name != "chunks"]
        return cls(**{name: document[name] for name in names}, chunks=chunks)


@dataclass(frozen=True, slots=True)
class Change:
    """How a file differs from what it was.

    Parameters
    ----------
    fields : tuple of str
        Of "missing" (or no longer a file that can be read), "size", "mtime", "inode", "header", "content". Empty:
        nothing was seen to differ.
    changed_ranges : tuple of (start, stop)
        Bytes of the file that differ, or that are not known to be the same where both were looked at.
    is_proven : bool
        True: every byte was looked at, then and now, so that what is outside `changed_ranges` is the same.
    """

    fields: tuple[str, ...]
    changed_ranges: tuple[tuple[int, int], ...]
    is_proven: bool

    @property
    def is_same(self) -> bool:
        """True if nothing that was looked at differs: by content, whatever the time or place of the file."""
        return not {"missing", "size", "header", "content"} & set(self.fields)


def fingerprint(source: Source, *, full: bool = False) -> Fingerprint:
    """Return the fingerprint of an input file.

    Parameters
    ----------
    source : Source
        A file, as `open_source` returned it.
    full : bool
        True: every byte is looked at. False: 64 MiB at most.

    Raises
    ------
    InputChangedError
        If the file is no longer the one that was opened, or changes meanwhile.
    InputError
        If it cannot be read.
    TypeError
        If the source is not a file.
    """
    if not isinstance(source, NpySource):
        raise TypeError(f"{source.header.name}: only files have fingerprints")
    name = source.header.name
    descriptor, status = open_regular(name, source.path)
    try:
        now = FileStamp.of(status)
        if now != source.stamp:
            raise _changed(name, source.stamp, now)
        is_complete = full or now.size <= N_SAMPLES * CHUNK_BYTES
        spans = _consecutive(now.size) if is_complete else _spread(now.size)
        return _look(name, source.path, descriptor, now, spans, is_complete=is_complete)
    finally:
        os.close(descriptor)


def fingerprint_again(old: Fingerprint) -> Fingerprint | None:
    """Return the fingerprint of the file as it is now, at the chunks of `old`, to compare with it.

    The file need not be an array any more. None: it is missing, or not a regular file.

    Raises
    ------
    InputChangedError
        If it changes meanwhile.
    InputError
        If it is there and cannot be read.
    """
    try:
        descriptor, status = open_regular(old.name, old.path)
    except InputError:
        if Path(old.path).is_file():
            raise
        return None
    try:
        now = FileStamp.of(status)
        spans = [(start, min(length, now.size - start)) for start, length, _ in old.chunks if start < now.size]
        is_complete = old.is_complete and now.size <= old.size
        return _look(old.name, old.path, descriptor, now, spans, is_complete=is_complete)
    finally:
        os.close(descriptor)


def _look(
    name: str, path: str, descriptor: int, stamp: FileStamp, spans: list[Span], *, is_complete: bool
) -> Fingerprint:
    header = _header(name, read_prefix(name, descriptor, HEADER_BYTES))
    digests = digest_spans(name, descriptor, spans)
    now = FileStamp.of(os.fstat(descriptor))
    if now != stamp:
        raise _changed(name, stamp, now)
    chunks = tuple((*span, digest) for span, digest in zip(spans, digests, strict=True))
    return Fingerprint(
        name, path, stamp.size, stamp.mtime_ns, stamp.device, stamp.inode, header, chunks, is_complete
    )


def _header(name: str, prefix: bytes) -> dict[str, Any]:
    try:
        header, data_offset = parse_header(name, prefix)
    except InputError:
        return {}
    shape, dtype = list(header.shape), header.dtype.str
    return {"shape": shape, "dtype": dtype, "order": header.order, "data_offset": data_offset}


def _consecutive(size: int) -> list[Span]:
    # Fine enough to tell which blocks of a small file changed, few enough to keep in the ledger.
    length = max(min(CHUNK_BYTES, max(LEAST_BYTES, -(-size // N_FINE))), -(-size // MOST_CHUNKS))
    return [(start, min(length, size - start)) for start in range(0, size, length)]


def _spread(size: int) -> list[Span]:
    last = size - CHUNK_BYTES
    return [(last * number // (N_SAMPLES - 1), CHUNK_BYTES) for number in range(N_SAMPLES)]


def _changed(name: str, then: FileStamp, now: FileStamp) -> InputChangedError:
    return InputChangedError(
        f"{name}: the file changed while it was looked at", cause=f"then {then}; now {now}", next="run the job again"
    )


def compare_fingerprints(old: Fingerprint, new: Fingerprint | None) -> Change:
    """Return how a file differs from what it was.

    Parameters
    ----------
    old : Fingerprint
    new : Fingerprint or None
        Of `fingerprint_again`, whose chunks are those of `old`. A chunk of `old` that `new` lacks counts as changed.
    """
    if new is None:
        return Change(("missing",), ((0, old.size),) if old.size else (), is_proven=False)
    now = {(start, length): digest for start, length, digest in new.chunks}
    changed = [(start, start + length) for start, length, was in old.chunks if now.get((start, length)) != was]
    if old.size != new.size:
        changed.append((min(old.size, new.size), max(old.size, new.size)))
    differs = {
        "size": old.size != new.size,
        "mtime": old.mtime_ns != new.mtime_ns,
        # not the device: a restart of the machine may give a disk another number
        "inode": old.inode != new.inode,
        "header": old.header != new.header,
        "content": bool(changed),
    }
    ranges = tuple(merged_ranges(changed))
    return Change(tuple(name for name, is_so in differs.items() if is_so), ranges, old.is_complete and new.is_complete)

"""What a file held when a job began, small enough to keep in its records: by it a resumed job sees what changed.

::

    up to 64 MiB, or full      |####|####|####|####|####|##|       every byte is in a chunk
    sampled                    |##......##......##......##|        64 chunks of 1 MiB, evenly spread

A chunk is known by a 128-bit BLAKE2b digest, so that two contents are told apart without keeping either.

An array in several files (a Zarr store, files that are joined) is looked at as if they were one file, in the order of
their paths. All of them are listed, with sizes and times; of their content no more is read than of one file so large.

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

from ..errors import InputChangedError, InputError
from ..headers import ArrayHeader
from .digests import Span, digest_spans
from .file_sets import FileSet, list_files
from .files import FileStamp, open_regular, read_prefix
from .npy.header import HEADER_BYTES, parse_header
from .npy.source import NpySource
from .source import Source, files_of, marks_of

__all__ = ["Fingerprint", "fingerprint", "fingerprint_again"]

CHUNK_BYTES = 1 << 20
N_SAMPLES = 64
MOST_CHUNKS = 4096
LEAST_BYTES, N_FINE = 4096, 256

Chunk: TypeAlias = tuple[int, int, str]
"""Offset, length, digest in hexadecimal."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of an input: a file, or several.

    Parameters
    ----------
    name : str
        How the file is called in messages.
    path : str
        Absolute; of several, the folder that all are in.
    size : int
        Bytes, of all.
    mtime_ns : int
        Last modification, in ns since 1970; of several, that of the newest.
    device, inode : int
        0 of several.
    header : dict
        Shape, dtype, order and data_offset in JSON's types; empty if the file is not an array that can be read. Of
        several: digests of their names and sizes, and of their times.
    chunks : tuple of (offset, length, digest)
        In the order of the file; of several, one behind the other.
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

    @property
    def is_of_several(self) -> bool:
        """Whether no byte is known to stand for an element: of several files, or one that is packed in its own way."""
        return "names" in self.header

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


def fingerprint(source: Source, *, full: bool = False) -> Fingerprint:
    """Return the fingerprint of an input.

    Parameters
    ----------
    source : Source
        In files, as `open_input` returned it.
    full : bool
        True: every byte is looked at. False: 64 MiB at most.

    Raises
    ------
    InputChangedError
        If a file is no longer the one that was opened, or changes meanwhile.
    InputError
        If it cannot be read.
    TypeError
        If the source is not in files.
    """
    name = source.header.name
    if not isinstance(source, NpySource):
        if not (files_of(source) or marks_of(source)):
            raise TypeError(f"{name}: only files have fingerprints")
        files = list_files(name, files_of(source))
        return _look_at_set(files, marks_of(source), *_plan_spans(files.n_bytes, full=full))
    descriptor, status = open_regular(name, source.path)
    try:
        now = FileStamp.of(status)
        if now != source.stamp:
            raise _changed(name, source.stamp, now)
        return _look(name, (source.path, descriptor, now), *_plan_spans(now.size, full=full), source)
    finally:
        os.close(descriptor)


def fingerprint_again(old: Fingerprint, source: Source | None = None) -> Fingerprint | None:
    """Return the fingerprint of an input as it is now, at the chunks of `old`, to compare with it.

    Parameters
    ----------
    old : Fingerprint
    source : Source, optional
        The input as it was opened now: needed of what is not one ``.npy`` file.

    Returns
    -------
    Fingerprint or None
        None: it is missing, or not a regular file. It need not be an array any more.

    Raises
    ------
    InputChangedError
        If it changes meanwhile.
    InputError
        If it is there and cannot be read.
    """
    if old.is_of_several:
        if source is None:
            raise TypeError(f"{old.name}: its files are known from its source alone")
        files = list_files(old.name, files_of(source))
        return _look_at_set(files, marks_of(source), *_same_spans(old, files.n_bytes))
    single = source if isinstance(source, NpySource) else None
    path = old.path if single is None else single.path
    try:
        descriptor, status = open_regular(old.name, path)
    except InputError:
        if Path(path).is_file():
            raise
        return None
    try:
        now = FileStamp.of(status)
        return _look(old.name, (path, descriptor, now), *_same_spans(old, now.size), single)
    finally:
        os.close(descriptor)


def _plan_spans(size: int, *, full: bool) -> tuple[list[Span], bool]:
    is_complete = full or size <= N_SAMPLES * CHUNK_BYTES
    return _consecutive(size) if is_complete else _spread(size), is_complete


def _same_spans(old: Fingerprint, size: int) -> tuple[list[Span], bool]:
    spans = [(start, min(length, size - start)) for start, length, _ in old.chunks if start < size]
    return spans, old.is_complete and size <= old.size


def _look_at_set(
    files: FileSet, marks: tuple[tuple[str, str], ...], spans: list[Span], is_complete: bool
) -> Fingerprint:
    digests = files.digest_spans(spans)
    now = list_files(files.name, files.paths)
    if now != files:
        raise InputChangedError(f"{files.name}: changed while it was looked at", next="run the job again")
    folder = os.path.commonpath(files.paths) if files.paths else ""
    header = {"names": files.digest_names(marks), "times": files.digest_times()}
    chunks = tuple((*span, digest) for span, digest in zip(spans, digests, strict=True))
    return Fingerprint(files.name, folder, files.n_bytes, files.newest_ns, 0, 0, header, chunks, is_complete)


def _look(
    name: str, file: tuple[str, int, FileStamp], spans: list[Span], is_complete: bool, source: NpySource | None
) -> Fingerprint:
    path, descriptor, stamp = file
    # what is no .npy file by itself does not say where its elements are
    header = _stored_header(name, descriptor) if source is None else _header(source.header, source.data_offset)
    digests = digest_spans(name, descriptor, spans)
    now = FileStamp.of(os.fstat(descriptor))
    if now != stamp:
        raise _changed(name, stamp, now)
    chunks = tuple((*span, digest) for span, digest in zip(spans, digests, strict=True))
    return Fingerprint(name, path, stamp.size, stamp.mtime_ns, stamp.device, stamp.inode, header, chunks, is_complete)


def _stored_header(name: str, descriptor: int) -> dict[str, Any]:
    try:
        return _header(*parse_header(name, read_prefix(name, descriptor, HEADER_BYTES)))
    except InputError:
        return {}


def _header(header: ArrayHeader, data_offset: int) -> dict[str, Any]:
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

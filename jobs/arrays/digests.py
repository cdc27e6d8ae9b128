"""Digests of parts of a file, by a few threads and with little memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import repeat
from typing import TypeAlias

from ..errors import InputChangedError
from .files import cannot_read
from .transfer import read_into

__all__ = ["digest_spans"]

Span: TypeAlias = tuple[int, int]
"""Offset and length in bytes."""

READ_BYTES = 1 << 20
"""Read and digested at once: it stays in the cache of a core between the two."""

N_THREADS = 4
"""At most: beyond it the disk, not BLAKE2b, is what is waited for."""

_LEAST_BYTES = 4 << 20
"""Threads, and what has to be imported for them, take longer to start than less takes to digest."""


def digest_spans(name: str, descriptor: int, spans: Sequence[Span]) -> list[str]:
    """Return the 128-bit BLAKE2b digest of each part of a file, in hexadecimal.

    Parameters
    ----------
    name : str
        How the file is called in messages.
    descriptor : int
        Open for reading; its position is not used.
    spans : sequence of (offset, length)

    Raises
    ------
    InputChangedError
        If the file ends before a part does.
    InputError
        If the device fails.

    Examples
    --------
    >>> from tempfile import TemporaryFile
    >>> with TemporaryFile() as file:
    ...     _ = file.write(b"abcabc")
    ...     file.flush()
    ...     one, other, third = digest_spans("x", file.fileno(), [(0, 3), (3, 3), (1, 3)])
    >>> one == other, one == third, len(one)
    (True, False, 32)
    """
    # What is read here need not push out of memory what others read often. An advice: it is no matter if it is refused.
    with suppress(OSError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_NOREUSE)
    is_small = sum(length for _, length in spans) < _LEAST_BYTES
    n_threads = 1 if is_small else max(1, min(N_THREADS, len(os.sched_getaffinity(0)), len(spans)))
    # Each thread takes every n-th part: so the file is read from its beginning to its end, one buffer to a thread.
    shares = [spans[number::n_threads] for number in range(n_threads)]
    if n_threads == 1:
        return _digest_share(name, descriptor, spans)
    from concurrent.futures import ThreadPoolExecutor  # it brings logging

    with ThreadPoolExecutor(n_threads) as pool:
        digests = list(pool.map(_digest_share, repeat(name), repeat(descriptor), shares))
    return [digests[place % n_threads][place // n_threads] for place in range(len(spans))]


def _digest_share(name: str, descriptor: int, spans: Sequence[Span]) -> list[str]:
    buffer = memoryview(bytearray(min(READ_BYTES, max((length for _, length in spans), default=0))))
    return [_digest(name, descriptor, span, buffer) for span in spans]


def _digest(name: str, descriptor: int, span: Span, buffer: memoryview) -> str:
    digest = hashlib.blake2b(digest_size=16)
    start, length = span
    for offset in range(start, start + length, READ_BYTES):
        part = buffer[: min(READ_BYTES, start + length - offset)]
        try:
            moved = read_into(descriptor, [part], offset)
        except OSError as error:
            raise cannot_read(name, error, f" at byte {offset}") from error
        if moved < part.nbytes:
            raise InputChangedError(
                f"{name}: the file was truncated at byte {offset + moved} while it was looked at",
                cause=f"{start + length} bytes were there",
                next="restore the file and run the job again",
            )
        digest.update(part)
    return digest.hexdigest()

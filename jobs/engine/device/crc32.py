"""The CRC-32 of two strings of bytes one after the other, from the CRC-32 of each.

Appending n bytes multiplies a CRC, as a polynomial over GF(2), by x^(8n) modulo the polynomial of the code.

References
----------
M. Adler, `crc32_combine` of zlib 1.2.12 (2022), whose order of bits (the highest is x^0) this keeps.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache

__all__ = ["combine_crc32", "join_crc32"]

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31
"""x^0."""


def combine_crc32(left: int, right: int, right_bytes: int) -> int:
    """Return the checksum of two strings joined; `right_bytes` is the length of the second. O(log n).

    >>> import zlib
    >>> combine_crc32(zlib.crc32(b"array"), zlib.crc32(b"mill"), 4) == zlib.crc32(b"arraymill")
    True
    """
    return _multiply(_shift_by(right_bytes), left) ^ right


def join_crc32(parts: Iterable[tuple[int, int]]) -> int:
    """Return the checksum of many strings joined, each given as its checksum and length.

    >>> import zlib
    >>> join_crc32((zlib.crc32(part), len(part)) for part in (b"a", b"", b"bc")) == zlib.crc32(b"abc")
    True
    """
    total = 0
    for crc, n_bytes in parts:
        total = combine_crc32(total, crc, n_bytes)
    return total


@lru_cache(maxsize=256)
def _shift_by(n_bytes: int) -> int:
    """Return x^(8 n_bytes)."""
    product, power = _ONE, 3
    while n_bytes:
        if n_bytes & 1:
            product = _multiply(_power(power), product)
        n_bytes >>= 1
        power += 1
    return product


@cache
def _power(exponent: int) -> int:
    """Return x^(2^exponent)."""
    if exponent == 0:
        return 1 << 30
    half = _power(exponent - 1)
    return _multiply(half, half)


def _multiply(a: int, b: int) -> int:
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = (a << 1) & 0xFFFFFFFF
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return product

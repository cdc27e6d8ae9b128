"""Checksums joined."""

from __future__ import annotations

import zlib
from random import Random

import pytest

from arraymill.jobs.engine.device.crc32 import combine_crc32, join_crc32


@pytest.mark.parametrize("seed", range(20))
def test_parts_of_any_length_are_joined(seed: int) -> None:
    draw = Random(seed)
    parts = [draw.randbytes(draw.choice([0, 1, 7, 4096, 100_003])) for _ in range(draw.randint(0, 6))]
    assert join_crc32((zlib.crc32(part), len(part)) for part in parts) == zlib.crc32(b"".join(parts))


def test_lengths_beyond_4_gib() -> None:
    # a string of zeros: its checksum follows from that of a shorter one, joined to itself
    crc, length = zlib.crc32(bytes(1 << 20)), 1 << 20
    twice = combine_crc32(crc, crc, length)
    assert twice == zlib.crc32(bytes(2 << 20))
    for _ in range(14):
        crc, length = combine_crc32(crc, crc, length), 2 * length
    assert combine_crc32(crc, 0, 0) == crc
    assert length == 1 << 34
    assert combine_crc32(0, crc, length) == crc

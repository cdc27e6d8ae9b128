from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

from arraymill.jobs.engine.process_memory import own_bytes

SIZE = 64 << 20


def test_memory_of_its_own_counts_and_mapped_files_do_not(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(b"\1" * (SIZE // 64))
    before = own_bytes()
    # not from the heap, where memory that was freed before may be left
    array = np.frombuffer(mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.uint8)
    array[:] = 1
    with_array = own_bytes()
    assert with_array - before > SIZE / 2
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        total = int(np.frombuffer(mapped, np.uint8).sum())
        with_map = own_bytes()
    assert total == array.size
    assert with_map - with_array < SIZE / 2

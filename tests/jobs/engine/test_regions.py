"""Facts of read regions: a view where memory is native, else one copy in the workspace, in native byte order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from arraymill.jobs.arrays import MemorySource, Source, open_source
from arraymill.jobs.engine.clock import Clock
from arraymill.jobs.engine.regions import read_region
from arraymill.jobs.workspace import Workspace

REGION = ((1, 3), (0, 4))


def read(source: Source, workspace: Workspace, clock: Clock) -> np.ndarray:
    with source.open() as reader:
        return read_region(reader, source.header, REGION, name="piece", workspace=workspace, clock=clock)


def test_memory_is_looked_at_not_copied() -> None:
    x, clock = np.arange(12.0).reshape(3, 4), Clock()
    piece = read(MemorySource("x", x), Workspace(), clock)
    assert np.may_share_memory(piece, x)
    assert not piece.flags.writeable
    assert clock.bytes_read == piece.nbytes == 64


def test_foreign_byte_order_is_turned_in_the_workspace() -> None:
    x, workspace = np.arange(12, dtype=">f8").reshape(3, 4), Workspace()
    piece = read(MemorySource("x", x), workspace, Clock())
    assert piece.dtype.isnative
    assert piece.tolist() == x[1:3].tolist()
    assert np.may_share_memory(piece, workspace.peek("piece", (2, 4), np.dtype("f8")))


def test_a_file_is_read_in_its_own_order(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.asfortranarray(np.arange(12.0).reshape(3, 4)))
    clock = Clock()
    piece = read(open_source(tmp_path / "x.npy"), Workspace(), clock)
    assert piece.tolist() == np.arange(12.0).reshape(3, 4)[1:3].tolist()
    assert piece.flags.f_contiguous
    # of each column two of three rows; what lies between may be read over
    assert 64 <= clock.bytes_read <= 96
    assert list(clock.seconds) == ["read"]

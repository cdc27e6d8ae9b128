"""Sizes of chunks that HDF5 would believe, and read beyond its memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import arraymill.jobs.arrays.hdf5.chunk_sizes as chunk_sizes
from arraymill.jobs.arrays import open_source
from arraymill.jobs.errors import InputError

X = np.arange(600.0).reshape(40, 15)
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "gzip": {"compression": "gzip"},
    "lzf": {"compression": "lzf", "shuffle": True},
    "szip": {"compression": "szip"},
    "shuffle": {"shuffle": True},
    "fletcher32": {"fletcher32": True},
    "all": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "scaleoffset": {"scaleoffset": 3},
}


def save(path: Path, kind: str, x: Any = X, **options: Any) -> None:
    with h5py.File(path, "w", **options) as file:
        file.create_dataset("x", data=x, chunks=(8, 5), **KINDS[kind])


def opened(path: Path) -> Any:
    source = open_source(path)
    with source.open() as reader:
        out = np.empty(source.header.shape, source.header.dtype)
        reader.read(tuple((0, n) for n in out.shape), out)
    return out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"libver": "latest"}, {"userblock_size": 1024}], ids=str)
def test_every_filter_passes(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    # numbers that do not compress, of which HDF5 leaves filters out
    for name, x in {"x": X, "noise": np.random.default_rng(1).standard_normal((40, 15))}.items():
        save(tmp_path / name, kind, x, **options)
        with h5py.File(tmp_path / name) as file:
            assert opened(tmp_path / name).tolist() == file["x"][...].tolist()


@pytest.mark.parametrize("kind", ["gzip", "fletcher32", "all", "plain"])
@pytest.mark.parametrize("size", [0, 3, 2**32 - 1])
def test_a_chunk_of_an_impossible_size_is_refused_before_hdf5_reads_it(tmp_path: Path, kind: str, size: int) -> None:
    path = tmp_path / "x"
    save(path, kind)
    with h5py.File(path) as file:
        stored = file["x"].id.get_chunk_info(1)
    # a key of the index: size, mask, offsets along both axes
    key = b"".join(n.to_bytes(4, "little") for n in (stored.size, 0)) + b"".join(
        n.to_bytes(8, "little") for n in stored.chunk_offset
    )
    content = path.read_bytes()
    assert content.count(key) == 1
    path.write_bytes(content.replace(key, size.to_bytes(4, "little") + key[4:]))
    if size == 3 and kind == "gzip":
        # more than nothing, and less than deflate needs: HDF5 sees that itself
        with pytest.raises(InputError, match="the HDF5 file is broken"):
            opened(path)
        return
    with pytest.raises(InputError, match="the HDF5 file is broken") as caught:
        open_source(path)
    assert f"the chunk at [0, 5] has {size} bytes" in caught.value.cause


def test_an_index_of_very_many_chunks_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "x", "plain")
    monkeypatch.setattr(chunk_sizes, "MOST_CHECKED", 3)
    assert opened(tmp_path / "x").tolist() == X.tolist()

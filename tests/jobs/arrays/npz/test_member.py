from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arraymill.jobs.arrays import open_source
from arraymill.jobs.errors import InputChangedError, InputError

X = np.random.default_rng(0).random((1000, 50))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.savez_compressed(tmp_path / "x.npz", X)
    return tmp_path / "x.npz"


def test_its_reader_goes_forward_alone(path: Path) -> None:
    out = np.empty((10, 50))
    with open_source(path).open() as reader:
        reader.read(((20, 30), (0, 50)), out)
        assert out.tolist() == X[20:30].tolist()
        with pytest.raises(ValueError, match="went by already"):
            reader.read(((10, 20), (0, 50)), out)
        assert reader.view(((0, 1), (0, 50))) is None


def test_a_wrong_checksum_is_told_of_at_the_end(path: Path) -> None:
    content = path.read_bytes()
    place = content.find(b"PK\1\2") + 16
    path.write_bytes(content[:place] + b"\0\0\0\0" + content[place + 4 :])
    with open_source(path).open() as reader, pytest.raises(InputError, match="the archive is broken") as caught:
        reader.read(((0, 1000), (0, 50)), np.empty((1000, 50)))
    assert "CRC" in caught.value.cause


def test_what_the_user_raises_is_not_taken_for_a_broken_archive(path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), open_source(path).open():
        raise ValueError("mine")


def test_a_change_meanwhile_is_told_of(path: Path) -> None:
    context = open_source(path).open()
    reader = context.__enter__()
    reader.read(((0, 1), (0, 50)), np.empty((1, 50)))
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(InputChangedError, match="changed since the job was planned"):
        context.__exit__(None, None, None)

"""Facts of where results go: memory, a file, or a scratch file that becomes an array."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arraymill.jobs.api.direct.destinations import ArrayOutput, ScratchOutput, as_files, scratch_folder
from arraymill.jobs.arrays import MemorySource, open_source
from arraymill.jobs.blocks import whole_region
from arraymill.jobs.headers import ArrayHeader

HEADER = ArrayHeader("y", (2, 3), np.dtype("f4"), "F")
X = np.arange(6, dtype="f4").reshape(2, 3)


def test_a_result_in_memory_has_the_shape_dtype_and_order_of_its_header() -> None:
    with ArrayOutput(HEADER) as output:
        with output.target.open() as writer:
            writer.write(whole_region((2, 3)), X)
        output.publish()
        assert np.array_equal(output.value(), X)
        assert output.value().flags.f_contiguous


def test_a_scratch_file_becomes_an_array(tmp_path: Path) -> None:
    with ScratchOutput(HEADER, tmp_path) as output:
        with output.target.open() as writer:
            writer.write(whole_region((2, 3)), X)
        output.publish()
        assert np.array_equal(output.value(), X)


def test_a_scratch_file_that_failed_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), ScratchOutput(HEADER, tmp_path):
        raise ZeroDivisionError
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".npy"]


def test_a_scratch_folder_is_private_and_goes() -> None:
    with scratch_folder(10) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_a_scratch_folder_goes_after_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError), scratch_folder(10) as folder:
        raise ZeroDivisionError
    assert not folder.exists()


@pytest.mark.parametrize("layout", ["C", "F", "reversed", "big-endian"])
def test_arrays_become_files_and_files_stay(tmp_path: Path, layout: str) -> None:
    x = {"C": X, "F": np.asfortranarray(X), "reversed": X[::-1, ::-1], "big-endian": X.astype(">f4")}[layout]
    np.save(tmp_path / "kept.npy", X)
    file = open_source(tmp_path / "kept.npy")
    saved, kept = as_files((MemorySource("x", x), file), tmp_path)
    assert kept is file
    with saved.open() as reader:
        out = np.empty((2, 3), "f4")
        reader.read(whole_region((2, 3)), out)
    assert np.array_equal(out, x)

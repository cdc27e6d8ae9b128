from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.arrays import OutputOptions, create_output, open_source
from arraymill.jobs.errors import OutputError

KIND: Any = ((50, 40), np.dtype("<f8"), "F")


def write(path: str, **options: Any) -> None:
    with create_output(path, *KIND, replace=False, inputs=(), options=OutputOptions(**options)) as output:
        with output.target.open() as writer:
            writer.write(((0, 50), (0, 40)), np.ones((50, 40)))
        output.publish()


@pytest.mark.parametrize(
    ("compression", "kind"), [(None, zipfile.ZIP_STORED), ("none", zipfile.ZIP_STORED), ("gzip", zipfile.ZIP_DEFLATED)]
)
def test_the_member_is_a_npy_of_the_memory_order(tmp_path: Path, compression: str | None, kind: int) -> None:
    write(f"{tmp_path}/y.npz::w.npy", compression=compression)
    with zipfile.ZipFile(tmp_path / "y.npz") as archive:
        assert archive.testzip() is None
        (member,) = archive.infolist()
    assert (member.filename, member.compress_type) == ("w.npy", kind)
    with np.load(tmp_path / "y.npz") as loaded:
        assert np.array_equal(loaded["w"], np.ones((50, 40)))
        assert loaded["w"].flags.f_contiguous
    assert open_source(tmp_path / "y.npz").header.shape == (50, 40)


def test_equal_arrays_make_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(f"{tmp_path}/{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("y.npz::../w", {}),
        ("y.npz::/w", {}),
        ("y.npz", {"compression": "zstd"}),
        ("y.npz", {"chunks": (5, 5)}),
        ("y.npz", {"columns": ("a",)}),
        ("y.npy::w", {}),
        ("y.npy", {"compression": "gzip"}),
        ("y.npy", {"chunks": (5, 5)}),
    ],
)
def test_what_the_format_has_not_is_refused(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(OutputError) as caught:
        write(f"{tmp_path}/{name}", **options)
    assert (caught.value.exit_code, bool(caught.value.next), list(tmp_path.iterdir())) == (2, True, [])

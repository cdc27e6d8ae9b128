from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.arrays import NpySource, open_input
from arraymill.jobs.errors import InputError, JobError, SpecError
from arraymill.jobs.spec.input import InputSpec

X = np.arange(24, dtype="<f4").reshape(4, 6)


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "x.bin").write_bytes(b"head" + X.tobytes())
    return str(tmp_path / "x.bin")


def test_elements_lie_behind_the_offset(path: str) -> None:
    source = open_input(InputSpec(path=path, dtype="<f4", shape=(4, 6), offset=4))
    assert isinstance(source, NpySource)
    assert (source.header.shape, source.header.order, source.data_offset) == ((4, 6), "C", 4)


def test_without_a_shape_there_is_one_axis(path: str) -> None:
    assert open_input(InputSpec(path=path, dtype="float32", offset=4)).header.shape == (24,)
    assert open_input(InputSpec(path=path, dtype="u1", select="4:")).header.shape == (96,)


@pytest.mark.parametrize(("shape", "order"), [((4, 6), "F"), ((24,), "C"), ((1, 24), "C")])
def test_the_order_is_of_arrays_that_have_one(path: str, shape: tuple[int, ...], order: str) -> None:
    entry = InputSpec(path=path, dtype="f4", shape=shape, offset=4, order="F")
    assert open_input(entry).header.order == order


def test_large_arrays_are_mapped(tmp_path: Path) -> None:
    big = np.arange(100_000.0)
    big.tofile(tmp_path / "x.bin")
    with open_input(InputSpec(path=str(tmp_path / "x.bin"), dtype="f8")).open() as reader:
        view = reader.view(((10, 100_000),))
    assert view is not None
    assert view.tolist() == big[10:].tolist()


@pytest.mark.parametrize(
    ("stated", "said", "kind"),
    [
        ({"dtype": "f4", "shape": (4, 7), "offset": 4}, "is too small for its shape", InputError),
        ({"dtype": "f2", "shape": (4, 6), "offset": 4}, "is too large for its shape", InputError),
        ({"dtype": "f8"}, "holds no whole number of elements", InputError),
        ({"dtype": "f4", "offset": 200}, "holds no whole number of elements", InputError),
        ({}, "is not a .npy file", InputError),
    ],
)
def test_the_size_is_checked(path: str, stated: dict[str, Any], said: str, kind: type[JobError]) -> None:
    with pytest.raises(kind, match=said):
        open_input(InputSpec(path=path, **stated))


def test_there_are_no_arrays_with_names_inside(path: str) -> None:
    with pytest.raises(SpecError, match="holds no arrays with names"):
        open_input(InputSpec(path=f"{path}::a", dtype="f4", offset=4))

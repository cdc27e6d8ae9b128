"""Views show what reading gives, or there is none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_layouts import numbered, regions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from arraymill.jobs.arrays import maps, open_source
from arraymill.jobs.arrays.npy import views as npy_views
from arraymill.jobs.blocks import as_slices, whole_region
from arraymill.jobs.errors import InputChangedError

pytestmark = pytest.mark.skipif(not maps._can_populate(), reason="the kernel cannot populate maps (Linux 5.14)")


@pytest.fixture
def small_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy_views, "VIEW_BYTES", 16)
    monkeypatch.setattr(npy_views, "VIEW_RUN_BYTES", 8)


def saved(folder: Path, array: NDArray[Any]) -> str:
    np.save(folder / "x.npy", array)
    return str(folder / "x.npy")


@pytest.mark.usefixtures("small_views")
@given(data=st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_view_is_the_region(tmp_path: Path, data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(((60,), (7, 9), (3, 4, 5), (2, 3, 2, 4))))
    dtype = data.draw(st.sampled_from(("f4", "f8", "u1", "c8", ">f4")))
    order: Any = data.draw(st.sampled_from("CF"))
    array = np.asarray(numbered(shape, np.dtype(dtype)), order=order)
    source, expected = open_source(saved(tmp_path, array)), array
    if data.draw(st.booleans()):
        source, expected = source.T, array.T
    region = data.draw(regions(expected.shape))
    with source.open() as reader:
        view = reader.view(region, is_kept=True)
        if view is not None:
            assert view.tobytes() == expected[as_slices(region)].tobytes()
            assert not view.flags.writeable
            view = None
        assert reader.view(whole_region(expected.shape), is_kept=True) is None or dtype != ">f4"


@pytest.mark.usefixtures("small_views")
def test_a_whole_native_array_has_a_view(tmp_path: Path) -> None:
    with open_source(saved(tmp_path, np.arange(100.0))).open() as reader:
        view = reader.view(((0, 100),), is_kept=True)
        assert view is not None
        assert view.tolist() == list(range(100))


def test_small_regions_and_short_runs_have_none(tmp_path: Path) -> None:
    with open_source(saved(tmp_path, np.zeros((1000, 1000)))).open() as reader:
        assert reader.view(((0, 1), (0, 1000)), is_kept=True) is None
        assert reader.view(((0, 1000), (0, 500)), is_kept=True) is None
        assert reader.view(((0, 1000), (0, 1000)), is_kept=True) is not None


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_file_that_was_truncated_is_an_error_that_says_so(tmp_path: Path, is_kept: bool) -> None:
    source = open_source(saved(tmp_path, np.zeros(100_000)))

    def compute() -> None:
        with source.open() as reader:
            assert reader.view(((0, 50_000),), is_kept=is_kept) is not None
            os.truncate(tmp_path / "x.npy", 1000)
            reader.view(((50_000, 100_000),), is_kept=is_kept)

    with pytest.raises(InputChangedError, match="truncated"):
        compute()


@pytest.mark.parametrize("reads_ahead", [False, True])
def test_expecting_a_region_lets_the_disk_begin_unless_the_kernel_does(
    reads_ahead: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advised: list[tuple[int, int]] = []
    monkeypatch.setattr(npy_views, "reads_far_ahead", lambda device: reads_ahead)
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, start, length, advice: advised.append((start, length)))
    with open_source(saved(tmp_path, np.zeros(100_000))).open() as reader:
        reader.expect(((50_000, 100_000),))
    assert advised == ([] if reads_ahead else [(400_128, 400_000)])

"""Tests of jobs/in_memory.py."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import zarr

from arraymill.jobs.api import run
from arraymill.jobs.errors import InputError, InputUnsupportedError, SpecError
from arraymill.jobs.in_memory import open_given


def memory_of(item: Any) -> Any:
    return open_given(item, "x").array  # type: ignore[attr-defined]


class Duck:
    """An array of another library."""

    def __init__(self, device: int = 1, array: Any = None) -> None:
        self.array, self.device = np.arange(3.0) if array is None else array, device

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0

    def __dlpack__(self, **_: Any) -> Any:
        return self.array.__dlpack__()


def test_memory_is_read_in_place() -> None:
    array, tensor, duck = np.arange(6.0).reshape(2, 3), torch.ones((3, 4), requires_grad=True), Duck()
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert np.shares_memory(memory_of(array), array)
    assert np.shares_memory(memory_of(tensor.T), tensor.detach().numpy())
    assert np.shares_memory(memory_of(duck), duck.array)
    assert np.array_equal(memory_of(frame), [[1, 3], [2, 4]])


def test_tensors_come_as_numpy_has_them() -> None:
    assert memory_of(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32
    assert memory_of(torch.tensor([1 + 2j]).conj()).tolist() == [1 - 2j]
    assert memory_of(torch.nn.Parameter(torch.ones(2))).tolist() == [1, 1]
    assert run("sum", torch.arange(5)) == 10


def test_zarr_arrays_and_datasets_are_opened_again_by_region(tmp_path: Path) -> None:
    x = np.arange(12.0).reshape(3, 4)
    group = zarr.open_group(tmp_path / "store.zarr", mode="w")
    inner, alone = group.create_array("a/b", data=x), zarr.create_array(tmp_path / "one.zarr", data=x)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["group/data"] = x
    with h5py.File(tmp_path / "x.h5") as file:
        sources = [open_given(item, "x") for item in (inner, alone, file["group/data"])]
        names = [f"{tmp_path}/store.zarr::a/b", f"{tmp_path}/one.zarr", f"{tmp_path}/x.h5::/group/data"]
        assert [source.header.name for source in sources] == names
        assert run("sum", file["group/data"], axis=1).tolist() == run("sum", inner, axis=1).tolist() == [6, 22, 38]


def test_an_input_is_said_as_in_a_job_file(tmp_path: Path) -> None:
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", np.full((2, 3), number))
    paths = [tmp_path / f"{number}.npy" for number in range(3)]
    assert run("sum", paths, axis=1).tolist() == [0, 0, 3, 3, 6, 6]
    assert run("sum", str(tmp_path / "*.npy")) == 18
    assert run("sum", {"path": paths, "join": "stack", "axis": 1, "select": ":, 1:, 0"}).tolist() == 6
    assert run("map", {"path": paths[1]}, np.ones(3), expr="x + y").tolist() == [[2.0] * 3] * 2


def test_a_wrong_word_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="input a") as caught:
        run("matmul", {"path": "x.npy", "selekt": "0"}, np.ones(3))
    assert "select" in str(caught.value)
    with pytest.raises(SpecError, match="select"):
        run("sum", {"path": "x.npy", "select": "len(x)"})
    with pytest.raises(InputError, match=r"no\.npy"):
        run("sum", str(tmp_path / "no.npy"))


class CudaTensor(torch.Tensor):
    """A tensor that says that it is elsewhere."""

    device = SimpleNamespace(type="cuda", __str__=lambda self: "cuda:0")  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("item", "way_out"),
    [
        ([1.0, 2.0], "pass numpy.asarray(x)"),
        ([], "pass numpy.asarray(x)"),
        ([np.ones(2), np.ones(2)], "an input of its own"),
        (3.0, "pass numpy.asarray(x)"),
        (None, "pass numpy.asarray(x)"),
        (torch.float32, "pass numpy.asarray(x)"),
        (torch.ones(2).to_sparse(), "to_dense"),
        (torch.ones(2).as_subclass(CudaTensor), "pass x.cpu()"),
        (Duck(device=2), "copy it to the host"),
        (SimpleNamespace(__dask_graph__=dict, shape=(3,)), "to_zarr"),
        (zarr.array(np.arange(3)), "pass x[:]"),
        (np.ma.array([1, 2], mask=[True, False]), "x.filled(value)"),
        (pd.DataFrame({"a": ["text"]}), "astype"),
    ],
    ids=str,
)
def test_what_is_not_read_is_refused_with_the_way_out(item: Any, way_out: str) -> None:
    with pytest.raises(InputUnsupportedError) as caught:
        open_given(item, "x")
    assert way_out in caught.value.next


def test_a_file_that_is_written_is_not_opened_again(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = np.arange(3)
        for item in (file, file["x"]):
            with pytest.raises(InputUnsupportedError):
                open_given(item, "x")


def test_a_dtype_that_dlpack_does_not_know_comes_another_way() -> None:
    class Other(Duck):
        def __dlpack__(self, **_: Any) -> Any:
            raise BufferError("no such dtype")

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return self.array

    assert memory_of(Other()).tolist() == [0, 1, 2]

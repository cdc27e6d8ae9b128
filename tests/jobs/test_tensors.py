from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from array_layouts import DTYPES, LAYOUTS, empty_like_layout, numbered, same_bits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arraymill.jobs.errors import InputUnsupportedError
from arraymill.jobs.tensors import numpy_dtype, to_array, to_tensor, torch_dtype

READ_ONLY_KINDS = ("flag", "broadcast", "map", "bytes")


def read_only(kind: str, folder: Path) -> np.ndarray[Any, Any]:
    if kind == "broadcast":
        return np.broadcast_to(np.arange(3.0), (2, 3))
    if kind == "map":
        np.save(folder / "x.npy", np.arange(6.0).reshape(2, 3))
        return np.load(folder / "x.npy", mmap_mode="r")
    if kind == "bytes":
        return np.frombuffer(np.arange(6.0).tobytes()).reshape(2, 3)
    array = np.arange(6.0).reshape(2, 3)
    array.flags.writeable = False
    return array


@given(data=st.data())
def test_there_and_back_is_the_same_bits(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    dtype = data.draw(st.sampled_from(DTYPES))
    array = empty_like_layout(data.draw(st.sampled_from(LAYOUTS)), shape, dtype)
    array[...] = numbered(shape, dtype)
    array.flags.writeable = data.draw(st.booleans())
    copy = data.draw(st.sampled_from([None, True]))
    tensor = to_tensor(array, copy=copy)
    back = to_array(tensor)
    assert same_bits(array, back)
    assert torch_dtype(dtype) == tensor.dtype
    assert back.flags.writeable
    if copy or not array.flags.writeable:
        assert not np.shares_memory(array, back)


@pytest.mark.parametrize("kind", READ_ONLY_KINDS)
@pytest.mark.parametrize("dtype", [None, torch.float32, torch.float64])
def test_writing_to_the_tensor_of_a_read_only_array_leaves_it_alone(tmp_path: Path, kind: str, dtype: Any) -> None:
    array = read_only(kind, tmp_path)
    before = array.copy()
    tensor = to_tensor(array, dtype=dtype)
    tensor.add_(1)
    assert same_bits(before, np.array(array))
    assert same_bits(before + 1, to_array(tensor.double()))


@pytest.mark.parametrize("kind", READ_ONLY_KINDS)
def test_a_read_only_array_is_shared_on_demand_without_a_warning(tmp_path: Path, kind: str) -> None:
    array = read_only(kind, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = to_tensor(array, copy=False)
    assert array.__array_interface__["data"][0] == tensor.data_ptr()
    assert same_bits(np.array(array), to_array(tensor))
    assert not array.flags.writeable


def test_a_shared_read_only_array_outlives_its_name() -> None:
    array = np.arange(100_000.0)
    array.flags.writeable = False
    tensor = to_tensor(array, copy=False)
    del array
    churn = [np.full(100_000, 7.0) for _ in range(5)]
    assert (float(tensor[-1]), len(churn)) == (99_999.0, 5)


def test_the_map_of_a_file_can_be_written_to_after_conversion(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(6.0))
    before = (tmp_path / "x.npy").read_bytes()
    to_tensor(np.load(tmp_path / "x.npy", mmap_mode="r")).mul_(0)
    assert before == (tmp_path / "x.npy").read_bytes()


def test_sharing_of_a_writable_array() -> None:
    array = np.arange(3.0)
    to_tensor(array).add_(1)
    to_tensor(array, copy=False).add_(1)
    to_tensor(array, copy=True).add_(1)
    assert array.tolist() == [2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("array", "options", "why"),
    [
        (np.arange(3.0)[::-1], {}, "negative strides"),
        (np.arange(3, dtype=">f8"), {}, "byte order"),
        (np.zeros(25, np.uint8)[1:].view("f8"), {}, "aligned"),
        (np.zeros(3, [("a", "f8"), ("b", "i1")])["a"], {}, "aligned"),
        (np.arange(3.0), {"dtype": torch.float32}, "float64 is not torch.float32"),
        (np.arange(3.0), {"device": "meta"}, "not on meta"),
    ],
)
def test_what_cannot_be_shared_is_refused_or_copied(array: Any, options: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        to_tensor(array, copy=False, **options)
    tensor = to_tensor(array, **options)
    assert ((3,), options.get("device", "cpu")) == (tuple(tensor.shape), tensor.device.type)
    if not options:
        assert same_bits(array, to_array(tensor))


@pytest.mark.parametrize("copy", [None, True, False])
def test_fortran_order_becomes_strides(copy: bool | None) -> None:
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    tensor = to_tensor(array, copy=copy)
    assert ((1, 2), array.tolist()) == (tensor.stride(), tensor.tolist())


@pytest.mark.parametrize("name", ["M8[s]", "m8[s]", "S3", "U3", "O", "V4", "g", "G", [("a", "f4")]])
def test_dtypes_without_tensors_are_refused(name: Any) -> None:
    with pytest.raises(InputUnsupportedError, match="no tensor can hold") as caught:
        to_tensor(np.zeros(2, name))
    assert caught.value.next


def test_what_is_no_plain_array_is_refused() -> None:
    with pytest.raises(InputUnsupportedError, match="mask"):
        to_tensor(np.ma.zeros(3))
    with pytest.raises(TypeError, match="not list"):
        to_tensor([1, 2])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not list"):
        to_array([1, 2])  # type: ignore[arg-type]


def test_imaginary_parts_are_never_dropped() -> None:
    with pytest.raises(TypeError, match="imaginary"):
        to_tensor(np.ones(2, complex), dtype=torch.float32)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtypes_map_both_ways(dtype: np.dtype[Any]) -> None:
    assert dtype.newbyteorder("=") == numpy_dtype(torch_dtype(dtype))


def test_long_long_is_int64() -> None:
    assert (torch.int64, torch.uint64) == (torch_dtype(np.dtype("q")), torch_dtype(np.dtype("Q")))
    assert to_tensor(np.array([1, 2], "q")).tolist() == [1, 2]


def test_bfloat16_comes_out_as_float32_exactly() -> None:
    tensor = torch.tensor([1.5, float("nan"), 3e38], dtype=torch.bfloat16)
    array = to_array(tensor)
    assert (np.float32, tensor.float().view(torch.int32).tolist()) == (array.dtype, array.view(np.int32).tolist())


def test_put_off_conjugations_and_negations_are_done() -> None:
    tensor = torch.tensor([1 + 2j, 3 - 4j])
    assert to_array(tensor.conj()).tolist() == [1 - 2j, 3 + 4j]
    assert to_array(tensor.conj().imag).tolist() == [-2.0, 4.0]


def test_gradients_are_left_behind() -> None:
    tensor = torch.ones(2, requires_grad=True)
    array = to_array(tensor)
    assert (array.tolist(), np.asarray(tensor.detach()).__array_interface__["data"][0]) == (
        [1.0, 1.0],
        array.__array_interface__["data"][0],
    )


def test_to_array_shares_memory_on_the_cpu() -> None:
    tensor = torch.zeros(2)
    to_array(tensor)[0] = 5
    assert tensor.tolist() == [5.0, 0.0]


def test_strides_and_emptiness_survive_to_array() -> None:
    transposed = to_array(torch.zeros(2, 3).double().T)
    assert (transposed.shape, transposed.strides) == ((3, 2), (8, 24))
    assert (to_array(torch.zeros(0, 3)).shape, to_array(torch.tensor(1)).shape) == ((0, 3), ())


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: torch.eye(2).to_sparse(), "sparse"),
        (lambda: torch.zeros(2, device="meta"), "meta"),
        (lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "quantized"),
        (lambda: torch.zeros(2, dtype=torch.float8_e5m2), "float8"),
    ],
)
def test_tensors_without_arrays_are_refused(make: Any, kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensor = make()
    with pytest.raises(InputUnsupportedError, match=kind):
        to_array(tensor)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_there_and_back_through_a_gpu(layout: str) -> None:
    array = empty_like_layout(layout, (3, 4), np.dtype("<f4"))
    array[...] = numbered((3, 4), array.dtype)
    tensor = to_tensor(array, device="cuda")
    assert (tensor.device.type, same_bits(array, to_array(tensor))) == ("cuda", True)

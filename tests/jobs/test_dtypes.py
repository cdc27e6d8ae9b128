"""Tests of jobs/dtypes.py."""

import numpy as np
import pytest

from arraymill.jobs.dtypes import compute_dtype, is_supported, refuse_dtype
from arraymill.jobs.errors import InputUnsupportedError

NUMBERS = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]


@pytest.mark.parametrize("code", [*NUMBERS, ">f4", ">i8", "<u2"])
def test_numbers_are_supported_in_any_byte_order(code):
    assert is_supported(np.dtype(code))
    refuse_dtype("x", np.dtype(code))


@pytest.mark.parametrize("code", ["O", "S3", "U3", "M8[s]", "m8[s]", "g", "G", "V4", [("a", "f4"), ("b", "i4")]])
def test_other_dtypes_are_refused_with_a_way_out(code):
    with pytest.raises(InputUnsupportedError, match="not worked on") as caught:
        refuse_dtype("x.npy", np.dtype(code))
    assert caught.value.cause
    assert caught.value.next


def test_structured_dtype_names_its_fields():
    with pytest.raises(InputUnsupportedError) as caught:
        refuse_dtype("x", np.dtype([("time", "f8"), ("value", "f4")]))
    assert "time, value" in caught.value.cause
    assert 'x["time"]' in caught.value.next


@pytest.mark.parametrize("code", NUMBERS)
def test_sum_on_cpu_is_as_wide_as_numpys_sum_of_integers(code):
    dtype = np.dtype(code)
    computed = compute_dtype("sum", dtype)
    assert computed == (np.zeros(1, dtype).sum().dtype if dtype.kind in "biu" else max(dtype, np.dtype("f4")))


@pytest.mark.parametrize(
    ("family", "code", "device", "precision", "expected"),
    [
        ("elementwise", "u2", "cuda", "standard", "i8"),
        ("elementwise", "u1", "cuda", "standard", "u1"),
        ("elementwise", "f2", "cuda", "fast", "f4"),
        ("elementwise", "f4", "cuda", "strict", "f4"),
        ("elementwise", ">f4", "cpu", "standard", "=f4"),
        ("sum", "f4", "cuda", "strict", "f8"),
        ("sum", "f2", "cpu", "fast", "f4"),
        ("sum", "c8", "cpu", "strict", "c16"),
        ("sum", "u8", "cuda", "standard", "i8"),
        ("sum", "u4", "cpu", "standard", "u8"),
        ("extremum", "?", "cuda", "standard", "u1"),
        ("extremum", "?", "cpu", "standard", "?"),
        ("extremum", "u4", "cuda", "standard", "i8"),
        ("product", "f4", "cuda", "fast", "f8"),
        ("product", "c8", "cpu", "standard", "c16"),
        ("product", "i1", "cpu", "standard", "i8"),
    ],
)
def test_table(family, code, device, precision, expected):
    assert compute_dtype(family, np.dtype(code), device, precision) == np.dtype(expected)


@pytest.mark.parametrize(("family", "code"), [("elementwise", "u8"), ("extremum", "u8"), ("extremum", "c8")])
def test_refused_on_cuda_names_the_cpu(family, code):
    with pytest.raises(InputUnsupportedError, match=r"x\.npy") as caught:
        compute_dtype(family, np.dtype(code), "cuda", name="x.npy")
    assert caught.value.next == "use --device cpu"
    assert compute_dtype(family, np.dtype(code), "cpu") == np.dtype(code)

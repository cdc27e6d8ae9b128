"""Facts of summands: the dtype that is added in, and the names that `dtype=` takes."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from arraymill.jobs.limits import Limits
from arraymill.jobs.operations.reductions.summand import DtypeName, summand_dtype


@pytest.mark.parametrize(
    ("dtype", "result", "forced", "expected"),
    [
        ("f4", "f4", False, "f4"),
        ("f2", "f2", False, "f4"),
        ("f8", "f8", False, "f8"),
        ("c8", "c8", False, "c8"),
        ("f4", "f8", True, "f8"),
        ("f8", "f4", True, "f4"),
        ("f2", "f4", True, "f8"),
        ("i4", "f8", False, "f8"),
        ("i4", "f4", True, "f8"),
        ("?", "i8", False, "i8"),
        ("u1", "u8", False, "u8"),
        ("f4", "i8", True, "i8"),
    ],
)
def test_the_dtype_that_is_added_in(dtype: str, result: str, forced: bool, expected: str) -> None:
    assert summand_dtype(np.dtype(dtype), np.dtype(result), Limits(), forced=forced) == np.dtype(expected)


def test_strict_is_float64() -> None:
    limits = Limits(precision="strict")
    assert summand_dtype(np.dtype("f4"), np.dtype("f4"), limits, forced=False) == np.dtype("f8")
    assert summand_dtype(np.dtype("c8"), np.dtype("c8"), limits, forced=False) == np.dtype("c16")


def test_uint64_is_added_as_int64_on_cuda() -> None:
    assert summand_dtype(np.dtype("u8"), np.dtype("u8"), Limits("cuda"), forced=False) == np.dtype("i8")


@pytest.mark.parametrize(("text", "name"), [("f4", "float32"), (">f8", "float64"), ("int", "int64"), (None, None)])
def test_names_of_dtypes(text: str | None, name: str | None) -> None:
    assert TypeAdapter(DtypeName).validate_python(text) == name


@pytest.mark.parametrize("dtype", [np.float32, np.dtype("f4"), np.dtype(">f4"), "float32"])
def test_dtypes_as_python_gives_them(dtype: object) -> None:
    assert TypeAdapter(DtypeName).validate_python(dtype) == "float32"


@pytest.mark.parametrize(("kind", "name"), [(int, "int64"), (float, "float64"), (bool, "bool")])
def test_pythons_own_types(kind: type, name: str) -> None:
    assert TypeAdapter(DtypeName).validate_python(kind) == name


@pytest.mark.parametrize("text", [object, np.str_, np.floating, "flaot", "O", "U3", "M8[s]", "longdouble", "f4,f4"])
def test_names_that_are_not_computed_with(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(DtypeName).validate_python(text)

"""Facts of accumulated products: what is exact, what wraps, what is refused on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays

from arraymill.jobs.engine.backend import open_backend
from arraymill.jobs.engine.product import Accumulator, round_product
from arraymill.jobs.errors import InputUnsupportedError
from arraymill.jobs.workspace import Workspace


def accumulate(a: Any, b: Any, *, kind: Any = "numpy", slabs: int = 2) -> Accumulator:
    stage: Any = plan_arrays("matmul", [a, b], backend=kind).stage
    backend = open_backend(kind)
    accumulator = Accumulator(stage, (a.shape[0], b.shape[1]), backend=backend, workspace=Workspace())
    for columns in np.array_split(np.arange(a.shape[1]), slabs):
        is_cast = stage.accumulate.kind not in "iu" or a.itemsize <= 4
        left, right = (x.astype(stage.dtype) if is_cast else x for x in (a[:, columns], b[columns]))
        accumulator.add_product(backend.load(left), backend.load(right))
    return accumulator


@pytest.mark.parametrize("kind", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("code", ["i1", "i4", "i8", "?", "f4", "f8", "c8"])
@pytest.mark.parametrize("slabs", [1, 2, 3])
def test_slabs_add_up_to_numpys_product(kind: Any, code: str, slabs: int) -> None:
    a, b = np.arange(12).reshape(3, 4).astype(code), np.arange(8).reshape(4, 2).astype(code)
    result = accumulate(a, b, kind=kind, slabs=slabs).result()
    assert (result.tolist(), result.dtype) == ((a @ b).tolist(), (a @ b).dtype)


@pytest.mark.parametrize(("code", "wide"), [("f4", "f8"), ("c8", "c16"), ("i1", "i8"), ("u4", "u8"), ("?", "f8")])
def test_totals_of_parts_are_wide(code: str, wide: str) -> None:
    a = np.ones((2, 2), code)
    assert accumulate(a, a).total().dtype == np.dtype(wide)


def test_integers_beyond_2_to_the_53_are_multiplied_as_integers() -> None:
    a = np.array([[2**53 + 1, 1]], "i8")
    assert accumulate(a, np.array([[1], [0]], "i8")).result().tolist() == [[2**53 + 1]]


def test_integers_of_that_size_are_refused_on_a_gpu() -> None:
    a = np.array([[2**53 + 1, 1]], "i8")
    with pytest.raises(InputUnsupportedError, match="integers this large") as caught:
        accumulate(a, a.T.copy(), kind="torch-cpu")
    assert caught.value.next == "add --device cpu"


def test_the_magnitude_of_the_smallest_integer_is_not_lost() -> None:
    a = np.array([[-(2**63)]], "i8")
    assert accumulate(a, np.array([[1]], "i8"), slabs=1).result().tolist() == [[-(2**63)]]


def test_operands_are_not_written_to() -> None:
    a = np.arange(4.0).reshape(2, 2)
    a.flags.writeable = False
    accumulate(a, a, kind="torch-cpu")
    assert a.tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("total", "code", "expected"),
    [([0.0, 2.0], "?", [False, True]), ([300, -1], "u1", [44, 255]), ([1 + 2**-30], "f4", [1.0])],
)
def test_a_product_is_rounded_or_wrapped_once(total: list[float], code: str, expected: list[Any]) -> None:
    assert round_product(np.array(total), np.dtype(code)).tolist() == expected

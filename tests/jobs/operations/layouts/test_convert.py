"""Tests of jobs/operations/layouts/convert.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process_jobs import run_arrays
from moved_arrays import arrays, check_kernel, check_moved, draft_of, shapes
from operation_contract import CODES

from arraymill.jobs.errors import CannotFitError, InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Limits


def header(code="f4", shape=(3, 4), order="C"):
    return ArrayHeader("x.npy", shape, np.dtype(code), order)


@given(st.data(), shapes, st.sampled_from((None, 1, 3, 40)))
def test_elements_keep_their_bits(data, shape, n_blocks):
    check_moved("convert", [data.draw(arrays(shape))], {}, n_blocks)


@given(st.data(), st.sampled_from(CODES))
def test_dtypes_are_cast_as_numpy_casts(data, wanted):
    # in range: what NumPy makes of others depends on where in an array they stand
    x = np.arange(35).reshape(7, 5).astype(data.draw(st.sampled_from(CODES)))
    is_allowed = np.can_cast(x.dtype, wanted, "same_kind")
    if is_allowed or data.draw(st.booleans()):
        check_moved("convert", [x], {"dtype": np.dtype(wanted).name, "casting": "unsafe"}, 3)
    if not is_allowed:
        with pytest.raises(SpecError) as caught:
            draft_of("convert", [header(x.dtype)], dtype=wanted)
        assert caught.value.next == "add --casting unsafe to convert as astype does"


def test_complex_numbers_lose_their_imaginary_part_only_if_told_so():
    x = np.array([1 + 2j, np.nan, 3j])
    with pytest.raises(SpecError, match="complex128 is not converted to float32"):
        run_arrays("convert", [x], {"dtype": "float32"})
    result = run_arrays("convert", [x], {"dtype": "float32", "casting": "unsafe"})
    assert result.tobytes() == np.array([1, np.nan, 0], "f4").tobytes()
    assert run_arrays("convert", [x], {"dtype": "bool", "casting": "unsafe"}).tolist() == [True, True, True]


def test_a_signalling_nan_is_kept():
    x = np.array([0x7F800001, 0xFFC12345], "u4").view("f4")
    assert run_arrays("convert", [x]).tobytes() == x.tobytes()


def test_fortran_order_is_kept():
    made = draft_of("convert", [header(order="F")])
    assert (made.output.order, made.stage.reverse) == ("F", True)


def test_a_foreign_byte_order_is_written_if_named():
    result = run_arrays("convert", [np.arange(3, dtype="i4")], {"dtype": ">i2"})
    assert (result.dtype.str, result.tolist()) == (">i2", [0, 1, 2])


@pytest.mark.parametrize("dtype", ["flaot32", "object", "M8[s]", "f4,f4", "S3", "", "longdouble", "(2,)f4"])
def test_what_is_no_dtype_is_refused(dtype):
    with pytest.raises(SpecError, match="there is no dtype"):
        draft_of("convert", [header()], dtype=dtype)


def test_what_is_not_worked_on_is_refused():
    with pytest.raises(InputUnsupportedError):
        draft_of("convert", [header("M8[s]")])


def test_the_kernel_is_the_same_on_torch():
    check_kernel("convert", [np.arange(12.0).reshape(3, 4) - 6], {"dtype": "int16", "casting": "unsafe"})
    check_kernel("convert", [np.array([1 + 2j, 3])], {"dtype": "float32", "casting": "unsafe"})


def test_a_task_fits_its_limits():
    made = draft_of("convert", [header("f8", (10**6, 1000))], Limits(device="cuda", task_host_bytes=1 << 20))
    assert made.task_host_bytes <= 1 << 20
    assert (made.task_device_bytes, made.stage.on_host) == (0, True)
    assert made.stage.grid == draft_of("convert", [header("f8", (10**6, 1000))]).stage.grid
    with pytest.raises(CannotFitError):
        draft_of("convert", [header("f8")], Limits(task_host_bytes=15))

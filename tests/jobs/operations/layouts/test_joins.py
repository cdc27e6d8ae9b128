"""Tests of jobs/operations/layouts/joins.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moved_arrays import arrays, check_kernel, check_moved, draft_of, shapes
from operation_contract import CODES

from arraymill.jobs.errors import InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Limits


def header(shape, code="f4", order="C", name="x.npy"):
    return ArrayHeader(name, shape, np.dtype(code), order)


@given(st.data(), shapes, st.sampled_from((None, 1, 3, 40)))
def test_stack_is_numpys(data, shape, n_blocks):
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    one_dtype = arrays(shape, (data.draw(st.sampled_from(CODES)),))
    inputs = data.draw(st.lists(one_dtype, min_size=1, max_size=4))
    check_moved("stack", inputs, {"axis": axis}, n_blocks)


@given(st.data(), shapes.filter(len), st.sampled_from((None, 1, 3, 40)))
def test_concatenate_is_numpys(data, shape, n_blocks):
    axis = data.draw(st.integers(0, len(shape) - 1))
    lengths = data.draw(st.lists(st.sampled_from((0, 1, 2, 5, 50)), min_size=1, max_size=4))
    code = (data.draw(st.sampled_from(CODES)),)
    inputs = [data.draw(arrays((*shape[:axis], n, *shape[axis + 1 :]), code)) for n in lengths]
    check_moved("concatenate", inputs, {"axis": axis - data.draw(st.sampled_from((0, len(shape))))}, n_blocks)


@given(st.lists(st.sampled_from(CODES), min_size=2, max_size=4), st.sampled_from(("stack", "concatenate")))
def test_dtypes_are_promoted_as_numpy_does(codes, name):
    check_moved(name, [np.arange(12).reshape(3, 4).astype(code) for code in codes], {"axis": 1}, 2)


def test_dtypes_are_planned_as_numpy_does():
    made = draft_of("concatenate", [header((3,), ">i2"), header((2,), "f4"), header((1,), "?")])
    assert made.output.dtype == np.dtype("f4")
    assert draft_of("stack", [header((3,), "u8"), header((3,), "i8")]).output.dtype == np.dtype("f8")


def test_order_is_fortran_if_every_input_is():
    f, c = header((3, 4), order="F"), header((3, 4))
    assert draft_of("concatenate", [f, f], axis=1).output.order == "F"
    assert draft_of("concatenate", [f, c], axis=1).output.order == "C"


@pytest.mark.parametrize(
    ("name", "inputs", "axis", "match"),
    [
        ("concatenate", [(2, 3), (2, 4)], 0, r"concatenate: x1 does not fit x0"),
        ("concatenate", [(2, 3), (2,)], 0, "x1 does not fit"),
        ("concatenate", [(2, 3), (2, 3)], 2, "axis 2 is out of bounds"),
        ("concatenate", [(), ()], 0, "axis 0 is out of bounds"),
        ("stack", [(2, 3), (2, 4)], 1, "stack: x1 does not fit"),
        ("stack", [(2, 3)], 3, "axis 3 is out of bounds"),
        ("stack", [(2, 3)], -4, "axis -4 is out of bounds"),
    ],
)
def test_what_numpy_refuses_is_refused(name, inputs, axis, match):
    with pytest.raises(ValueError, match=r"dimension|axis|shape"):
        getattr(np, name)([np.empty(shape) for shape in inputs], axis=axis)
    with pytest.raises(SpecError, match=match):
        draft_of(name, [header(shape, name=f"x{i}") for i, shape in enumerate(inputs)], axis=axis)


def test_what_is_not_worked_on_is_refused():
    with pytest.raises(InputUnsupportedError, match="y"):
        draft_of("stack", [header((3,)), header((3,), "O", name="y")])


def test_a_task_fits_its_limits():
    made = draft_of("concatenate", [header((10**6, 1000))] * 3, Limits(task_host_bytes=1 << 20), axis=1)
    assert made.task_host_bytes <= 1 << 20
    assert made.read_bytes == made.output.nbytes == 12 * 10**9


def test_the_kernel_is_the_same_on_torch():
    x, y = np.arange(12.0).reshape(3, 4), np.arange(8, dtype="i4").reshape(2, 4)
    check_kernel("concatenate", [x, y], {})
    check_kernel("concatenate", [x.T, y.T], {"axis": 1})
    check_kernel("stack", [x, x + 1], {"axis": 1})

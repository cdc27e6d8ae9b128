"""Tests of jobs/operations/layouts/reshape.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process_jobs import plan_arrays, run_arrays
from moved_arrays import arrays, check_kernel, check_moved, draft_of, shapes

from arraymill.jobs.errors import InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.stages.inputs import input_regions

MB = 1 << 20


def header(shape, code="f4", order="C"):
    return ArrayHeader("x.npy", shape, np.dtype(code), order)


@st.composite
def other_shapes(draw, size):
    """Draw a shape of so many elements, in which one length may be -1."""
    lengths = []
    rest = size
    for _ in range(draw(st.integers(0, 3))):
        divisors = [n for n in (1, 2, 3, 5, 7, 10, 50) if rest and rest % n == 0] or [0, 1, 4]
        lengths.append(draw(st.sampled_from(divisors)))
        rest = rest // lengths[-1] if rest else 0
    lengths.insert(draw(st.integers(0, len(lengths))), rest)
    if size and draw(st.booleans()):
        lengths[draw(st.integers(0, len(lengths) - 1))] = -1
    return tuple(lengths)


@given(st.data(), shapes, st.sampled_from((None, 1, 3, 40)), st.sampled_from("CF"))
def test_it_is_numpys(data, shape, n_blocks, order):
    x = data.draw(arrays(shape))
    params = {"shape": data.draw(other_shapes(x.size)), "order": order}
    check_moved("reshape", [x], params, n_blocks)


@given(st.data())
def test_the_shapes_that_numpy_refuses_are_refused(data):
    shape = data.draw(st.lists(st.sampled_from((0, 1, 2, 3, 4)), max_size=3).map(tuple))
    wanted = data.draw(st.lists(st.sampled_from((-1, -1, 0, 1, 2, 3, 4, 6)), max_size=3).map(tuple))
    try:
        expected = np.empty(shape).reshape(wanted).shape
    except ValueError:
        with pytest.raises(SpecError, match="cannot be reshaped"):
            draft_of("reshape", [header(shape)], shape=wanted)
    else:
        assert draft_of("reshape", [header(shape)], shape=wanted).output.shape == expected


@pytest.mark.parametrize("wanted", [(1,) * 65, (-2,), (3, -2)], ids=["more axes than NumPy has", "-2", "3, -2"])
def test_what_numpy_documents_as_no_shape_is_refused(wanted):
    with pytest.raises(SpecError, match="cannot be reshaped"):
        draft_of("reshape", [header((6,))], shape=wanted)


def test_prime_lengths_are_read_in_pieces_that_fit():
    """No piece of the result ends where a row of the input does."""
    made = draft_of("reshape", [header((3, 999_999_937), "f8")], shape=(999_999_937, 3))
    assert made.task_host_bytes <= 8 * MB
    ranges = [made.stage.operand_regions(region)[0][0] for region in made.stage.grid.regions()]
    assert max(stop - start for start, stop in ranges) * 8 <= 64 * MB


def test_any_pieces_are_taken_out_of_a_range():
    x = np.arange(2000.0).reshape(40, 50)
    for n_splits in range(4):
        check_kernel("reshape", [x], {"shape": (50, 8, 5)}, n_splits)
        check_kernel("reshape", [x], {"shape": (50, 8, 5), "order": "F"}, n_splits)
    kernel = draft_of("reshape", [header((40, 50), "f8")], shape=(50, 40)).stage.kernel
    row = x.reshape(-1)[85:200]
    assert np.array_equal(kernel.apply(np, [row], ((2, 5), (5, 12))), x.reshape(50, 40)[2:5, 5:12])


def test_only_what_a_block_reads_is_named_as_its_input():
    stage = draft_of("reshape", [header((10, 100), "f8")], shape=(40, 25)).stage
    assert input_regions(stage, 0) == (((0, 10), (0, 100)),)
    plan = plan_arrays("reshape", [np.ones((10, 100))], {"shape": (40, 25)}, block_bytes=1600)
    assert [input_regions(plan.stage, block) for block in (0, 1)] == [(((0, 2), (0, 100)),), (((2, 4), (0, 100)),)]
    reverse = plan_arrays("reshape", [np.ones((100, 10))], {"shape": (25, 40), "order": "F"}, block_bytes=1600)
    assert input_regions(reverse.stage, 1) == (((0, 100), (2, 4)),)


def test_reading_across_the_memory_order_is_said():
    assert draft_of("reshape", [header((10, 100))], shape=(1000,)).notes == ()
    (note,) = draft_of("reshape", [header((10, 100), order="F")], shape=(1000,)).notes
    assert note == "x.npy lies in F order and is read in C order: in short runs"


def test_a_small_budget_is_kept():
    x = np.arange(MB, dtype="f4").reshape(1024, 1024)
    result = run_arrays("reshape", [x], {"shape": (512, -1)}, budget=Budget(8 * MB))
    assert np.array_equal(result, x.reshape(512, -1))


def test_what_is_not_worked_on_is_refused():
    with pytest.raises(InputUnsupportedError):
        draft_of("reshape", [header((3,), "U2")], shape=(3, 1))

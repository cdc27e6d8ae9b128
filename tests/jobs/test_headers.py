"""Facts of an array's header: sizes, and the transpose that moves no byte."""

from __future__ import annotations

import math
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arraymill.jobs.headers import ArrayHeader

HEADERS = st.builds(
    ArrayHeader,
    name=st.just("x.npy"),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
    dtype=hnp.scalar_dtypes(),
    order=st.sampled_from(["C", "F"]),
)


@given(HEADERS)
def test_sizes_are_numpys(header: ArrayHeader) -> None:
    array = np.empty(header.shape, header.dtype, order=header.order)
    assert (header.ndim, header.size, header.nbytes) == (array.ndim, array.size, array.nbytes)


@given(HEADERS)
def test_transposed_twice_is_itself(header: ArrayHeader) -> None:
    assert header == header.T.T
    assert header.T.nbytes == header.nbytes


def test_transposing_reverses_the_axes_and_flips_the_order() -> None:
    transposed = ArrayHeader("x.npy", (2, 3, 4), np.dtype("f4"), "C").T
    assert (transposed.shape, transposed.order) == ((4, 3, 2), "F")


def test_sizes_beyond_any_memory_are_exact() -> None:
    header = ArrayHeader("x.npy", (10**9, 10**9), np.dtype("c16"))
    assert header.nbytes == 16 * 10**18
    assert math.log2(header.nbytes) > 63


def test_the_stored_byte_order_is_kept() -> None:
    assert ArrayHeader("x.npy", (3,), np.dtype(">f8")).T.dtype.str == ">f8"


@given(HEADERS)
def test_a_header_is_hashable_and_travels(header: ArrayHeader) -> None:
    copy = pickle.loads(pickle.dumps(header))
    assert copy == header
    assert hash(copy) == hash(header)


def test_a_header_cannot_be_changed() -> None:
    header = ArrayHeader("x.npy", (3,), np.dtype("f8"))
    with pytest.raises(FrozenInstanceError):
        header.shape = (4,)  # type: ignore[misc]

"""Facts of indices beyond the contract: positions in the whole array, whatever the pieces and the order in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process_jobs import run_arrays

from arraymill.jobs.errors import SpecError


@given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple),
    seed=st.integers(0, 99),
    order=st.sampled_from("CF"),
    n_blocks=st.integers(1, 20),
    name=st.sampled_from(("argmin", "argmax")),
)
def test_few_values_make_many_ties(shape: Any, seed: int, order: Any, n_blocks: int, name: str) -> None:
    x = np.asarray(np.random.default_rng(seed).integers(0, 3, shape), order=order)
    block_bytes = max(x.nbytes // n_blocks, 1)
    assert run_arrays(name, [x], block_bytes=block_bytes) == getattr(np, name)(x)


@pytest.mark.parametrize("name", ["argmin", "argmax"])
def test_an_index_past_2_to_the_31_fits(name: str) -> None:
    assert run_arrays(name, [np.ones(3)]).dtype == np.int64


def test_a_tuple_of_axes_is_refused() -> None:
    with pytest.raises(SpecError):
        run_arrays("argmax", [np.ones((2, 2))], {"axis": (0, 1)})

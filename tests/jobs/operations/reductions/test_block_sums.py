"""Facts of block sums: within the bound that the module states, the same blocks on NumPy and torch."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch

from arraymill.jobs.operations.reductions.block_sums import ROWS, RUN, block_sums, cast

U32 = 2.0**-24


def test_blocks_are_what_the_bound_was_derived_for() -> None:
    # the bits of every sum, and its 32 u, hang on these
    assert (RUN, ROWS) == (2**13, 32)


@pytest.mark.parametrize("n", [1, RUN - 1, RUN, RUN + 1, 5 * RUN, 5 * RUN + 7])
@pytest.mark.parametrize("is_torch", [False, True])
def test_a_sum_of_everything_is_left_in_blocks(n: int, is_torch: bool) -> None:
    x = np.random.default_rng(n).uniform(-1, 1, n).astype("f4")
    sums = block_sums(xp, torch.from_numpy(x), (0,)) if is_torch else block_sums(np, x, (0,))
    assert sums.shape == (math.ceil(n / RUN),)
    parts = np.asarray(sums)
    for number, part in enumerate(parts):
        run = x[number * RUN : (number + 1) * RUN].astype("f8")
        assert abs(part - math.fsum(run)) <= 32 * U32 * math.fsum(np.abs(run))


@pytest.mark.parametrize("width", [3, 63, 64, 200])
@pytest.mark.parametrize("length", [1, ROWS - 1, ROWS, ROWS + 1, 1000])
def test_a_sum_of_rows_is_within_the_bound(length: int, width: int) -> None:
    x = np.random.default_rng(length).uniform(0, 1, (length, width)).astype("f4")
    wide = x.astype("f8")
    error = np.abs(block_sums(np, x, (0,)) - wide.sum(axis=0))
    assert (error <= 32 * U32 * wide.sum(axis=0)).all()


@pytest.mark.parametrize("axes", [(), (0,), (1,), (2,), (0, 2)])
@pytest.mark.parametrize("code", ["f4", "f8", "c8", "c16"])
def test_small_integers_are_exact_over_any_axes(axes: tuple[int, ...], code: str) -> None:
    x = np.arange(2 * 70 * 5).reshape(2, 70, 5).astype(code)
    sums = block_sums(np, x, axes)
    assert sums.dtype == ("c16" if code[0] == "c" else "f8")
    assert np.array_equal(sums, x.sum(axis=axes) if axes else x)


def test_cast_is_the_array_itself_where_nothing_changes() -> None:
    x: Any = np.ones(3)
    assert cast(np, x, np.float64) is x
    assert cast(np, x, np.int64).dtype == np.int64

"""Facts of the tasks that GPUs get: not too short, not too long, enough of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.blocks import ceil_div
from arraymill.jobs.operations.products.gpu_tasks import EDGE, Work, choose_parts, choose_rectangle
from arraymill.jobs.rates.workers import rates_of

RATES = rates_of("cuda", "standard", np.dtype("f4"))
SIDES = st.integers(1, 10**6)


def work(m: int, n: int, k: int, n_matrices: int = 1) -> Work:
    return Work(m, n, k, n_matrices, 2.0 * m * n * k, 4)


def n_tasks(product: Work) -> int:
    rows, columns = choose_rectangle(product, RATES)
    return product.n_matrices * ceil_div(product.m, rows) * ceil_div(product.n, columns)


@given(SIDES, SIDES, SIDES)
def test_rectangles_lie_within_c_and_on_round_borders(m: int, n: int, k: int) -> None:
    rows, columns = choose_rectangle(work(m, n, k), RATES)
    assert (1 <= rows <= m, 1 <= columns <= n) == (True, True)
    assert (rows == m or rows % EDGE == 0, columns == n or columns % EDGE == 0) == (True, True)


@pytest.mark.parametrize("side", [1, 1000, 16384, 32768])
def test_a_product_of_two_seconds_or_less_is_one_task(side: int) -> None:
    assert n_tasks(work(side, side, side)) == 1


@pytest.mark.parametrize("side", [65536, 98304, 131072, 10**6])
def test_long_products_make_tasks_for_several_gpus_of_a_second_at_least(side: int) -> None:
    product = work(side, side, side)
    assert n_tasks(product) >= 6
    assert 1.0 <= product.flops / RATES.flops / n_tasks(product) <= 30.0


def test_a_long_thin_product_is_cut_along_its_long_side() -> None:
    rows, columns = choose_rectangle(work(10**7, 4096, 4096), RATES)
    assert columns == 4096
    assert rows < 10**7


def test_matrices_of_a_second_each_are_not_cut() -> None:
    product = work(32768, 32768, 32768, n_matrices=64)
    assert n_tasks(product) == 64


def test_k_is_cut_only_where_reading_a_long_one_takes_long() -> None:
    assert choose_parts(work(64, 64, 10**9), RATES, 1) == 32
    assert choose_parts(work(64, 64, 10**9), RATES, 8) == 1
    assert choose_parts(work(64, 64, 10**5), RATES, 1) == 1
    assert choose_parts(work(4096, 4096, 10**6), RATES, 1) == 1


@given(SIDES, SIDES, st.integers(1, 10**10), st.integers(1, 20))
def test_partials_are_not_larger_than_what_they_were_made_of(m: int, n: int, k: int, n_others: int) -> None:
    product = work(m, n, k)
    parts = choose_parts(product, RATES, n_others)
    assert parts == 1 or 8 * m * n * parts <= product.panels_bytes

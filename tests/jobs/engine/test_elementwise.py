"""Facts of mapped blocks: any pieces, operands that broadcast, either order, either backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import run_arrays

X, Y = np.arange(60.0).reshape(5, 12), np.arange(12.0)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("block_bytes", [None, 8, 100, 200])
def test_blocks_and_pieces_are_parts_of_the_answer(backend: Any, order: Any, block_bytes: int | None) -> None:
    x = np.asarray(X, order=order)
    result = run_arrays("map", [x, Y], {"expr": "x * y - 1"}, backend=backend, block_bytes=block_bytes)
    assert np.array_equal(result, X * Y - 1)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("block_bytes", [None, 100])
def test_fortran_order_in_is_fortran_order_out(backend: Any, block_bytes: int | None) -> None:
    result = run_arrays("map", [np.asfortranarray(X)], {"expr": "x - 1"}, backend=backend, block_bytes=block_bytes)
    assert np.array_equal(result, X - 1)
    assert result.flags.f_contiguous


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
def test_operands_are_not_written_to(backend: Any) -> None:
    x = X.copy()
    x.flags.writeable = False
    run_arrays("map", [x], {"expr": "x + 1"}, backend=backend)
    assert np.array_equal(x, X)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
def test_foreign_byte_order_and_negative_strides(backend: Any) -> None:
    x = X.astype(">f8")[::-1, ::-1]
    assert np.array_equal(run_arrays("map", [x], {"expr": "2 * x"}, backend=backend), 2 * X[::-1, ::-1])

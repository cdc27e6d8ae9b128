"""Scans of runs: the same bits however lines lie, totals that are the last prefixes, and sums that do not decrease."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

import numpy as np
import pytest

from arraymill.jobs.operations.running.scans import GROUP, scan_lanes, scan_rows, total_lanes, total_rows

LENGTHS = (1, 2, GROUP - 1, GROUP, GROUP + 1, 3 * GROUP, 1000, 4096)


def lines(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((3, n)) * 10.0 ** np.arange(-2, 1)[:, None]


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("combine", [np.add, np.multiply])
def test_the_bits_do_not_depend_on_how_lines_lie(n: int, combine: np.ufunc) -> None:
    x = lines(n)
    lanes, rows = x.copy(), np.ascontiguousarray(x.T)
    scan_lanes(combine, lanes)
    assert np.array_equal(total_rows(combine, rows), lanes[:, -1])
    scan_rows(combine, rows)
    assert np.array_equal(lanes, rows.T)
    assert np.array_equal(total_lanes(combine, x), lanes[:, -1])
    alone = x[1:2].copy()
    scan_lanes(combine, alone)
    assert np.array_equal(alone, lanes[1:2])


@pytest.mark.parametrize("n", LENGTHS)
def test_sums_are_within_as_many_roundings_as_there_are_levels(n: int) -> None:
    x = lines(n)[:1]
    sums = x.copy()
    scan_lanes(np.add, sums)
    exact = list(accumulate(map(Fraction, x[0].tolist())))
    sizes = list(accumulate(abs(Fraction(value)) for value in x[0].tolist()))
    allowed = Fraction(GROUP + n // GROUP, 2**53)
    assert all(
        abs(Fraction(got) - want) <= allowed * size
        for got, want, size in zip(sums[0].tolist(), exact, sizes, strict=True)
    )


def test_sums_of_what_is_not_negative_do_not_decrease() -> None:
    x = np.abs(lines(4096)) * (np.random.default_rng(2).random((3, 4096)) < 0.3)
    scan_lanes(np.add, x)
    assert (np.diff(x, axis=1) >= 0).all()


@pytest.mark.parametrize("code", ["?", "i1", "u2", "i8"])
def test_integers_wrap_in_their_own_dtype(code: str) -> None:
    x = np.random.default_rng(3).integers(0, 2 if code == "?" else 127, (2, 100)).astype(code)
    expected = np.cumsum(x, axis=1, dtype=code)
    scan_lanes(np.add, x)
    np.testing.assert_array_equal(x, expected, strict=True)

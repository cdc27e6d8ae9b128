"""Tests of jobs/operations/distances/neighbours.py."""

from __future__ import annotations

import numpy as np

from arraymill.jobs.operations.distances.nearest import NO_ROW
from arraymill.jobs.operations.distances.neighbours import NEIGHBOURS, NeighboursParams


def test_candidates_of_all_spans_are_sorted_by_key_and_row() -> None:
    keys = np.array([[[1.0, 4.0, np.nan]], [[1.0, np.inf, np.nan]], [[4.0, np.nan, np.nan]]])
    rows = np.array([[[3, 5, 4]], [[1, 9, 8]], [[6, 7, NO_ROW]]])
    candidates = np.concatenate([keys.view(np.int64), rows], axis=2)
    taken = [
        NEIGHBOURS.oracle([candidates], NeighboursParams(k=3, metric="euclidean", part=part, dtype=dtype))
        for part, dtype in (("indices", "int64"), ("distances", "float32"))
    ]
    assert np.asarray(taken[0]).tolist() == [[1, 3, 5]]
    assert np.asarray(taken[1]).tolist() == [[1.0, 1.0, 2.0]]
    assert np.asarray(taken[1]).dtype == np.float32
    products = NeighboursParams(k=3, metric="dot", part="distances", dtype="float64")
    assert np.asarray(NEIGHBOURS.oracle([candidates], products)).tolist() == [[-1.0, -1.0, -4.0]]

"""Tests of jobs/operations/apply/outputs.py."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.errors import UserCodeError
from arraymill.jobs.operations.apply.outputs import check_rows_kept, name_outputs

X = np.ones((6, 2))


def test_outputs_have_names() -> None:
    pair = namedtuple("Pair", "left right")(X, X)
    assert list(name_outputs(pair)) == ["left", "right"]
    assert list(name_outputs([X])) == ["out0"]
    odd: list[Any] = [None, 3.0, (), {}, {"a b": X}, {1: X}, {"class": X}, {"_a": X}, (X, 3), "text"]
    for result in odd:
        with pytest.raises(UserCodeError, match="what is not worked on"):
            name_outputs(result)


def test_rows_are_neither_lost_nor_made() -> None:
    check_rows_kept("f", "a", X, 6)
    for value in (X[:5], X[:, 0].sum(), np.ones((7, 2))):
        with pytest.raises(UserCodeError, match="as a"):
            check_rows_kept("f", "a", value, 6)


def test_a_long_list_is_cut_short() -> None:
    with pytest.raises(UserCodeError) as refused:
        name_outputs([[1.0, 2.0]] * 1024)
    assert refused.value.cause == "out0: list, out1: list, out2: list, and 1021 more"

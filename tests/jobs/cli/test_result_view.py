import json

import numpy as np
import pytest

from arraymill.jobs.cli.result_view import as_json_value, result_text


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_printed_numbers_are_read_back_exactly(dtype):
    values = np.random.default_rng(0).standard_normal(1000).astype(dtype)
    printed = result_text(values).strip("[]").split()
    assert np.array_equal(np.array(printed, dtype), values)


def test_nothing_is_left_out():
    assert "..." not in result_text(np.arange(1000.0))


@pytest.mark.parametrize(
    ("value", "text"), [(np.float64(0.1), "0.1"), (np.float32(0.1), "0.1"), (np.int64(3), "3"), (np.True_, "True")]
)
def test_scalars_are_printed_bare(value, text):
    assert result_text(np.asarray(value)) == text


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[1, 2]]), [[1, 2]]),
        (np.array(2.5), 2.5),
        (np.array([np.inf, -np.inf, np.nan]), ["inf", "-inf", "nan"]),
        (np.array([1 + 2j]), ["1+2j"]),
        (np.array([], "f4"), []),
        (np.array(True), True),
    ],
)
def test_json_values(array, expected):
    assert json.loads(json.dumps(as_json_value(array), allow_nan=False)) == expected

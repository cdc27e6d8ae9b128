"""A first line that is taken for the wrong thing is a row lost, or one too many: it is told apart, or asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from arraymill.jobs.arrays import open_source
from arraymill.jobs.arrays.csv.cells import WHITESPACE, cells_of
from arraymill.jobs.arrays.csv.names import holds_names
from arraymill.jobs.errors import InputError
from arraymill.jobs.spec.input import InputSpec


def told(first: str, second: str | None = None, delimiter: str = ",") -> bool | str:
    lines = [cells_of(line, delimiter) for line in (first, second) if line is not None]
    try:
        return holds_names("x.csv", *lines, delimiter=delimiter)
    except InputError as error:
        return "asked" if (error.exit_code, "header=true" in error.next) == (3, True) else str(error)


@pytest.mark.parametrize("line", ["a,b", "time", ",a,b", "a,", "x1,x2", "NA,b", "'a',\"b\"", "mass (5 kg),b", "2nd,b"])
def test_words_are_names(line: str) -> None:
    assert told(line, "1,2") is True


@pytest.mark.parametrize(
    "line", ["1,2", "1.5", "nan,", ",", "-inf,NAN", "True,False", "1990,1991", "0", "0.0,1,2", "1,0"]
)
def test_numbers_are_rows(line: str) -> None:
    assert told(line, "1.5,2.5") is False


@pytest.mark.parametrize(
    "line",
    [
        "5.1,?,3",
        "1,-,3",
        "id,2000,2001",
        "0x10,1",
        "0x10,0x20",
        "1+2j,3-1j",
        "1_000,2",
        "'1','2'",
        "1d5,1D3",
        "1,5;2,5",
    ],
)
def test_a_line_that_may_be_either_is_asked_for(line: str) -> None:
    assert told(line, "1,2,3") == "asked"


def test_columns_that_pandas_counted_are_asked_for() -> None:
    assert told("0,1,2", "1.5,2.5,3.5") == "asked"
    assert told("0,1,2", "7,8,9") == "asked"
    assert told("0,1", "0.5,0.25") == "asked"
    assert told(",0,1", "0,1.5,2.5") == "asked"
    # an arange, the edges of a graph, the faces of a mesh, and a line alone
    assert told("0,1,2", "3,4,5") is False
    assert told("0,1", "0,2") is False
    assert told("0 1 2", "0 2 3", WHITESPACE) is False
    assert told("0,1,2") is False


@pytest.mark.parametrize("has_index", [True, False])
def test_what_pandas_writes_is_never_read_with_a_row_too_many(tmp_path: Path, has_index: bool) -> None:
    path, x = tmp_path / "x.csv", np.array([[1.5, 2.5, 4.0], [3.5, 4.5, 8.0]])
    pd.DataFrame(x).to_csv(path, index=has_index)
    with pytest.raises(InputError, match="names or numbers"):
        open_source(path)
    assert open_source(path, InputSpec(path=str(path), header=True)).header.shape == (2, 3 + has_index)
    pd.DataFrame(x, columns=list("abc")).to_csv(path, index=has_index)
    assert open_source(path).header.shape == (2, 3 + has_index)
    pd.DataFrame(x).to_csv(path, index=has_index, header=False)
    assert open_source(path).header.shape == (2, 3 + has_index)

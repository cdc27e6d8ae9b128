from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arraymill.jobs.arrays import OutputOptions, create_output, load_output
from arraymill.jobs.arrays.csv.packer import table_text
from arraymill.jobs.errors import OutputError
from arraymill.jobs.headers import ArrayHeader


def write(path: Path, array: Any, **options: Any) -> None:
    kind: Any = (array.shape, array.dtype, "C")
    with create_output(path, *kind, replace=False, inputs=(), options=OutputOptions(**options)) as output:
        with output.target.open() as writer:
            writer.write(tuple((0, n) for n in array.shape), array)
        output.publish()


def test_rows_are_lines_and_a_header_stands_only_where_it_was_asked_for(tmp_path: Path) -> None:
    table = np.array([[0.1, -2.0], [1e300, 3.0]])
    write(tmp_path / "a.csv", table)
    assert (tmp_path / "a.csv").read_text() == "0.1,-2.0\n1e+300,3.0\n"
    write(tmp_path / "b.tsv", table, columns=("mass", 'the "x"'))
    assert (tmp_path / "b.tsv").read_text() == 'mass\t"the ""x"""\n0.1\t-2.0\n1e+300\t3.0\n'
    assert list(pd.read_csv(tmp_path / "b.tsv", sep="\t").columns) == ["mass", 'the "x"']
    header, options = ArrayHeader("b.tsv", (2, 2), table.dtype), OutputOptions(columns=("mass", 'the "x"'))
    assert np.array_equal(load_output(tmp_path / "b.tsv", header, options), table)
    write(tmp_path / "c.csv", np.array([1, 2**63], np.uint64))
    assert (tmp_path / "c.csv").read_text() == "1\n9223372036854775808\n"


@pytest.mark.parametrize("code", ["f2", "f4", "f8"])
def test_every_float_is_written_so_that_it_reads_back(code: str) -> None:
    raw = np.random.default_rng(3).integers(0, 256, 8000, dtype=np.uint8).view(code)
    floats = raw[~np.isnan(raw)].reshape(-1, 1)
    found = np.array(table_text(floats, ",").split(), code)
    assert found.tobytes() == floats.tobytes()


@pytest.mark.parametrize(
    ("name", "array", "options"),
    [
        ("y.csv", np.ones((2, 2), complex), {}),
        ("y.csv", np.ones((2, 2, 2)), {}),
        ("y.csv", np.ones(()), {}),
        ("y.csv", np.ones((2, 2)), {"columns": ("a",)}),
        ("y.csv", np.ones((2, 2)), {"columns": ("a", "b\nc")}),
        ("y.csv", np.ones((2, 2)), {"compression": "gzip"}),
        ("y.csv", np.ones((2, 2)), {"chunks": (1, 2)}),
        ("y.csv::a", np.ones((2, 2)), {}),
    ],
)
def test_what_the_format_has_not_is_refused(tmp_path: Path, name: str, array: Any, options: dict[str, Any]) -> None:
    with pytest.raises(OutputError) as caught:
        write(tmp_path / name, array, **options)
    assert (bool(caught.value.next), list(tmp_path.iterdir())) == (True, [])

"""Tests of jobs/operations/apply/rows.py: what a split or another grid may not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import array_api_compat.torch as txp
import numpy as np
import pytest
import torch

from arraymill.jobs.blocks import as_slices
from arraymill.jobs.errors import UserCodeError
from arraymill.jobs.operations.apply.program import RowProgram
from arraymill.jobs.operations.apply.rows import BatchedRows, OutputRow, RowsKernel, output_dtype
from arraymill.jobs.operations.apply.user_code import find_code

X = np.random.default_rng(0).normal(size=(50, 6))
F8 = np.dtype("f8")


def kernel(folder: Path, body: str, *outputs: OutputRow, array: Any = None) -> RowsKernel:
    path = folder / "f.py"
    path.write_text(f"import numpy as np\ndef f(x): return {body}\n")
    program = RowProgram("f", body + str(array), find_code(f"{path}:f"), array=array)
    return RowsKernel(program, outputs or (OutputRow("", F8, (6,)),), 8, 16, F8)


@pytest.mark.parametrize("region", [((0, 50), (0, 6)), ((16, 32), (0, 6)), ((19, 21), (2, 5)), ((49, 50), (0, 1))])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_region_is_that_of_the_whole(tmp_path: Path, region: Any, library: str) -> None:
    batches = [X[start : start + 8] for start in range(0, 50, 8)]
    whole = np.concatenate([batch - batch.mean(axis=0) for batch in batches])
    mine = kernel(tmp_path, "x - x.mean(0)", array=None if library == "numpy" else "torch")
    (wanted,) = BatchedRows(X.shape, 8).regions(region)
    block = X[as_slices(wanted)]
    if library == "numpy":
        got = mine.apply(np, [block], region)
    else:
        got = mine.apply(txp, [torch.from_numpy(block.copy())], region).numpy()
    np.testing.assert_allclose(got, whole[as_slices(region)], rtol=0, atol=1e-15)


def test_results_are_what_was_planned(tmp_path: Path) -> None:
    region = ((0, 8), (0, 6))
    narrow = kernel(tmp_path, "x.astype('f4')").apply(np, [X[:8]], region)
    assert narrow.dtype == F8
    for body, words in {
        "x * 1j": "returned complex128",
        "x[:, :2]": r"shape \(8, 2\)",
        "{'a': x}": "other outputs on rows 0:8 .block 0. than when it was tried",
    }.items():
        with pytest.raises(UserCodeError, match=words):
            kernel(tmp_path, body).apply(np, [X[:8]], region)


def test_several_outputs_are_bytes() -> None:
    one = OutputRow("a", F8, (2, 3))
    assert (one.nbytes, output_dtype([one]), output_dtype([one, one])) == (48, F8, np.uint8)

"""Every line of docs/from-numpy.md is run: NumPy, PyTorch, the command and the Python call give one answer."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
import zarr
from click.testing import CliRunner
from numpy.typing import NDArray

from arraymill.jobs import run
from arraymill.jobs.cli.main import arraymill
from arraymill.jobs.operations import OPERATIONS

PAGE = (Path(__file__).parents[1] / "docs" / "from-numpy.md").read_text(encoding="utf-8")
Arrays: TypeAlias = tuple[NDArray[Any], ...]

SETUP, DIFFERENCES, REFUSALS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
HEADER = "| NumPy | PyTorch | Command | Python | Notes |"
NONE = "—"
TORCH_DIFFERS = "torch has other numbers"
SUMMANDS = 64
"""No element of a result is made of more: `test_no_array_of_the_page_is_large`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    numpy: str
    torch: str
    command: str
    python: str
    notes: str

    @property
    def operation(self) -> str:
        return self.command.split()[0]


def rows() -> list[Row]:
    lines = [line for line in PAGE.splitlines() if line.startswith("| `")]
    cells = [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]
    return [Row(*(row if len(row) == 5 else [*row, ""])) for row in cells]


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, NDArray[Any]]]:
    """The arrays of the page, made by its own lines, in a folder with their files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        names: dict[str, Any] = {}
        exec(SETUP, names)
        yield {name: value for name, value in names.items() if isinstance(value, np.ndarray)}


def evaluate(expression: str, names: dict[str, Any]) -> Arrays:
    """Return what a cell of the page gives, as arrays."""
    made = eval(expression, {"np": np, "torch": torch, "run": run, **names})
    return tuple(np.asarray(part) for part in (made if isinstance(made, tuple) else (made,)))


def run_command(row: Row, outputs: tuple[str, ...], folder: Path) -> Arrays:
    """Return what a command of the page writes: its main output, and the others under their names."""
    out = folder / ("out.zarr" if "out.zarr" in row.notes else "out.npy")
    done = CliRunner().invoke(arraymill, ["run", *shlex.split(row.command), "-o", str(out), "-q"])
    assert done.exit_code == 0, done.output
    if out.suffix == ".zarr":
        return (np.asarray(zarr.open_array(out, mode="r")),)
    return tuple(np.load(path) for path in (out, *(folder / f"out.{name}.npy" for name in outputs[1:])))


def tolerance(expected: NDArray[Any]) -> float:
    """Return what two roundings of a sum of few terms may differ by: gamma_n of each, of the largest there is."""
    if expected.dtype.kind not in "fc":
        return 0.0
    finite = np.abs(expected[np.isfinite(expected)])
    return float(2 * SUMMANDS * np.finfo(expected.dtype).eps * max(1.0, finite.max(initial=0.0)))


def assert_same(actual: NDArray[Any], expected: NDArray[Any], notes: str) -> None:
    """Check two answers, as far as the notes of their line say that they are the same."""
    assert actual.shape == expected.shape
    if "other numbers" in notes:
        assert actual.std() > 0
        return
    if "up to signs" in notes:
        actual, expected = np.abs(actual), np.abs(expected)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance(expected))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.command)
def test_a_line_gives_one_answer(row: Row, arrays: dict[str, NDArray[Any]], tmp_path: Path) -> None:
    ours = eval(row.python, {"run": run, **arrays})
    by_call = evaluate(row.python, arrays)
    by_command = run_command(row, getattr(ours, "_fields", ("",)), tmp_path)
    for called, written in zip(by_call, by_command, strict=True):
        assert called.dtype == written.dtype
        np.testing.assert_array_equal(called, written)
    for actual, expected in pairs(by_call, evaluate(row.numpy, arrays)):
        assert actual.dtype.kind == expected.dtype.kind
        assert actual.dtype == expected.dtype or actual.ndim == 0
        if "the same bits" in row.notes:
            np.testing.assert_array_equal(actual, expected)
        assert_same(actual, expected, row.notes.replace(TORCH_DIFFERS, ""))
    if row.torch != NONE:
        assert_like_torch(row, by_call, arrays)


def pairs(ours: Arrays, theirs: Arrays) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Pair our outputs with theirs; an expression of one array stands for the main one."""
    return zip(ours[:1] if len(theirs) == 1 else ours, theirs, strict=True)


def assert_like_torch(row: Row, by_call: Arrays, arrays: dict[str, NDArray[Any]]) -> None:
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    for actual, theirs in pairs(by_call, evaluate(row.torch, tensors)):
        # what it computes in float32, though its input is not, is as exact as that
        assert_same(actual.astype(theirs.dtype) if theirs.dtype == "float32" else actual, theirs, row.notes)


def test_they_differ_as_the_page_says(arrays: dict[str, NDArray[Any]]) -> None:
    exec(DIFFERENCES, {"np": np, "torch": torch, **arrays})


def test_what_the_page_calls_refused_is_refused(arrays: dict[str, NDArray[Any]]) -> None:
    exec(REFUSALS, {"run": run, **arrays})


def test_every_line_is_read() -> None:
    n_lines = sum(line.startswith("| ") and not line.startswith("| NumPy") for line in PAGE.splitlines())
    assert len(rows()) == n_lines
    assert {line for line in PAGE.splitlines() if line.startswith("| NumPy")} == {HEADER}


def test_every_operation_stands_in_the_page() -> None:
    assert {row.operation for row in rows()} == set(OPERATIONS)
    assert all(f'run("{row.operation}"' in row.python for row in rows())


def test_no_array_of_the_page_is_large(arrays: dict[str, NDArray[Any]]) -> None:
    assert max(array.size for array in arrays.values()) <= SUMMANDS

"""Every example of an operation is a command line that works, as it stands."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.operations import OPERATIONS

TABLE = (300, 12)
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "matmul": {"b": (12, 7)},
    "transpose": {"x": (4, 5, 6)},
    "tensordot": {"b": (12, 7)},
    "einsum": {"a": (3, 4, 5), "b": (3, 5, 6)},
    "lstsq": {"b": (300,)},
}
"""Of inputs that are no table."""
MODEL = """
def predict(rows):
    return rows.sum(axis=1)
"""


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_example_works(name: str, call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(4)
    for stem in ("x", "y", "a", "b", "database", "queries", "mask"):
        np.save(f"{stem}.npy", rng.random(SHAPES.get(name, {}).get(stem, TABLE)))
    np.save("labels.npy", rng.integers(0, 10, 300))
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    program, *arguments = shlex.split(OPERATIONS[name].example)
    output = Path(arguments[arguments.index("-o") + 1])
    if arguments[2] == "x.zarr":
        assert call("run", "convert", "x.npy", "-o", "x.zarr").exit_code == 0
    output.unlink(missing_ok=True)
    result = call(*arguments)
    assert (program, result.exit_code, result.stderr if result.exit_code else "") == ("arraymill", 0, "")
    assert output.exists()

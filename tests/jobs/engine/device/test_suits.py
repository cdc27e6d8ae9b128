"""Which stages the engine takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.engine.device import suits


@pytest.mark.parametrize(
    ("name", "params", "shapes", "code", "expected"),
    [
        ("matmul", {}, [(8, 9), (9, 7)], "f4", True),
        ("matmul", {"transpose_a": True}, [(9, 8), (9, 7)], "f8", True),
        ("matmul", {}, [(8, 9), (9, 7)], "f2", True),
        ("matmul", {}, [(8, 9), (9, 7)], "i4", False),
        ("matmul", {}, [(8, 9), (9, 7)], "?", False),
        ("matmul", {}, [(8, 9), (9, 7)], "c8", False),
        ("matmul", {}, [(9,), (9, 7)], "f4", False),
        ("matmul", {}, [(50, 8, 9), (9, 7)], "f4", False),
        ("matmul", {}, [(2, 600, 600), (600, 600)], "f4", True),
        ("sum", {"axis": 0}, [(8, 9)], "i8", True),
        ("map", {"expr": "x + 1"}, [(8, 9)], "c16", True),
    ],
)
def test_stages(name: str, params: Any, shapes: Any, code: str, expected: bool) -> None:
    arrays = [np.ones(shape, code) for shape in shapes]
    plan = plan_arrays(name, arrays, params, backend="fake")
    stage: Any = plan.stage
    sources = tuple(MemorySource(letter, array) for letter, array in zip("ab", arrays, strict=False))
    target = MemoryTarget(np.empty(plan.output.shape, plan.output.dtype))
    assert suits(stage, sources, target) is expected
    # a stage that writes and has nowhere to is refused where every stage comes by
    assert suits(stage, sources, None) is (expected and stage.n_parts > 1)

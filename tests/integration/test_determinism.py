"""The same bytes in the output files of one job, wherever it runs and however many workers it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from integration.commands import digest

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.session import Session, open_cluster
from arraymill.jobs.api import run_spec
from arraymill.jobs.spec.job_spec import JobSpec

SHAPE = (2000, 700)
PLACES = (("inline", 1), ("inline", 2), ("local", 1), ("local", 2))

JOBS: list[tuple[str, dict[str, Any]]] = [
    ("sum", {"axis": None}),
    ("sum", {"axis": 0}),
    ("sum", {"axis": 1}),
    ("mean", {"axis": 0}),
    ("var", {"axis": None}),
    ("var", {"axis": 0, "ddof": 1}),
    ("std", {"axis": 1}),
    ("norm", {"axis": None}),
    ("argmax", {"axis": None}),
    ("argmax", {"axis": 0}),
    ("nanmin", {"axis": 1}),
    ("matmul", {"transpose_a": True}),
    ("matmul", {"transpose_b": True}),
    ("map", {"expr": "(x - 3) * exp(0.001 * y)"}),
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return files of one matrix in C and Fortran order; the numbers span 40 binary orders, so that groupings show."""
    generator = np.random.default_rng(0)
    x = (generator.standard_normal(SHAPE) * 2.0 ** generator.integers(-20, 20, SHAPE)).astype(np.float32)
    folder = tmp_path_factory.mktemp("inputs")
    np.save(folder / "C.npy", x)
    np.save(folder / "F.npy", np.asfortranarray(x))
    return {order: folder / f"{order}.npy" for order in "CF"}


@pytest.fixture(scope="module")
def sessions() -> Iterator[dict[tuple[str, int], Session]]:
    with ExitStack() as stack:
        yield {
            (kind, n): stack.enter_context(open_cluster(ClusterConfig(kind, workers=n)))  # type: ignore[arg-type]
            for kind, n in PLACES
        }


def run_job(name: str, path: Path, output: Path, session: Session, memory: str, params: dict[str, Any]) -> str:
    """Run a job of many small blocks and return the digest of its output."""
    tree = {
        "op": name,
        "inputs": [str(path)] * (2 if name in ("matmul", "map") else 1),
        "params": params,
        "output": str(output),
        "compute": {"block": "2MB"},
        "memory": {"host": memory},
    }
    outcome = run_spec(JobSpec.model_validate(tree), cluster=session)
    assert len(outcome.records) == outcome.plan.n_blocks > 1
    return digest(output)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("name", "params"), JOBS, ids=lambda value: value if isinstance(value, str) else None)
def test_place_and_workers_leave_no_trace(
    inputs: dict[str, Path],
    sessions: dict[tuple[str, int], Session],
    tmp_path: Path,
    name: str,
    params: dict[str, Any],
    order: str,
) -> None:
    digests = {
        (kind, n): run_job(name, inputs[order], tmp_path / f"{kind}{n}.npy", session, "400MB", params)
        for (kind, n), session in sessions.items()
    }
    assert len(set(digests.values())) == 1, digests


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    ("name", "params"), [job for job in JOBS if job[0] != "matmul"], ids=lambda v: v if isinstance(v, str) else None
)
def test_memory_leaves_no_trace_in_reductions_and_maps(
    inputs: dict[str, Path],
    sessions: dict[tuple[str, int], Session],
    tmp_path: Path,
    name: str,
    params: dict[str, Any],
    order: str,
) -> None:
    digests = {
        memory: run_job(name, inputs[order], tmp_path / f"{memory}.npy", sessions["inline", 2], memory, params)
        for memory in ("150MB", "1GB", "16GB")
    }
    assert len(set(digests.values())) == 1, digests

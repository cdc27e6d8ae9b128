"""Facts of blocks that do not fit: split until they do, with the answer that was due, or refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.engine import MOST_SPLITS, Attempt, Work, changes_bits, run_block
from arraymill.jobs.errors import CannotFitError
from arraymill.jobs.workspace import Workspace

RNG = np.random.default_rng(6)
X = RNG.integers(-50, 50, (64, 48))
CASES: dict[str, tuple[str, dict[str, Any], list[Any]]] = {
    "map": ("map", {"expr": "x * 3 - 1"}, [X]),
    "rows of sums": ("sum", {"axis": 1}, [X]),
    "columns of sums": ("sum", {"axis": 0}, [X]),
    "a sum in parts": ("sum", {}, [X]),
    "product": ("matmul", {}, [X, X.T]),
    "sums of floats": ("sum", {"axis": 1}, [X + 0.5]),
    "product of floats": ("matmul", {}, [X + 0.5, X.T + 0.5]),
}


@pytest.fixture(autouse=True)
def cheap_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not walk the test session's heap for every split."""
    monkeypatch.setattr("gc.collect", lambda: 0)


@pytest.fixture
def small_host(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the workspace have no buffer above a limit, the first element, in bytes."""
    limit, take = [1 << 40], Workspace.take

    def refuse(self: Workspace, name: str, shape: Any, dtype: Any, order: Any = "C") -> Any:
        if np.prod(shape) * dtype.itemsize > limit[0]:
            raise MemoryError(f"a buffer of {np.prod(shape) * dtype.itemsize} bytes cannot be had")
        return take(self, name, shape, dtype, order)

    monkeypatch.setattr(Workspace, "take", refuse)
    return limit


def work_of(case: str, n_bytes: int) -> tuple[Work, MemoryTarget]:
    name, params, arrays = CASES[case]
    # the other byte order: nothing can be a view, all pass through buffers
    swapped = [array.astype(array.dtype.newbyteorder(">")) for array in arrays]
    plan: Any = plan_arrays(name, swapped, params, block_bytes=n_bytes)
    target = MemoryTarget(np.zeros(plan.output.shape, plan.output.dtype))
    sources = tuple(MemorySource(letter, array) for letter, array in zip("xy", swapped, strict=False))
    return Work(plan.stage, sources, target if plan.stage.n_parts == 1 else None, "numpy"), target


def run_all(work: Work, target: MemoryTarget) -> tuple[set[int], list[bytes]]:
    results = [run_block(work, index) for index in range(work.stage.grid.n_blocks)]
    parts = [part.tobytes() for result in results if result.partial for part in result.partial]
    return {result.record.n_splits for result in results}, [target.array.tobytes(), *parts]


@pytest.mark.parametrize("limit_bytes", [1500, 700, 500])
@pytest.mark.parametrize("case", CASES)
def test_a_block_is_split_until_it_fits(case: str, limit_bytes: int, small_host: list[int]) -> None:
    work, target = work_of(case, 12_000)
    _, expected = run_all(work, target)
    small_host[0] = limit_bytes
    splits, found = run_all(work, target)
    assert max(splits) >= 1
    if not changes_bits(work.stage, max(splits)):
        assert found == expected
        return
    for ours, theirs in zip(found, expected, strict=True):
        a, b = np.frombuffer(ours, "f8"), np.frombuffer(theirs, "f8")
        # sums of at most 64 products of numbers below 51
        assert np.abs(a - b).max(initial=0) <= 2 * 64**2 * 51**2 * 2.0**-53


def test_memory_that_runs_out_once_costs_no_split(monkeypatch: pytest.MonkeyPatch) -> None:
    work, _ = work_of("map", 12_000)
    take, failures = Workspace.take, [MemoryError("once")]

    def fail_once(self: Workspace, *rest: Any) -> Any:
        if failures:
            raise failures.pop()
        return take(self, *rest)

    monkeypatch.setattr(Workspace, "take", fail_once)
    assert run_block(work, 0).record.n_splits == 0
    assert failures == []


def test_a_block_begins_with_the_splits_that_it_is_sent_with(small_host: list[int]) -> None:
    work, _ = work_of("map", 12_000)
    assert run_block(work, 0, Attempt(3, 2)).record.n_splits == 2


@pytest.mark.parametrize("case", ["map", "a sum in parts", "product"])
def test_what_never_fits_says_what_it_needs(case: str, small_host: list[int]) -> None:
    work, _ = work_of(case, 12_000)
    small_host[0] = 0
    with pytest.raises(CannotFitError, match=r"block 0 of \d+ does not fit in memory") as caught:
        run_block(work, 0)
    assert caught.value.exit_code == 6
    assert "MemoryError: a buffer of" in caught.value.cause
    n_splits = int(caught.value.cause.rpartition("halved ")[2].split()[0])
    assert 3 <= n_splits <= MOST_SPLITS


def test_a_deterministic_job_refuses_a_split_that_may_change_bits(small_host: list[int]) -> None:
    work, _ = work_of("sums of floats", 12_000)
    small_host[0] = 700
    with pytest.raises(CannotFitError, match="does not fit") as caught:
        run_block(replace(work, deterministic=True), 0)
    assert "with whole pieces; a further split may change last bits" in caught.value.cause


@pytest.mark.parametrize("case", ["map", "rows of sums", "product"])
def test_a_deterministic_job_allows_a_split_that_keeps_bits(case: str, small_host: list[int]) -> None:
    work, _ = work_of(case, 12_000)
    small_host[0] = 700
    assert run_block(replace(work, deterministic=True), 0).record.n_splits >= 1


def test_an_error_of_the_job_is_not_taken_for_a_shortage(monkeypatch: pytest.MonkeyPatch) -> None:
    work, _ = work_of("map", 12_000)
    error = CannotFitError("the disk is full")

    def refuse(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(Workspace, "take", refuse)
    with pytest.raises(CannotFitError) as caught:
        run_block(work, 0)
    assert caught.value is error


LIMITED = """
import resource, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from arraymill.jobs.arrays import MemoryTarget, open_source
from arraymill.jobs.blocks import Grid
from arraymill.jobs.engine import Work, run_block
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.planning import plan_job

path, name, params = sys.argv[1], sys.argv[2], eval(sys.argv[3])
shape, mib = (1024, 8192), 1 << 20
source = open_source(path)
plan = plan_job(OPERATIONS[name], [source.header], params, budget=Budget(1 << 30))
# one block, one piece: 64 MiB of big-endian numbers, so that nothing can be mapped
stage = replace(plan.stage, grid=Grid(shape, shape), pieces=shape)
target = MemoryTarget(np.zeros(plan.output.shape, plan.output.dtype))
work = Work(stage, (source,), target, "numpy")
run_block(replace(work, stage=replace(stage, grid=Grid(shape, (1, 8192)))), 0)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
_, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (used + 40 * mib, hard))
record = run_block(work, 0).record
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
x = np.load(path)
expected = x * 2 + 1 if name == "map" else x.sum(axis=1)
assert np.array_equal(target.array, expected), "the answer changed"
print(record.n_splits)
"""


@pytest.mark.parametrize(("name", "params"), [("map", {"expr": "x * 2 + 1"}), ("sum", {"axis": 1})])
def test_in_a_process_with_a_real_limit_a_block_splits_and_finishes(
    name: str, params: dict[str, Any], tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", np.arange(1024 * 8192).astype(">i8").reshape(1024, 8192))
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "x.npy"), name, repr(params)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert 1 <= int(ran.stdout) <= 4

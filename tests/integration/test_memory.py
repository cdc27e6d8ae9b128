"""Jobs on files several times larger than the memory that they may take: what they took, and whether they are right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from integration.commands import Folder
from integration.memory import MemoryWatch
from numpy.typing import NDArray

N_ROWS, N_COLUMNS = 640_000, 256
CHUNK_ROWS = 20_000
MEMORY_BYTES = 300_000_000
PLACES = {"local": ("--cluster", "local", "--workers", "2"), "inline": ("--cluster", "inline", "--workers", "2")}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a float32 file of 655 MB, more than twice what the jobs may take.

    Its numbers are small integers: every sum and product of them is exact in float32, so that one element that is
    missing shows, where the bound on rounding errors of so many would hide thousands.
    """
    path = tmp_path_factory.mktemp("large") / "x.npy"
    x = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(N_ROWS, N_COLUMNS))
    generator = np.random.default_rng(0)
    for start in range(0, N_ROWS, CHUNK_ROWS):
        x[start : start + CHUNK_ROWS] = generator.integers(-2, 4, (CHUNK_ROWS, N_COLUMNS), dtype=np.int8)
    x.flush()
    assert path.stat().st_size > 2 * MEMORY_BYTES
    assert 9 * N_ROWS < 2**24
    return path


@pytest.fixture(scope="module")
def exact(large: Path) -> dict[str, NDArray[np.float64]]:
    """Return the sums of columns and the products of pairs of columns, in float64."""
    x = np.load(large, mmap_mode="r")
    found = {"sum": np.zeros(N_COLUMNS), "gram": np.zeros((N_COLUMNS, N_COLUMNS))}
    for start in range(0, N_ROWS, CHUNK_ROWS):
        rows = x[start : start + CHUNK_ROWS].astype(np.float64)
        found["sum"] += rows.sum(axis=0)
        found["gram"] += rows.T @ rows
    return found


def run_watched(folder: Folder, place: str, *args: str | Path) -> NDArray[np.float32]:
    """Run a job, check what it took, and return its result.

    The driver of a cluster runs Dask's scheduler beside the workers that the limit is for; it must not hold the array.
    """
    limit = f"{MEMORY_BYTES}B"
    with folder.start("run", *args, "-o", "out.npy", "--memory", limit, *PLACES[place]) as run:
        watch = MemoryWatch(run)
        done = run.finish()
        watch.join()
    assert done.exit_code == 0, done
    assert watch.n_samples > 10
    assert len(watch.worker_bytes) == (2 if place == "local" else 0)
    assert watch.driver_bytes < MEMORY_BYTES
    assert watch.all_workers_bytes < MEMORY_BYTES
    print(f"{args[0]}, {place}: driver {watch.driver_bytes:,}, workers {watch.worker_bytes}, {watch.n_samples} samples")
    return np.asarray(np.load(folder.path / "out.npy", mmap_mode="r"))


@pytest.mark.parametrize("place", PLACES)
def test_sum(folder: Folder, large: Path, exact: dict[str, NDArray[np.float64]], place: str) -> None:
    found = run_watched(folder, place, "sum", large)
    assert (found.dtype, found) == (np.float32, np.float32(exact["sum"].sum()))


@pytest.mark.parametrize("place", PLACES)
def test_mean_of_columns(folder: Folder, large: Path, exact: dict[str, NDArray[np.float64]], place: str) -> None:
    found = run_watched(folder, place, "mean", large, "--axis", "0")
    np.testing.assert_array_equal(found, (exact["sum"] / N_ROWS).astype(np.float32))


@pytest.mark.parametrize("place", PLACES)
def test_product_of_two_large_files(
    folder: Folder, large: Path, exact: dict[str, NDArray[np.float64]], place: str
) -> None:
    """Both operands are the large file: k is long, and few elements come out."""
    found = run_watched(folder, place, "matmul", large, large, "--transpose-a")
    np.testing.assert_array_equal(found, exact["gram"])


@pytest.mark.parametrize("place", PLACES)
def test_product_with_a_large_result(folder: Folder, large: Path, place: str) -> None:
    """The result is as large as the operand."""
    b = np.random.default_rng(1).integers(-3, 4, (N_COLUMNS, N_COLUMNS)).astype(np.float32)
    np.save(folder.path / "b.npy", b)
    found = run_watched(folder, place, "matmul", large, "b.npy")
    x, wide = np.load(large, mmap_mode="r"), b.astype(np.float64)
    assert (found.shape, found.dtype) == (x.shape, np.float32)
    for start in range(0, N_ROWS, CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        np.testing.assert_array_equal(found[rows], x[rows].astype(np.float64) @ wide)

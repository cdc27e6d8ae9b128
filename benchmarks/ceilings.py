"""What this machine can do, measured in the same run: reading, multiplying, writing.

All cores work, as contenders may use all. Each figure is the best of several tries: a ceiling is not a median. Names
end in their units; a run has those that its machine can measure.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

from .by_disk import read_through
from .files import cool, warm
from .fresh import module_command, run_fresh

__all__ = ["measure_ceilings"]

_TRIES = 3
_READ_BYTES = 1 << 20
_COLD_BYTES = 8 << 20
_MAP_ROWS = 128
_WRITE_BYTES = 4 << 20
_WRITERS = (1, 2, 4)


def measure_ceilings(file: Path, *, quick: bool) -> dict[str, float]:
    """Measure in a fresh process; `file` is read, and files beside it are written.

    Raises
    ------
    ContenderFailedError
    """
    ran = run_fresh(module_command("ceilings", str(file), *(["quick"] if quick else [])))
    return dict(json.loads(ran.out))


def _measure(file: Path, *, side: int, output_bytes: int) -> dict[str, float]:
    n_threads = len(os.sched_getaffinity(0))
    size = file.stat().st_size
    cool(file)
    cold_s = _seconds(lambda: read_through(file, max(n_threads, 4), _COLD_BYTES))
    warm(file)
    found = {
        "n_threads": n_threads,
        "disk_read_gb_s": size / cold_s / 1e9,
        "read_one_gb_s": size / _fastest(lambda: read_through(file, 1, _READ_BYTES)) / 1e9,
        "read_gb_s": size / _fastest(lambda: read_through(file, n_threads, _READ_BYTES)) / 1e9,
        "map_sum_gb_s": size / _fastest(lambda: _sum_map(file, n_threads)) / 1e9,
        "matmul_fp32_gflop_s": _product_rate(side, np.float32, n_threads),
        "matmul_fp64_gflop_s": _product_rate(side, np.float64, n_threads),
    }
    for n_writers in _WRITERS:
        for place, durable in (("cache", False), ("disk", True)):
            name = f"write_{place}_{n_writers}_gb_s"
            found[name] = _write_rate(file, output_bytes, n_writers, durable=durable)
    found["write_disk_gb_s"] = max(found[f"write_disk_{n_writers}_gb_s"] for n_writers in _WRITERS)
    return found


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _fastest(work: Callable[[], object]) -> float:
    return min(_seconds(work) for _ in range(_TRIES))


def _sum_map(file: Path, n_threads: int) -> None:
    """Sum columns of a mapped file in float32, in groups of rows that stay in the cache of a core."""
    x = np.load(file, mmap_mode="r").view(np.ndarray)
    share = -(-len(x) // n_threads)

    def sum_share(number: int) -> None:
        out = np.empty(x.shape[1], x.dtype)
        for start in range(number * share, min((number + 1) * share, len(x)), _MAP_ROWS):
            np.add.reduce(x[start : start + _MAP_ROWS], axis=0, out=out)

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(sum_share, range(n_threads)))


def _product_rate(side: int, dtype: type[np.floating[Any]], n_threads: int) -> float:
    generator = np.random.default_rng(0)
    a, b = (generator.standard_normal((side, side)).astype(dtype) for _ in range(2))
    c = np.empty_like(a)
    with_all = _fastest(lambda: np.matmul(a, b, out=c))
    panels = list(zip(np.array_split(a, n_threads), np.array_split(c, n_threads), strict=True))
    with threadpoolctl.threadpool_limits(1), ThreadPoolExecutor(n_threads) as pool:
        by_panels = _fastest(lambda: list(pool.map(lambda pair: np.matmul(pair[0], b, out=pair[1]), panels)))
    return float(2 * side**3 / min(with_all, by_panels) / 1e9)


def _write_rate(file: Path, n_bytes: int, n_writers: int, *, durable: bool) -> float:
    """Return the rate of `n_writers` threads that each write a part of one new file."""
    path = file.with_suffix(".ceiling")
    block = memoryview(np.random.default_rng(0).bytes(_WRITE_BYTES))
    share = n_bytes // n_writers

    def write_share(descriptor: int, number: int) -> None:
        for offset in range(number * share, (number + 1) * share, _WRITE_BYTES):
            os.pwrite(descriptor, block, offset)

    def write() -> None:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
        os.posix_fallocate(descriptor, 0, n_bytes)
        with ThreadPoolExecutor(n_writers) as pool:
            list(pool.map(lambda number: write_share(descriptor, number), range(n_writers)))
        if durable:
            os.fdatasync(descriptor)
        os.close(descriptor)

    try:
        return n_bytes / _fastest(write) / 1e9
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    is_quick = sys.argv[2:] == ["quick"]
    ceilings = _measure(
        Path(sys.argv[1]), side=512 if is_quick else 4096, output_bytes=(16 if is_quick else 1024) << 20
    )
    sys.stdout.write(json.dumps(ceilings) + "\n")

"""What this machine can do, measured in the same run: reading, multiplying, writing.

All cores work, as contenders may use all. Each figure is the best of several tries: a ceiling is not a median.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import threadpoolctl

from .fresh import module_command, run_fresh

__all__ = ["Ceilings", "measure_ceilings"]

_TRIES = 3
_READ_BYTES = 1 << 20
_WRITE_BYTES = 4 << 20
_OUTPUT_BYTES = 256 << 20
_QUICK_OUTPUT_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The machine's rates.

    Parameters
    ----------
    n_threads : int
    read_gb_s : float
        `pread` of a file in the page cache into a buffer of 1 MiB per thread.
    matmul_gflop_s : float
        float32 products of arrays in memory: BLAS with all threads, or a panel per thread, the faster.
    write_gb_s : float
        Into a new file, on disk before the clock stops.
    """

    n_threads: int
    read_gb_s: float
    matmul_gflop_s: float
    write_gb_s: float


def measure_ceilings(file: Path, *, quick: bool) -> Ceilings:
    """Measure in a fresh process; `file` is read, and a file beside it written.

    Raises
    ------
    ContenderFailedError
    """
    _, out = run_fresh(module_command("ceilings", str(file), *(["quick"] if quick else [])))
    return Ceilings(**json.loads(out))


def _measure(file: Path, *, side: int, output_bytes: int) -> Ceilings:
    n_threads = len(os.sched_getaffinity(0))
    rates = _read_rate(file, n_threads), _product_rate(side, n_threads), _write_rate(file, output_bytes)
    return Ceilings(n_threads, *rates)


def _fastest(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _read_rate(file: Path, n_threads: int) -> float:
    size = file.stat().st_size
    share = size // n_threads
    descriptor = os.open(file, os.O_RDONLY)
    buffers = [memoryview(bytearray(_READ_BYTES)) for _ in range(n_threads)]

    def read_share(number: int) -> None:
        for offset in range(number * share, (number + 1) * share, _READ_BYTES):
            os.preadv(descriptor, [buffers[number]], offset)

    with ThreadPoolExecutor(n_threads) as pool:
        seconds = _fastest(lambda: list(pool.map(read_share, range(n_threads))))
    os.close(descriptor)
    return size / seconds / 1e9


def _product_rate(side: int, n_threads: int) -> float:
    generator = np.random.default_rng(0)
    a, b = (generator.standard_normal((side, side), np.float32) for _ in range(2))
    c = np.empty_like(a)
    with_all = _fastest(lambda: np.matmul(a, b, out=c))
    panels = list(zip(np.array_split(a, n_threads), np.array_split(c, n_threads), strict=True))
    with threadpoolctl.threadpool_limits(1), ThreadPoolExecutor(n_threads) as pool:
        by_panels = _fastest(lambda: list(pool.map(lambda pair: np.matmul(pair[0], b, out=pair[1]), panels)))
    return 2 * side**3 / min(with_all, by_panels) / 1e9


def _write_rate(file: Path, n_bytes: int) -> float:
    path = file.with_suffix(".ceiling")
    block = memoryview(bytearray(b"\x5a") * _WRITE_BYTES)

    def write() -> None:
        with open(path, "wb", buffering=0) as output:
            for _ in range(n_bytes // _WRITE_BYTES):
                output.write(block)
            os.fdatasync(output.fileno())

    try:
        return n_bytes / _fastest(write) / 1e9
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    is_quick = sys.argv[2:] == ["quick"]
    ceilings = _measure(
        Path(sys.argv[1]),
        side=512 if is_quick else 4096,
        output_bytes=_QUICK_OUTPUT_BYTES if is_quick else _OUTPUT_BYTES,
    )
    sys.stdout.write(json.dumps(asdict(ceilings)) + "\n")

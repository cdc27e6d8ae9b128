"""The table of ratios for a CPU: the least that must be reached, and the goal."""

from __future__ import annotations

from .case_table import BUDGET_BYTES, GROWTH_GIB
from .results import Run
from .targets import Rows, Target, accuracy, figure, growth, ratio_of, seconds_of, speed, time_against

__all__ = ["TARGETS"]

_BUDGET = "fp64 matmul, 3 x 2 GB, 512 MiB per worker"
_COLD = "sum of a file that is not in memory"


def _memory(run: Run, rows: Rows) -> float | None:
    row = rows.get(("fp64-budget", "arraymill-budget"))
    return None if row is None else ratio_of(row.peak_worker_bytes, BUDGET_BYTES)


def _cold(run: Run, rows: Rows) -> float | None:
    return ratio_of(seconds_of(rows, "cold-sum", "disk"), seconds_of(rows, "cold-sum", "arraymill"))


def _against(row: str, case: str, *asked: tuple[str, float, float]) -> tuple[Target, ...]:
    return tuple(speed(row, case, other, must, goal) for other, must, goal in asked)


TARGETS = (
    *_against(
        "matmul fp32 n = 8192",
        "matmul-8192",
        ("numpy", 1.0, 1.25),
        ("torch", 1.0, 1.25),
        ("dask", 1.2, 1.5),
        ("cubed", 1.2, 1.5),
        ("seeds", 1.7, 2.2),
    ),
    *_against("tall-skinny 200000 x 2048 @ 2048 x 2048", "matmul-tall", ("numpy", 0.9, 1.2)),
    *_against("outer 20000 x 256 @ 256 x 20000", "matmul-outer", ("numpy", 0.9, 1.2)),
    Target(_BUDGET, "peak anonymous memory / budget", _memory, 1.10, 1.02, True, ("fp64-budget",)),
    time_against(_BUDGET, "fp64-budget", "arraymill-budget", "arraymill-local", 1.25, 1.10),
    *_against(
        "sum axis 0, 4 GB",
        "sum-axis0",
        ("numpy", 1.3, 3.0),
        ("dask", 2.0, 4.0),
        ("cubed", 8.0, 25.0),
        ("seeds", 20.0, 60.0),
    ),
    *_against("sum of all, 4 GB", "sum-all", ("numpy", 1.3, 2.4), ("torch", 0.6, 0.95), ("dask", 2.5, 4.5)),
    *(
        target
        for operation in ("var", "std")
        for axis in (0, 1)
        for target in _against(
            f"{operation} axis {axis}, 4 GB", f"{operation}-axis{axis}", ("numpy", 8.0, 25.0), ("dask", 2.5, 8.0)
        )
    ),
    *(
        target
        for operation in ("gram", "cov")
        for target in _against(f"{operation} of 2e6 x 512", f"{operation}-512", ("numpy", 1.0, 1.5), ("dask", 1.3, 2.0))
    ),
    *(
        accuracy(f"relative error, {case}", case, 10.0, 100.0)
        for case in ("sum-axis0", "sum-all", "var-axis0", "var-axis1", "std-axis0", "std-axis1", "gram-512", "cov-512")
    ),
    Target(_COLD, "bytes per second / disk ceiling", _cold, 0.80, 0.95, cases=("cold-sum",)),
    figure("64 empty tasks on a warm cluster", "ms per task", "task_ms", 3.0, 1.0),
    figure("64 empty tasks on a warm cluster", "fixed cost of a job, ms", "job_ms", 300.0, 60.0),
    time_against("whole process, sum of 1 MB", "shell-sum-1mb", "arraymill", "numpy", 3.0, 1.5),
    time_against("whole process, sum of 4 GB", "shell-sum-4gb", "arraymill", "numpy", 2.0, 1.1),
    *(growth("1, 2, 4, 8 GB", operation, GROWTH_GIB, 1.05, 1.0) for operation in ("sum", "gram")),
    figure("10^2 to 10^4 tasks", "exponent of time against tasks", "tasks_exponent", 1.05, 1.0),
)

"""What a job and a task cost on a warm cluster, with next to nothing in them; and how that grows with their number.

A task here sums one row of 1 KiB. The fixed cost is a job of one such block, file to file; the cost of a task is what
64 of them take beyond that, divided by 63.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from .fresh import module_command, run_fresh

__all__ = ["TASKS", "exponent", "measure_overhead"]

TASKS = (100, 1000, 10_000)
_QUICK_TASKS = (10, 100)
_FEW = 64
_COLUMNS = 128
_REPEATS = 7


def measure_overhead(folder: Path, *, quick: bool) -> dict[str, float]:
    """Measure in a fresh process.

    Returns
    -------
    dict
        ``job_ms``, ``job_inline_ms``, ``task_ms``, ``tasks_N_s`` and ``tasks_exponent``.

    Raises
    ------
    ContenderFailedError
    """
    ran = run_fresh(module_command("overhead", str(folder), *(["quick"] if quick else [])))
    return dict(json.loads(ran.out.splitlines()[-1]))


def exponent(sizes: list[float], seconds: list[float]) -> float:
    """Return e of the best fit seconds = c * size**e, by least squares of the logarithms.

    >>> round(exponent([1, 2, 4], [3, 6, 12]), 6)
    1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def _measure(folder: Path, tasks: tuple[int, ...]) -> dict[str, float]:
    from arraymill.cluster.config import ClusterConfig
    from arraymill.cluster.session import open_cluster

    with tempfile.TemporaryDirectory(dir=folder) as scratch, open_cluster(ClusterConfig("local")) as session:
        place = Path(scratch)
        for n in (1, _FEW, *tasks):
            np.save(place / f"{n}.npy", np.ones((n, _COLUMNS)))
        _job_s(place, _FEW, session)
        job_s = statistics.median(_job_s(place, 1, session) for _ in range(_REPEATS))
        few_s = statistics.median(_job_s(place, _FEW, session) for _ in range(_REPEATS))
        many_s = {n: _job_s(place, n, session) for n in tasks}
        _job_s(place, 1, None)
        inline_s = statistics.median(_job_s(place, 1, None) for _ in range(_REPEATS))
    return {
        "job_ms": job_s * 1e3,
        "job_inline_ms": inline_s * 1e3,
        "task_ms": (few_s - job_s) / (_FEW - 1) * 1e3,
        **{f"tasks_{n}_s": seconds for n, seconds in many_s.items()},
        "tasks_exponent": exponent(list(many_s), list(many_s.values())),
    }


def _job_s(place: Path, n_tasks: int, session: Any) -> float:
    """Return the seconds of a job with so many blocks."""
    from arraymill.jobs.api import run_spec
    from arraymill.jobs.spec.job_spec import JobSpec

    spec = JobSpec(
        op="sum",
        inputs=[str(place / f"{n_tasks}.npy")],
        params={"axis": 1},
        output={"path": str(place / "out.npy"), "if_exists": "replace"},
        compute={"block": "1KiB", "device": "cpu"},
        cluster={"kind": "inline" if session is None else "local"},
    )
    began = time.perf_counter()
    outcome = run_spec(spec, cluster=session)
    seconds = time.perf_counter() - began
    assert outcome.plan.n_blocks == n_tasks, f"{outcome.plan.n_blocks} blocks instead of {n_tasks}"
    return seconds


if __name__ == "__main__":
    measured = _measure(Path(sys.argv[1]), _QUICK_TASKS if sys.argv[2:] == ["quick"] else TASKS)
    sys.stdout.write(json.dumps(measured) + "\n")

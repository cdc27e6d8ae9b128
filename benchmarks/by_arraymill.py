"""arraymill through its Python API: in this process, or on a local cluster that is kept warm."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.session import open_cluster
from arraymill.jobs.api import Outcome, run_spec
from arraymill.jobs.spec.job_spec import JobSpec

from .contenders import Finish

__all__ = ["facts_of", "opened"]


@contextmanager
def opened(
    *,
    cluster: str,
    device: str = "cpu",
    precision: str = "standard",
    memory_per_worker: int | None = None,
    device_memory: int | str | None = None,
) -> Iterator[Callable[..., Finish]]:
    """Yield ``compute(operation, params, inputs, output)``; a cluster other than inline is started first.

    Parameters
    ----------
    cluster : {"inline", "local"}
    device, precision : str
    memory_per_worker, device_memory : int, optional
        The job's limits.
    """
    memory: dict[str, Any] = {}
    if memory_per_worker is not None:
        memory["host"] = memory_per_worker * len(os.sched_getaffinity(0))
    if device_memory is not None:
        memory["device"] = device_memory

    def compute(operation: str, params: dict[str, Any], inputs: list[str], output: str) -> Finish:
        spec = JobSpec(
            op=operation,
            inputs=inputs,
            params=params,
            output={"path": output, "if_exists": "replace"},
            compute={"device": device, "precision": precision},
            memory=memory,
            cluster={"kind": cluster},
        )
        outcome = run_spec(spec, cluster=session)
        return lambda: facts_of(outcome)

    if cluster == "inline":
        # threads of this process are started by each job, and their start is part of its time
        session: Any = None
        yield compute
    else:
        with open_cluster(ClusterConfig("local")) as session:
            yield compute


def facts_of(outcome: Outcome) -> dict[str, Any]:
    """Return what a job says of itself: bytes, blocks, and the seconds that its blocks were busy with each stage."""
    busy: dict[str, float] = {}
    for record in outcome.records:
        for step, seconds in record.seconds.items():
            busy[step] = busy.get(step, 0.0) + seconds
    return {
        "n_blocks": outcome.plan.n_blocks,
        "n_workers": outcome.n_workers,
        "planned_read_bytes": outcome.plan.read_bytes,
        "bytes_read": sum(record.bytes_read for record in outcome.records),
        "bytes_written": sum(record.bytes_written for record in outcome.records),
        "peak_device_bytes": max((record.peak_device_bytes for record in outcome.records), default=0),
        "busy_s": busy,
    }

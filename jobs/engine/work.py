"""One block of a stage, from its sources to its target or its partial."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrays import Source, Target
from ..kernels import Partial
from ..stages import ContractStage, MapStage, ReduceStage
from ..workspace import thread_workspace
from .backend import BackendKind, open_backend
from .clock import Clock, Step
from .contract import contract_block
from .elementwise import map_block
from .reduce import reduce_block

__all__ = ["BlockRecord", "BlockResult", "Work", "run_block"]


@dataclass(frozen=True, slots=True)
class Work:
    """What all blocks of a stage share. Small and picklable: paths and integers, never array data.

    Parameters
    ----------
    stage : MapStage, ReduceStage or ContractStage
    sources : tuple of Source
    target : Target or None
        None where blocks return partials.
    backend : {"numpy", "torch-cpu", "torch-cuda"}
    """

    stage: MapStage | ReduceStage | ContractStage
    sources: tuple[Source, ...]
    target: Target | None
    backend: BackendKind


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """What is remembered of a block that was run.

    Parameters
    ----------
    block : int
    pid : int
        Process that ran it.
    started_s : float
        Unix time.
    wall_s : float
        Seconds it took; `seconds` tells them apart by step.
    seconds : dict
    bytes_read, bytes_written : int
    peak_rss_bytes : int
        Largest resident size of the process so far.
    """

    block: int
    pid: int
    started_s: float
    wall_s: float
    bytes_read: int
    bytes_written: int
    peak_rss_bytes: int
    seconds: dict[Step, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlockResult:
    """A record and, where the block is one part of several, its partial."""

    record: BlockRecord
    partial: Partial | None


def run_block(work: Work, index: int) -> BlockResult:
    """Run block `index`: idempotent, so that a block may run twice.

    Raises
    ------
    JobError
        For an input that changed, an output that cannot be written.
    """
    started_s, start, clock = time.time(), time.perf_counter(), Clock()
    # NumPy's warnings about inf and nan are the user's business when he looks at the result, not a worker's
    with np.errstate(all="ignore"):
        partial = _run(work, index, clock)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    record = BlockRecord(
        index,
        os.getpid(),
        started_s,
        time.perf_counter() - start,
        clock.bytes_read,
        clock.bytes_written,
        peak_kib << 10,
        clock.seconds,
    )
    return BlockResult(record, partial)


def _run(work: Work, index: int, clock: Clock) -> Partial | None:
    shared: dict[str, Any] = {
        "backend": open_backend(work.backend),
        "workspace": thread_workspace(),
        "clock": clock,
    }
    sources, target = work.sources, work.target
    if work.stage.reverse:
        sources, target = tuple(source.T for source in sources), target.T if target is not None else None
    if isinstance(work.stage, MapStage):
        map_block(work.stage, index, sources, target, **shared)
        return None
    if isinstance(work.stage, ReduceStage):
        return reduce_block(work.stage, index, sources[0], target, **shared)
    return contract_block(work.stage, index, sources, target, **shared)

"""An operation of several steps, of which one is a chain and one is fused, with three outputs; and jobs of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arraymill.jobs.arrays import MemorySource
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.job import Job
from arraymill.jobs.limits import Limits
from arraymill.jobs.operations import OPERATIONS, Operation, Params
from arraymill.jobs.operations.chain import Chain, Step
from arraymill.jobs.operations.layouts.ingest import INGEST
from arraymill.jobs.spec.job_spec import JobSpec

MAP, MEAN, STD = OPERATIONS["map"], OPERATIONS["mean"], OPERATIONS["std"]


class NoParams(Params):
    """None."""


def chained(name: str, *steps: Step, outputs: tuple[tuple[str, str], ...]) -> Operation:
    """Return an operation of these steps."""

    def chain(headers: Sequence[ArrayHeader], params: Any, limits: Limits) -> Chain:
        return Chain(steps, outputs, notes=(f"of {name}",))

    def oracle(arrays: Any, params: Any) -> Any:
        raise NotImplementedError

    return Operation(name, "", f"arraymill run {name}", ("x",), NoParams, None, oracle, chain=chain)


CENTERED = chained(
    "centered",
    Step("mean", MEAN, ("x",), {"axis": 0}),
    Step("rest", MAP, ("x", "mean"), {"expr": "x - y"}),
    outputs=(("centered", "rest"), ("mean", "mean")),
)
SCALED = chained(
    "scaled",
    Step("copy", INGEST, ("x",)),
    Step("centered", CENTERED, ("copy",)),
    Step("std", STD, ("copy",), {"axis": 0}),
    Step("quotient", MAP, ("centered", "std"), {"expr": "x / y"}),
    outputs=(("scaled", "quotient"), ("mean", "centered.mean"), ("std", "std")),
)


def scaled_job(x: NDArray[Any], output: Path | None = None, **settings: Any) -> Job:
    """Return a job that scales an array of this process."""
    document = {"op": "scaled", "output": None if output is None else str(output), **settings}
    return Job(JobSpec(**document), SCALED, (MemorySource("x", x),), {})


def scaled(x: NDArray[Any]) -> NDArray[Any]:
    """Return NumPy's answer."""
    answer: NDArray[Any] = (x - x.mean(0)) / x.std(0)
    return np.asarray(answer)

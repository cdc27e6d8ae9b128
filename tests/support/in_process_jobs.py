"""Jobs run in this process, on sessions that choose the order in which blocks are done."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arraymill.jobs.api.steps import step_sources
from arraymill.jobs.arrays import MemorySource, MemoryTarget, Source
from arraymill.jobs.blocks import whole_region
from arraymill.jobs.engine import BackendKind, Work
from arraymill.jobs.limits import Budget, DeviceKind, Precision
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.chain_plan import AnyPlan, ChainPlan
from arraymill.jobs.plans.chains import plan_operation
from arraymill.jobs.plans.planning import Plan
from arraymill.jobs.runner import run_work
from arraymill.jobs.stages.shapes import ConstantStage

ROOMY = Budget(1 << 30, 1 << 32)


class LazyFuture:
    """A task that runs when the session says so."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], key: str) -> None:
        self.function, self.args, self.key = function, args, key
        self.is_cancelled = False
        self._outcome: tuple[Any, BaseException | None] | None = None

    def run(self) -> None:
        try:
            self._outcome = self.function(*self.args), None
        except BaseException as error:  # noqa: BLE001 - a future keeps whatever its task raised
            self._outcome = None, error

    def result(self) -> Any:
        assert self._outcome is not None
        value, error = self._outcome
        if error is not None:
            raise error
        return value

    @property
    def is_done(self) -> bool:
        return self._outcome is not None

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class ShuffledSession:
    """A session of one thread that runs a random task of those that wait.

    Parameters
    ----------
    seed : int or None
        None takes them in the order in which they were sent.
    at_once : int
        So many are done by each call of `wait`.
    """

    seed: int | None = None
    n_workers: int = 1
    at_once: int = 1
    kind: str = "inline"
    device: str = "cpu"
    futures: list[LazyFuture] = field(default_factory=list)
    most_pending: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def submit(self, function: Callable[..., Any], /, *args: Any, key: str) -> LazyFuture:
        self.futures.append(LazyFuture(function, args, key))
        return self.futures[-1]

    def wait(self, futures: Collection[LazyFuture], timeout_s: float | None) -> set[LazyFuture]:
        self.most_pending = max(self.most_pending, len(futures))
        waiting = [future for future in self.futures if future in futures]
        if self.seed is not None:
            self._random.shuffle(waiting)
        done = waiting[: self.at_once]
        for future in done:
            future.run()
        return set(done)


def plan_arrays(
    name: str,
    arrays: Sequence[NDArray[Any]],
    params: dict[str, Any] | None = None,
    *,
    backend: BackendKind = "numpy",
    block_bytes: int | None = None,
    precision: Precision = "standard",
    budget: Budget = ROOMY,
) -> Any:
    """Return the plan of an operation on arrays; torch backends get the plan that CUDA gets."""
    headers = [MemorySource(letter, array).header for letter, array in zip("abcdef", arrays, strict=False)]
    device: DeviceKind = "cpu" if backend == "numpy" else "cuda"
    return plan_operation(
        OPERATIONS[name],
        headers,
        params or {},
        budget=budget,
        device=device,
        precision=precision,
        block_bytes=block_bytes,
    )


def run_arrays(
    name: str,
    arrays: Sequence[NDArray[Any]],
    params: dict[str, Any] | None = None,
    *,
    backend: BackendKind = "numpy",
    session: Any = None,
    order: Sequence[int] | None = None,
    **limits: Any,
) -> NDArray[Any]:
    """Return the result of an operation on arrays, by every step of a job but files and processes."""
    plan = plan_arrays(name, arrays, params, backend=backend, **limits)
    if isinstance(plan, ChainPlan):
        made = run_chain_plan(plan, arrays, backend=backend, session=session, order=order)
        return made[plan.outputs[0][0]]
    return run_plan(plan, arrays, backend=backend, session=session, order=order)


def run_chain(
    name: str,
    arrays: Sequence[NDArray[Any]],
    params: dict[str, Any] | None = None,
    *,
    backend: BackendKind = "numpy",
    session: Any = None,
    order: Sequence[int] | None = None,
    **limits: Any,
) -> dict[str, NDArray[Any]]:
    """Return all outputs of an operation of several steps, by their names."""
    plan: AnyPlan = plan_arrays(name, arrays, params, backend=backend, **limits)
    assert isinstance(plan, ChainPlan)
    return run_chain_plan(plan, arrays, backend=backend, session=session, order=order)


def run_chain_plan(plan: ChainPlan, arrays: Sequence[NDArray[Any]], **where: Any) -> dict[str, NDArray[Any]]:
    """Return all outputs of a plan of several steps, by their names."""
    made = dict(zip(plan.input_names, arrays, strict=True))
    for step in plan.steps:
        sources = {name: MemorySource(name, array, may_be_records=True) for name, array in made.items()}
        read = step_sources(step, sources)
        made[step.name] = run_plan(step.plan, read, **where)
    return {output: made[name] for output, name in plan.outputs}


def run_plan(
    plan: Plan,
    arrays: Sequence[NDArray[Any] | Source],
    *,
    backend: BackendKind = "numpy",
    session: Any = None,
    order: Sequence[int] | None = None,
) -> NDArray[Any]:
    """Return the result of a plan on its arrays."""
    sources = tuple(
        MemorySource(letter, array, may_be_records=True) if isinstance(array, np.ndarray) else array
        for letter, array in zip("abcdefghij", arrays, strict=False)
    )
    stage, header = plan.stage, plan.output
    # not zeros: what no block writes must show
    target = MemoryTarget(np.full(header.shape, 113, header.dtype, order=header.order))
    seen_by_stage = target.T if stage.reverse else target
    with seen_by_stage.open() as writer:
        if isinstance(stage, ConstantStage):
            writer.write(whole_region(header.shape), stage.value)
            return target.array
        work = Work(stage, sources, target if stage.n_parts == 1 else None, backend)
        run_work(work, session or ShuffledSession(), job_id="test", write_result=writer.write, order=order)
    return target.array

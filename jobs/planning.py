"""What a job will do, worked out before it does it: blocks, memory, bytes, floating point operations, seconds, verdict.

Pure: headers and limits in, a frozen `Plan` out. The blocks, and so the bits of the answer, depend on shapes, dtypes,
the operation and the stated limits; how many workers there are, and how fast the machine is, only change the predicted
seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from pydantic import ValidationError

from .errors import CannotFitError, SpecError
from .headers import ArrayHeader
from .limits import Budget, DeviceKind, Limits, Precision, limits_of
from .operations import Operation, Params
from .rates import Rates, rates_of
from .sizes import format_bytes
from .spec_document import Document
from .spec_errors import explain_invalid
from .stages import Draft, Stage

__all__ = ["Plan", "check_params", "plan_job"]

@dataclass(frozen=True, slots=True)
class Plan:
    """A job, worked out.

    Parameters
    ----------
    operation : str
    params : dict
        As given, NumPy's names.
    inputs : tuple of ArrayHeader
    output : ArrayHeader
    stage : Stage
    limits : Limits
    budget : Budget
    flops, read_bytes, write_bytes : int
        Of the whole job.
    task_host_bytes, task_device_bytes : int
        Largest memory of one task's arrays.
    seconds : dict of str to float
        Predicted seconds of each step if it ran alone, from nominal rates: "read", "link", "compute", "write".
    n_workers : int
        Workers that the prediction assumes.
    notes : tuple of str
    """

    operation: str
    params: Mapping[str, Any]
    inputs: tuple[ArrayHeader, ...]
    output: ArrayHeader
    stage: Stage
    limits: Limits
    budget: Budget
    flops: int
    read_bytes: int
    write_bytes: int
    task_host_bytes: int
    task_device_bytes: int
    seconds: Mapping[str, float]
    n_workers: int
    notes: tuple[str, ...] = ()

    @property
    def n_blocks(self) -> int:
        """Number of tasks."""
        return self.stage.grid.n_blocks

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: floating point operations per byte moved."""
        return self.flops / max(self.read_bytes + self.write_bytes, 1)

    @property
    def binding(self) -> str:
        """The step that the job waits for."""
        return max(self.seconds, key=lambda step: self.seconds[step])

    @property
    def predicted_s(self) -> float:
        """Predicted seconds of the whole job: its longest step."""
        return max(self.seconds.values())


def plan_job(
    operation: Operation,
    headers: Sequence[ArrayHeader],
    params: Mapping[str, Any] | Params,
    *,
    budget: Budget,
    device: DeviceKind = "cpu",
    precision: Precision = "standard",
    n_workers: int = 1,
    block_bytes: int | None = None,
    rates: Callable[[np.dtype[Any]], Rates] | None = None,
) -> Plan:
    """Return the plan of one operation on arrays of these headers.

    Parameters
    ----------
    operation : Operation
    headers : sequence of ArrayHeader
    params : mapping, or the operation's own model
    budget : Budget
    device, precision : str
    n_workers : int
        For the prediction of seconds alone.
    block_bytes : int, optional
        Size of a task's share of the largest array.
    rates : callable, optional
        Rates for a dtype, from which seconds are predicted; nominal ones of the device class when left out. Blocks and
        tiles depend on nominal rates alone.

    Raises
    ------
    SpecError
        For parameters and shapes that do not fit the operation.
    InputUnsupportedError
        For dtypes that it does not work on.
    CannotFitError
        When one task cannot fit in the budget.
    """
    _check_count(operation, headers)
    checked = check_params(operation, params)
    limits = limits_of(budget, device=device, precision=precision, block_bytes=block_bytes)
    draft = operation.build(headers, checked, limits)
    _check_device(draft, budget)
    return Plan(
        operation.name,
        checked.model_dump(),
        tuple(headers),
        draft.output,
        draft.stage,
        limits,
        budget,
        draft.flops,
        draft.read_bytes,
        draft.output.nbytes,
        draft.task_host_bytes,
        draft.task_device_bytes,
        _predict(draft, (rates or partial(rates_of, device, precision))(draft.output.dtype), n_workers),
        n_workers,
        draft.notes,
    )


def check_params(operation: Operation, params: Mapping[str, Any] | Params) -> Params:
    """Return parameters checked by the operation's own model.

    Raises
    ------
    SpecError
        For every parameter that is unknown or wrong, all at once.
    """
    if isinstance(params, Params):
        return params
    try:
        return operation.params(**params)
    except ValidationError as error:
        document = Document({"op": operation.name, "params": dict(params)}, operation.name)
        raise explain_invalid(error, operation.params, document, prefix=("params",)) from None


def _check_count(operation: Operation, headers: Sequence[ArrayHeader]) -> None:
    wanted = len(operation.inputs)
    if len(headers) == wanted or (operation.variadic and headers):
        return
    raise SpecError(
        f"{operation.name} takes {'one input or more' if operation.variadic else f'{wanted} input(s)'}",
        cause=f"{len(headers)} were given",
        next=operation.example,
    )


def _check_device(draft: Draft, budget: Budget) -> None:
    if draft.task_device_bytes > budget.device_bytes:
        raise CannotFitError(
            f"one task needs {format_bytes(draft.task_device_bytes)} on the device",
            cause=f"it may take {format_bytes(budget.device_bytes)} there",
            safe="nothing was read or written",
            next="raise --device-memory",
        )


def _predict(draft: Draft, rates: Rates, n_workers: int) -> dict[str, float]:
    busy = max(min(n_workers, draft.stage.grid.n_blocks), 1)
    moved = draft.read_bytes + draft.output.nbytes
    seconds = {
        "read": draft.read_bytes / min(rates.read * busy, rates.most_read),
        "compute": draft.flops / (rates.flops * busy),
        "write": draft.output.nbytes / rates.write,
    }
    return seconds | ({"link": moved / (rates.link * busy)} if np.isfinite(rates.link) else {})

"""What a job will do, worked out before it does it: blocks, memory, bytes, floating point operations, seconds, verdict.

Pure: headers and limits in, a frozen `Plan` out. The blocks, and so the bits of the answer, depend on shapes, dtypes,
the operation and the stated limits; how many workers there are, and how fast the machine is, only change the predicted
seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from pydantic import ValidationError

from ..errors import CannotFitError, SpecError
from ..headers import ArrayHeader
from ..limits import Budget, DeviceKind, Limits, Precision, limits_of
from ..operations import Operation, Params
from ..rates.forecast import Load, forecast
from ..rates.workers import Rates, rates_of
from ..sizes import format_bytes
from ..spec.document import Document
from ..spec.errors import explain_invalid
from ..stages.moves import Moves
from ..stages.shapes import Draft, Stage
from .fitting import fitted

__all__ = ["Plan", "check_count", "check_params", "plan_job"]


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
        Predicted seconds of each step if it ran alone: "read", "to_device", "compute", "from_device", "write".
    n_workers : int
        Workers that the prediction assumes.
    notes : tuple of str
    moves : Moves
        Bytes over the link, and the fewest that any schedule reads.
    edges_s, least_s : float
        Of the forecast: the waiting of the longest step, and its seconds were only the fewest bytes moved.
    is_measured : bool
        Predicted from rates measured on this machine; else from nominal ones of the device class.
    core_s : float
        Seconds of one core that are predicted for what is not made of products.
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
    moves: Moves = field(default_factory=Moves)
    edges_s: float = 0.0
    least_s: float = 0.0
    is_measured: bool = False
    core_s: float = 0.0

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
        """Predicted seconds of the whole job: its longest step, and what that waits for before and after."""
        return max(self.seconds.values()) + self.edges_s

    @property
    def moved_bytes(self) -> int:
        """Bytes over the link, both ways; on the CPU those read and written."""
        if self.moves.to_device_bytes:
            return self.moves.to_device_bytes + self.moves.from_device_bytes
        return self.read_bytes + self.write_bytes

    @property
    def bytes_ratio(self) -> float:
        """Bytes moved against the fewest that any schedule moves."""
        came_in = self.moves.to_device_bytes or self.read_bytes
        least = self.moved_bytes - came_in + min(self.moves.least_in_bytes, came_in)
        return self.moved_bytes / least if least else 1.0


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
    check_count(operation, headers)
    checked = check_params(operation, params)
    if operation.build is None:
        raise ValueError(f"{operation.name} has several steps: see plan_chain")
    limits = limits_of(budget, device=device, precision=precision, block_bytes=block_bytes)
    draft, limits = fitted(operation.build, headers, checked, limits, budget)
    _check_device(draft, budget)
    moves = _moves(draft, headers, device)
    core_s = draft.core_s if device == "cpu" or draft.stage.on_host else 0.0
    load = Load(draft.read_bytes, draft.output.nbytes, draft.flops, moves, core_s)
    predict_from = (rates or partial(rates_of, device, precision))(draft.output.dtype)
    predicted = forecast(load, predict_from, max(min(n_workers, draft.stage.grid.n_blocks), 1))
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
        draft.task_host_bytes + sum(header.reader_bytes for header in headers),
        draft.task_device_bytes,
        predicted.seconds,
        n_workers,
        draft.notes,
        moves,
        predicted.edges_s,
        predicted.least_s,
        predicted.is_measured,
        core_s,
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


def check_count(operation: Operation, headers: Sequence[ArrayHeader]) -> None:
    """Check that an operation has as many inputs as it takes.

    Raises
    ------
    SpecError
    """
    wanted = len(operation.inputs)
    if len(headers) == wanted or (operation.variadic and len(headers) > wanted):
        return
    takes = "one input or more" if operation.variadic else f"{wanted} input{'s' * (wanted != 1)}"
    raise SpecError(
        f"{operation.name} takes {takes}",
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


def _moves(draft: Draft, headers: Sequence[ArrayHeader], device: DeviceKind) -> Moves:
    """Return what an operation says it moves, and else that all it reads is copied once."""
    moves = draft.moves
    if device == "cuda" and not draft.stage.on_host and not moves.to_device_bytes:
        moves = replace(moves, to_device_bytes=draft.read_bytes, from_device_bytes=draft.output.nbytes)
    fewest = max(moves.least_in_bytes, sum(header.nbytes for header in headers))
    return replace(moves, least_in_bytes=min(fewest, draft.read_bytes))

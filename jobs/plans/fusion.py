"""Elementwise steps taken into the steps that read their results, which are then computed as they are read.

A step is taken in where it is elementwise, its result is no output of the job, and all who read it read it about once:
then its inputs are read instead of its result, which is never written. The answer keeps its bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..blocks import region_shape
from ..rates.forecast import Load, forecast
from ..rates.workers import Rates, rates_of
from ..stages.shapes import ConstantStage, ContractStage, MapStage
from .chain_plan import Fusion, PlannedStep
from .planning import Plan

__all__ = ["fuse"]

_MOST_READERS = 3
"""So many steps compute it anew, each as it reads it: to write a result and to read it again costs about as much."""
_MOST_READS = 1.5
_MOST_PANEL_READS = 2.5
"""A product multiplies for so long that an elementwise function of a panel costs it little."""


def fuse(
    steps: Sequence[PlannedStep],
    outputs: Sequence[str],
    *,
    rates: Callable[[np.dtype[Any]], Rates] | None = None,
) -> tuple[PlannedStep, ...]:
    """Return the steps that are left when those that can be are taken into others.

    Parameters
    ----------
    steps : sequence of PlannedStep
        In their order.
    outputs : sequence of str
        The names of steps whose results are outputs of the job.
    rates : callable, optional
        Rates for a dtype, from which seconds are predicted anew.
    """
    kept: list[PlannedStep] = []
    taken: dict[str, Fusion] = {}
    for place, step in enumerate(steps):
        own = {name: taken[name] for name in step.inputs if name in taken}
        fused = replace(step, fused=own, plan=_with_fused(step, own, rates))
        readers = [later for later in steps[place + 1 :] if step.name in later.inputs]
        is_worth_it = 0 < len(readers) <= _MOST_READERS and all(map(_reads_once, readers))
        if step.name not in outputs and _is_elementwise(step.plan) and is_worth_it:
            taken[step.name] = Fusion(step.name, fused.inputs, fused.plan, own)
        else:
            kept.append(fused)
    return tuple(kept)


def _is_elementwise(plan: Plan) -> bool:
    stage = plan.stage
    return isinstance(stage, MapStage) and stage.layout is None and getattr(stage.kernel, "is_elementwise", False)


def _reads_once(step: PlannedStep) -> bool:
    stage = step.plan.stage
    if isinstance(stage, ConstantStage):
        return False
    most = _MOST_PANEL_READS if isinstance(stage, ContractStage) else _MOST_READS
    return _n_reads(step.plan) <= most


def _n_reads(plan: Plan) -> float:
    """Return how often the inputs are read, on average."""
    return plan.read_bytes / max(sum(header.nbytes for header in plan.inputs), 1)


def _with_fused(step: PlannedStep, fused: dict[str, Fusion], rates: Callable[[np.dtype[Any]], Rates] | None) -> Plan:
    """Return the plan of a step that reads the inputs of other steps instead of their results."""
    plan = step.plan
    if not fused:
        return plan
    n_reads, read_bytes, flops, host_bytes = _n_reads(plan), plan.read_bytes, plan.flops, plan.task_host_bytes
    core_s = plan.core_s
    for number, name in enumerate(step.inputs):
        if (taken := fused.get(name)) is not None:
            read_bytes += round(n_reads * (taken.plan.read_bytes - taken.plan.write_bytes))
            flops += round(n_reads * taken.plan.flops)
            core_s += n_reads * taken.plan.core_s
            itemsizes = sum(header.dtype.itemsize for header in (*taken.plan.inputs, taken.plan.output))
            host_bytes += _piece_elements(plan, number) * itemsizes + _temporaries(taken)
    moves = replace(plan.moves, least_in_bytes=min(read_bytes, plan.moves.least_in_bytes))
    limits = plan.limits
    predict_from = (rates or partial(rates_of, limits.device, limits.precision))(plan.output.dtype)
    n_busy = max(min(plan.n_workers, plan.n_blocks), 1)
    predicted = forecast(Load(read_bytes, plan.write_bytes, flops, moves, core_s), predict_from, n_busy)
    return replace(
        plan,
        read_bytes=read_bytes,
        flops=flops,
        core_s=core_s,
        task_host_bytes=host_bytes,
        moves=moves,
        seconds=predicted.seconds,
        edges_s=predicted.edges_s,
        least_s=predicted.least_s,
    )


def _temporaries(taken: Fusion) -> int:
    assert isinstance(taken.plan.stage, MapStage)
    return taken.plan.stage.temporaries


def _piece_elements(plan: Plan, number: int) -> int:
    """Return how many elements of an input are read at once."""
    stage = plan.stage
    if isinstance(stage, ContractStage):
        *batch, rows, columns = stage.pieces or stage.grid.chunks[:-1]
        return math.prod(batch) * (rows, columns)[number] * stage.slab
    if isinstance(stage, MapStage):
        piece = tuple((0, min(n, length)) for n, length in zip(stage.pieces, stage.grid.shape, strict=True))
        return math.prod(region_shape(stage.operand_regions(piece)[number]))
    assert not isinstance(stage, ConstantStage)
    return math.prod(stage.pieces)

"""Outputs of operations in memory, made by every step of a job but files and processes, and what is found of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from in_process_jobs import plan_arrays, run_chain_plan, run_plan
from numpy.typing import NDArray

from arraymill.jobs.arrays import MemorySource
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.chain_plan import ChainPlan
from arraymill.jobs.verification import Finding, Problem, check_problem, make_problem

Arrays = Sequence[NDArray[Any]]


def outputs_of(name: str, arrays: Arrays, params: dict[str, Any], **limits: Any) -> dict[str, NDArray[Any]]:
    """Return the outputs of an operation by their names."""
    plan = plan_arrays(name, arrays, params, **limits)
    if isinstance(plan, ChainPlan):
        return run_chain_plan(plan, arrays)
    return {"": run_plan(plan, arrays)}


def problem_of(
    name: str, arrays: Arrays, params: dict[str, Any], made: dict[str, NDArray[Any]], **settings: Any
) -> Problem:
    """Return arrays, and what is said to be made of them, as a problem."""
    sources = [MemorySource(letter, array) for letter, array in zip("abcdef", arrays, strict=False)]
    outputs = {output: MemorySource(output or "out", array) for output, array in made.items()}
    return make_problem(OPERATIONS[name], sources, params, outputs, **settings)


def check(
    name: str, arrays: Arrays, params: dict[str, Any], made: dict[str, NDArray[Any]], **settings: Any
) -> list[Finding]:
    """Return what is found of outputs."""
    return check_problem(problem_of(name, arrays, params, made, **settings))


def spoiled(x: NDArray[Any], index: tuple[int, ...]) -> NDArray[Any]:
    """Return a copy with one element made another by a flip of its highest bit; a zero, which has no sign, made 1."""
    copy = np.array(x)
    if not copy[index]:
        copy[index] = 1
        return copy
    raw = bytearray(np.asarray(copy[index]).tobytes())
    highest = x.dtype.itemsize // (2 if x.dtype.kind == "c" else 1) - 1
    raw[highest] ^= 1 if x.dtype.kind == "b" else 0x80
    copy[index] = np.frombuffer(bytes(raw), x.dtype)[0]
    return copy

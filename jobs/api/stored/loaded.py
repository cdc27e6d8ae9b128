"""The outputs of a job that is done: where they are, and how to open them in the way of their formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...arrays import OutputOptions, load_output, open_source
from ...headers import ArrayHeader
from ...output_names import output_beside
from ...plans.chain_plan import ChainPlan
from ...store import JobFolder, read_own, read_state
from ..formats import options_of
from ..outcome import Outcome, named
from .creation import read_spec

__all__ = ["StoredOutput", "load_result", "stored_outputs", "with_arrays"]


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """An output of a job that is done.

    Parameters
    ----------
    name : str
        Of several outputs; "" where there is one.
    header : ArrayHeader
        Named after the path of the output.
    is_kept : bool
        No output was named: it is kept with the job.
    options : OutputOptions
    """

    name: str
    header: ArrayHeader
    is_kept: bool
    options: OutputOptions

    @property
    def path(self) -> str:
        """Where it is; behind ``::`` the array in a file of several."""
        return self.header.name


def stored_outputs(folder: JobFolder) -> tuple[StoredOutput, ...]:
    """Return the outputs of a job, the main one first, from its records alone.

    Raises
    ------
    JobError
        If the records are gone.
    InputError
        If they do not say what an output is, and it is gone, too.
    """
    path, plan = read_state(folder).output, read_own(folder).plan
    if plan is None:
        # of another version: the file says what it is
        at = str(folder.result) if path is None else path
        return (StoredOutput("", open_source(at).header, path is None, OutputOptions()),)
    options = options_of(read_spec(folder).output)
    if "steps" not in plan:
        at = str(folder.result) if path is None else path
        return (StoredOutput("", _header(at, plan["output"]), path is None, options),)
    numbers = {step["name"]: number for number, step in enumerate(plan["steps"])}
    found: list[StoredOutput] = []
    for name, step in plan["outputs"]:
        at = str(folder.step(numbers[step], step).result) if path is None else output_beside(path, name)
        at = path if path is not None and not found else at
        header = _header(at, plan["steps"][numbers[step]]["output"])
        found.append(StoredOutput(name if len(plan["outputs"]) > 1 else "", header, path is None, options))
    return tuple(found)


def load_result(folder: JobFolder) -> Any:
    """Return the result of a job that is done.

    Returns
    -------
    An array or a NumPy scalar where no output was named; else the output, read-only: a memory map of a ``.npy``, a
    `zarr.Array`, an `h5py.Dataset`, or for all other formats an ndarray. Of several outputs a named tuple of these.

    Raises
    ------
    JobError
        If the records of the job are gone.
    OSError, ValueError
        If the output is gone, or is not what was written.
    """
    outputs = stored_outputs(folder)
    return named([output.name for output in outputs], [_load(output) for output in outputs])


def with_arrays(outcome: Outcome, folder: JobFolder) -> Outcome:
    """Return the outcome of a stored job with its results, where no output was named and they are kept with the job."""
    plan = outcome.plan
    if outcome.path is not None:
        return outcome
    if not isinstance(plan, ChainPlan):
        return replace(outcome, value=np.load(folder.result, allow_pickle=False))
    numbers = {step.name: number for number, step in enumerate(plan.steps)}
    found = {
        name: np.load(folder.step(numbers[step], step).result, allow_pickle=False) for name, step in plan.outputs
    }
    return replace(outcome, value=found.pop(plan.outputs[0][0]), others=found)


def _load(output: StoredOutput) -> Any:
    if output.is_kept:
        return np.load(output.path, allow_pickle=False)[()]
    return load_output(output.path, output.header, output.options)


def _header(path: str, record: Mapping[str, Any]) -> ArrayHeader:
    return ArrayHeader(path, tuple(record["shape"]), np.dtype(record["dtype"]), record["order"])

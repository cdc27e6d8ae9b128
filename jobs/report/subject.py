"""What a job was: its arrays, its parameters, its steps and its moments, as rows of words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ..durations import format_seconds
from ..engine import BlockRecord
from ..output_names import output_beside
from ..sizes import format_bytes
from ..store import JobState, Settled

__all__ = ["ArrayRow", "array_rows", "moment_rows", "parameter_rows", "step_rows"]


@dataclass(frozen=True, slots=True)
class ArrayRow:
    """An input or an output.

    Parameters
    ----------
    role : str
        "input" or "output", with its name or number where there are several.
    where, shape, dtype, size : str
    """

    role: str
    where: str
    shape: str
    dtype: str
    size: str


def array_rows(plan: Mapping[str, Any], output: str | None) -> tuple[ArrayRow, ...]:
    """Return the inputs and the outputs of a job.

    Parameters
    ----------
    plan : mapping
        The ledger's plan record.
    output : str or None
        Where the main output goes; None if it is kept with the job.

    Examples
    --------
    >>> header = {"name": "x.npy", "shape": [4, 3], "dtype": "<f4", "order": "F", "nbytes": 48}
    >>> array_rows({"inputs": [header], "output": header}, "/out/y.npy")[0]
    ArrayRow(role='input', where='x.npy', shape='4 x 3', dtype='float32, F order', size='48 B')
    """
    inputs = plan["inputs"]
    rows = [
        _row(f"input {number}" if len(inputs) > 1 else "input", header["name"], header)
        for number, header in enumerate(inputs, 1)
    ]
    for number, (name, header) in enumerate(_outputs(plan)):
        # the first is the main one
        where = output_beside(output, name) if output is not None and number else output
        rows.append(_row(f"output {name}".strip(), where or "kept with the job", header))
    return tuple(rows)


def _outputs(plan: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the names and headers of the outputs; of a single one the name is "" ."""
    headers = {step["name"]: step["output"] for step in plan.get("steps", ())}
    named = plan.get("outputs") or [["", ""]]
    for name, step in named:
        yield name, headers.get(step, plan["output"])


def _row(role: str, where: str, header: Mapping[str, Any]) -> ArrayRow:
    dtype = str(header["dtype"])
    with suppress(TypeError):
        dtype = np.dtype(dtype).name
    is_fortran = header["order"] == "F" and len(header["shape"]) > 1
    return ArrayRow(
        role,
        where,
        " x ".join(map(str, header["shape"])) or "scalar",
        f"{dtype}, F order" if is_fortran else dtype,
        format_bytes(header["nbytes"]),
    )


def parameter_rows(plan: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return names and values of the parameters, apart from those that are None.

    >>> parameter_rows({"params": {"axis": 0, "dtype": None, "keepdims": False}})
    (('axis', '0'), ('keepdims', 'false'))
    """
    return tuple(
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in plan["params"].items()
        if value is not None
    )


def moment_rows(state: JobState) -> tuple[tuple[str, str], ...]:
    """Return when a job was created, begun and ended, in UTC; what is not known is left out.

    >>> moment_rows(JobState("RUNNING", created_s=1.7e9))
    (('created', '2023-11-14 22:13:20 UTC'),)
    """
    moments = {"created": state.created_s, "started": state.started_s, "ended": state.ended_s}
    return tuple((label, said) for label, at_s in moments.items() if (said := _moment(at_s)))


def _moment(at_s: float | None) -> str:
    with suppress(OverflowError, ValueError, OSError):
        return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S} UTC" if at_s else ""
    return ""


def step_rows(
    plan: Mapping[str, Any], settled: Settled, records: Mapping[int, BlockRecord]
) -> tuple[tuple[str, ...], ...]:
    """Return the steps of a job of several, headings first; () for a job of one.

    Parameters
    ----------
    plan : mapping
        The ledger's plan record.
    settled : Settled
        The blocks of all steps, each with the name of its step.
    records : mapping of int to BlockRecord
        The same blocks.
    """
    steps = plan.get("steps", ())
    if not steps:
        return ()
    own = {step["name"]: _of_step(settled, records, step["name"]) for step in steps}
    rows = [
        (
            step["name"],
            step["operation"],
            f"{len(own[step['name']])} of {step['n_blocks']}",
            format_seconds(sum(record.wall_s for record in own[step["name"]])),
            format_bytes(sum(record.bytes_read for record in own[step["name"]])),
            format_bytes(sum(record.bytes_written for record in own[step["name"]])),
        )
        for step in steps
    ]
    return (("step", "operation", "blocks done", "in blocks", "read", "written"), *rows)


def _of_step(settled: Settled, records: Mapping[int, BlockRecord], name: str) -> Sequence[BlockRecord]:
    return [records[block] for block, record in settled.done.items() if record.get("step") == name]

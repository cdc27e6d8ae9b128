"""A result as text in full precision, and as a JSON document."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..api import Outcome
from ..durations import format_seconds
from ..sizes import format_bytes
from ..spec.job_spec import JobSpec
from .plan_view import header_text
from .terminal import escape

__all__ = [
    "LARGEST_PRINTED",
    "as_json_value",
    "outcome_arrays",
    "outcome_record",
    "receipt_line",
    "result_lines",
    "result_text",
]

LARGEST_PRINTED = 1000
"""Elements; a larger result needs a file."""


def result_text(result: NDArray[Any]) -> str:
    """Return an array as NumPy prints it, whole and in full precision: what is printed can be read back exactly.

    Examples
    --------
    >>> import numpy as np
    >>> result_text(np.array(0.1 + 0.2)), result_text(np.arange(3, dtype="f4") / 3)
    ('0.30000000000000004', '[0.         0.33333334 0.6666667 ]')
    """
    if result.ndim == 0:
        return str(result[()])
    return np.array2string(result, threshold=sys.maxsize, floatmode="unique", max_line_width=100)


def result_lines(outcome: Outcome) -> list[str]:
    """Return what a job made for its user to read: paths, or small results; of several outputs each with its name."""
    main = outcome.value if outcome.path is None else outcome.path
    if not outcome.others:
        return [_shown(main)]
    if outcome.path is not None:
        return [_shown(each) for each in (main, *outcome.others.values())]
    return [_labelled(name, _shown(value)) for name, value in outcome_arrays(outcome).items()]


def outcome_arrays(outcome: Outcome) -> dict[str, NDArray[Any]]:
    """Return the arrays of a job without an output file, by their names, the main one first."""
    (main, *_) = [name for name, _ in getattr(outcome.plan, "outputs", ())] or ["result"]
    return {main: np.asarray(outcome.value)} | {name: np.asarray(other) for name, other in outcome.others.items()}


def _shown(result: NDArray[Any] | Path | None) -> str:
    return str(result) if isinstance(result, Path) else result_text(np.asarray(result))


def _labelled(name: str, text: str) -> str:
    return f"{name}:\n{text}" if "\n" in text else f"{name}: {text}"


def as_json_value(result: NDArray[Any]) -> Any:
    """Return an array as nested lists; what JSON has no number for is text: "nan", "inf", "1+2j".

    Examples
    --------
    >>> import numpy as np
    >>> as_json_value(np.array([1.5, np.nan])), as_json_value(np.array(True))
    ([1.5, 'nan'], True)
    """
    if result.dtype.kind in "biu" or (result.dtype.kind == "f" and np.isfinite(result).all()):
        return result.tolist()
    return _plain(result.tolist())


def receipt_line(outcome: Outcome) -> str:
    """Return what a job made, in one line: array, blocks, time, rate, place."""
    n_bytes = sum(record.bytes_read + record.bytes_written for record in outcome.records)
    n_blocks = len(outcome.records)
    parts = [
        header_text(outcome.plan.output),
        f"{n_blocks} block{'s' * (n_blocks != 1)} in {format_seconds(outcome.seconds)}",
        f"{format_bytes(n_bytes / max(outcome.seconds, 1e-9))}/s",
        _place(outcome),
    ]
    where = f"{escape(str(outcome.path))}: " if outcome.path else ""
    return where + "; ".join(parts)


def _place(outcome: Outcome) -> str:
    device = "GPU" if outcome.place.device == "cuda" else "CPU"
    if outcome.place.kind == "inline":
        return f"{device}, in this process"
    workers = f"{outcome.n_workers} worker{'s' * (outcome.n_workers != 1)}"
    return f"{device}, {workers} (started in {format_seconds(outcome.start_s)})"


def outcome_record(job: JobSpec, outcome: Outcome) -> dict[str, Any]:
    """Return a finished job as a JSON document."""
    output = outcome.plan.output
    return {
        "schema": 1,
        "job": outcome.job_id or None,
        "name": job.name,
        "operation": job.op,
        "output": None if outcome.path is None else str(outcome.path),
        "value": None if outcome.value is None else as_json_value(np.asarray(outcome.value)),
        "shape": list(output.shape),
        "dtype": output.dtype.str,
        "device": outcome.place.device,
        "cluster": outcome.place.kind,
        "reason": outcome.place.reason,
        "n_workers": outcome.n_workers,
        "n_blocks": len(outcome.records),
        "bytes_read": sum(record.bytes_read for record in outcome.records),
        "bytes_written": sum(record.bytes_written for record in outcome.records),
        "seconds": outcome.seconds,
        "start_s": outcome.start_s,
        "predicted_s": outcome.plan.predicted_s,
        "others": [{"name": name, **_other_record(each)} for name, each in outcome.others.items()],
    }


def _other_record(result: NDArray[Any] | Path) -> dict[str, Any]:
    if isinstance(result, Path):
        return {"output": str(result), "value": None}
    return {"output": None, "value": as_json_value(np.asarray(result))}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, complex):
        return str(value).strip("()")
    return value if value == value and abs(value) != float("inf") else str(value)

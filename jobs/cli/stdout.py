"""``-o -``: a small result on stdout, as ``.npy`` for a program to read, or as lines of text on a terminal."""

from __future__ import annotations

import io
import sys
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..plans.chain_plan import AnyPlan, ChainPlan
from ..sizes import format_bytes
from ..spec.job_spec import JobSpec
from .plan_view import header_text
from .result_view import result_text
from .streams import to_stdout

__all__ = ["check_small", "is_to_stdout", "kept_in_store", "lines_of", "write_arrays"]

STDOUT = "-"
LARGEST_BYTES = 64 << 20


def is_to_stdout(job: JobSpec) -> bool:
    """Return whether a job's result goes to stdout."""
    return job.output is not None and job.output.path == STDOUT


def kept_in_store(job: JobSpec) -> JobSpec:
    """Return a job whose result goes to stdout as one without an output: until it is written it is kept in the store.

    Raises
    ------
    SpecError
        If it is said how the result is to be stored.
    """
    assert job.output is not None
    said = [name for name in ("chunks", "compression", "columns") if getattr(job.output, name) is not None]
    if said:
        raise SpecError(
            f"output.{said[0]} is said of a result on stdout",
            cause="-o - writes .npy, or plain lines on a terminal",
            next="name a file, or leave it out",
        )
    return job.model_copy(update={"output": None})


def check_small(job: JobSpec, plan: AnyPlan) -> None:
    """Check, before work starts, that results are small enough to pass through memory and a pipe.

    Raises
    ------
    SpecError
    """
    headers = [plan.header_of(name) for name, _ in plan.outputs] if isinstance(plan, ChainPlan) else [plan.output]
    largest = max(headers, key=lambda header: header.nbytes)
    if largest.nbytes > LARGEST_BYTES:
        raise SpecError(
            f"the result is too large for stdout: {header_text(largest)}",
            cause=f"it has {format_bytes(largest.nbytes)}; up to {format_bytes(LARGEST_BYTES)} are written",
            safe="nothing was read or written",
            next=f"name a file: -o {job.op}.npy",
        )


def write_arrays(arrays: dict[str, NDArray[Any]]) -> None:
    """Write arrays to stdout, one after another, each as a ``.npy`` file.

    `numpy.load` goes back in its file, which a pipe cannot: ``numpy.load(io.BytesIO(sys.stdin.buffer.read()))``.

    Parameters
    ----------
    arrays : dict of str to ndarray
        By their names, which a terminal shows if there are several.
    """
    if not sys.stdout.isatty():
        with to_stdout():
            sys.stdout.flush()
            for array in arrays.values():
                sys.stdout.buffer.write(_npy_of(np.asarray(array)))
            sys.stdout.buffer.flush()
        return
    for name, array in arrays.items():
        if len(arrays) > 1:
            click.echo(f"# {name}")
        click.echo(lines_of(np.asarray(array)), nl=False)


def _npy_of(array: NDArray[Any]) -> memoryview:
    # NumPy writes to a real file past Python, and of a pipe whose reader has gone it says nothing but "0 written"
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    return file.getbuffer()


def lines_of(array: NDArray[Any]) -> str:
    """Return an array as lines: rows of numbers between commas, where that says all.

    >>> lines_of(np.array([[1.5, 2], [3, 4]])), lines_of(np.array(0.1))
    ('1.5,2.0\\n3.0,4.0\\n', '0.1\\n')
    """
    if array.ndim not in (1, 2) or array.dtype.kind == "c" or array.dtype.names is not None:
        return result_text(array) + "\n"
    from ..arrays.csv.packer import table_text  # for terminals alone

    return table_text(array.reshape(len(array), -1) if array.size else array.reshape(0, 1), ",")

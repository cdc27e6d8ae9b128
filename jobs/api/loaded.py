"""The result of a job that is done, opened for reading in the way of its format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..arrays import load_output
from ..headers import ArrayHeader
from ..store import JobFolder, read_settled, read_state
from .outputs import options_of
from .submission import read_spec

__all__ = ["load_result", "recorded_header"]


def load_result(folder: JobFolder) -> Any:
    """Return the result of a job that is done.

    Returns
    -------
    An array or a NumPy scalar where no output was named; else the output, read-only: a memory map of a ``.npy``, a
    `zarr.Array`, an `h5py.Dataset`, or for all other formats an ndarray.

    Raises
    ------
    JobError
        If the records of the job are gone.
    OSError, ValueError
        If the output is gone, or is not what was written.
    """
    path, settled = read_state(folder).output, read_settled(folder)
    if path is None or settled.plan is None:
        return np.load(folder.result, allow_pickle=False)[()]
    return load_output(path, recorded_header(path, settled.plan), options_of(read_spec(folder).output))


def recorded_header(path: str, plan: Mapping[str, Any]) -> ArrayHeader:
    """Return the header of a job's main output, as its plan has it."""
    output = plan["output"]
    return ArrayHeader(path, tuple(output["shape"]), np.dtype(output["dtype"]), output["order"])

"""The table of file formats that are written; `input_formats.py` has that of those which are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..blocks import Shape
from ..errors import OutputError
from ..headers import Order
from .npy_adoption import adopt_npy, was_npy_published
from .npy_output import create_npy
from .source import Output, Source

__all__ = ["FORMATS", "Format", "adopt_output", "create_output", "was_published"]


@dataclass(frozen=True, slots=True)
class Format:
    """A file format that arrays are written to.

    Parameters
    ----------
    suffix : str
        Of output files; inputs are told by their content.
    create_output, adopt_output, was_published : callable
        What the functions of these names below do for the format.
    """

    suffix: str
    create_output: Callable[..., Output]
    adopt_output: Callable[..., Output]
    was_published: Callable[..., bool]


FORMATS = (Format(".npy", create_npy, adopt_npy, was_npy_published),)


def create_output(
    path: str | os.PathLike[str],
    shape: Shape,
    dtype: np.dtype[Any],
    order: Order,
    *,
    replace: bool,
    inputs: Sequence[Source],
) -> Output:
    """Return a new output, whose whole size is reserved on disk under a temporary name beside `path`.

    Parameters
    ----------
    path : path-like
        The final name; its suffix says the format.
    shape : tuple of int
    dtype : numpy.dtype
    order : {"C", "F"}
        The memory order of the file.
    replace : bool
        True: a file of that name is replaced, when the new one is whole.
    inputs : sequence of Source
        What must not be overwritten.

    Raises
    ------
    OutputError
        If the output exists, is an input, or cannot be created there; if the disk is too small.
    OutputLockedError
        If another run writes it.
    """
    return _format_of(path).create_output(path, shape, dtype, order, replace=replace, inputs=inputs)


def adopt_output(
    path: str | os.PathLike[str],
    shape: Shape,
    dtype: np.dtype[Any],
    order: Order,
    *,
    replace: bool,
    info: Mapping[str, Any] | None = None,
    inputs: Sequence[Source] = (),
) -> Output:
    """Return the output that an earlier run of the same job left unpublished, with all that was written to it.

    It may have been published already but for the temporary name, which `publish` then removes.

    Parameters
    ----------
    path, shape, dtype, order, replace, inputs
        As they were given to `create_output`.
    info : mapping, optional
        What `Output.info` returned then. Without it, the file of another job with an output of the same name, shape
        and dtype would be taken for this job's.

    Raises
    ------
    OutputError
        If there is none, or it is another file; if the final name is taken and `replace` is False. Nothing was touched.
    OutputLockedError
        If another run writes it.
    """
    found = _format_of(path)
    return found.adopt_output(path, shape, dtype, order, replace=replace, info=info, inputs=inputs)


def was_published(
    path: str | os.PathLike[str], shape: Shape, dtype: np.dtype[Any], order: Order, *, info: Mapping[str, Any]
) -> bool:
    """Return whether the output of an earlier run has its final name; if so, what its publication left to do is done.

    Parameters
    ----------
    path, shape, dtype, order
        As they were given to `create_output`.
    info : mapping
        What `Output.info` returned then: the final name may belong to an older file of the same shape.

    Raises
    ------
    OutputLockedError
        If another run is publishing it.
    JobError
        If the disk fails.
    """
    return _format_of(path).was_published(path, shape, dtype, order, info=info)


def _format_of(path: str | os.PathLike[str]) -> Format:
    suffix = Path(path).suffix
    for known in FORMATS:
        if suffix == known.suffix:
            return known
    raise OutputError(
        f"{os.fspath(path)}: outputs of this kind are not written",
        cause=f"its name ends in {suffix!r}; allowed: {', '.join(known.suffix for known in FORMATS)}",
        next="give the output a name that ends in .npy",
    )

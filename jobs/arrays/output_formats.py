"""The table of file formats that are written: ``.npy`` by many processes at once, all others packed from one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace as replaced
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..blocks import Shape
from ..errors import OutputError
from ..headers import ArrayHeader, Order
from .locations import is_url, locate
from .npy.adoption import adopt_npy, was_npy_published
from .npy.output import create_npy, output_header
from .output_checks import check_destination
from .output_options import OutputOptions, refuse_options
from .source import Output, Source

if TYPE_CHECKING:
    from .packed.packing import Packer

__all__ = [
    "OUTPUT_SUFFIXES",
    "adopt_output",
    "check_format",
    "check_output",
    "create_output",
    "load_output",
    "was_published",
]

PLAIN = OutputOptions()

_NPY = ".npy"

OUTPUT_SUFFIXES = (_NPY, ".npz", ".zarr", ".h5", ".hdf5", ".csv", ".tsv", ".parquet")
"""What the names of outputs end in."""


def create_output(
    path: str | os.PathLike[str],
    shape: Shape,
    dtype: np.dtype[Any],
    order: Order,
    *,
    replace: bool,
    inputs: Sequence[Source],
    options: OutputOptions = PLAIN,
) -> Output:
    """Return a new output, whose whole size is reserved on disk under a temporary name beside `path`.

    Parameters
    ----------
    path : path-like
        The final name; its suffix says the format. ``out.h5::name`` says how the array is called in a file of several.
    shape : tuple of int
    dtype : numpy.dtype
    order : {"C", "F"}
        The memory order of the file.
    replace : bool
        True: a file of that name is replaced, when the new one is whole.
    inputs : sequence of Source
        What must not be overwritten.
    options : OutputOptions
        Its member is taken from the path.

    Raises
    ------
    OutputError
        If the output exists, is an input, or cannot be created there; if the disk is too small.
    OutputLockedError
        If another run writes it.
    """
    packer, header, options = _place_of(path, shape, dtype, order, options)
    if packer is None:
        return create_npy(header.name, shape, dtype, order, replace=replace, inputs=inputs)
    from .packed.output import create_packed

    return create_packed(packer, header, options, replace=replace, inputs=inputs)


def adopt_output(
    path: str | os.PathLike[str],
    shape: Shape,
    dtype: np.dtype[Any],
    order: Order,
    *,
    replace: bool,
    info: Mapping[str, Any] | None = None,
    inputs: Sequence[Source] = (),
    options: OutputOptions = PLAIN,
) -> Output:
    """Return the output that an earlier run of the same job left unpublished, with all that was written to it.

    It may have been published already but for the temporary name, which `publish` then removes.

    Parameters
    ----------
    path, shape, dtype, order, replace, inputs, options
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
    packer, header, options = _place_of(path, shape, dtype, order, options)
    if packer is None:
        return adopt_npy(header.name, shape, dtype, order, replace=replace, info=info, inputs=inputs)
    from .packed.adoption import adopt_packed

    return adopt_packed(packer, header, options, replace=replace, info=info, inputs=inputs)


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
    packer, header, _ = _place_of(path, shape, dtype, order, PLAIN)
    if packer is None:
        return was_npy_published(header.name, shape, dtype, order, info=info)
    from .packed.adoption import was_packed_published

    return was_packed_published(packer, header, info=info)


def check_output(path: str | os.PathLike[str], *, replace: bool, inputs: Sequence[Source]) -> Path:
    """Return the absolute path of an output's file, after a check that it may be created there; nothing is.

    Parameters
    ----------
    path, replace, inputs
        As for `create_output`.

    Raises
    ------
    OutputError
    """
    packer, header, _ = _place_of(path, (), np.dtype("f8"), "C", PLAIN)
    if packer is None:
        return check_destination(header.name, replace=replace, inputs=inputs)
    from .packed.output import checked_place

    return checked_place(packer, header, replace=replace, inputs=inputs)()


def check_format(path: str | os.PathLike[str], header: ArrayHeader, options: OutputOptions = PLAIN) -> None:
    """Check that the format of an output holds such an array, and has such options.

    Raises
    ------
    OutputError
    """
    packer, header, options = _place_of(path, header.shape, header.dtype, header.order, options)
    if header.dtype.names is not None:
        # what one step of a job hands to the next is not checked here
        raise OutputError(
            f"{header.name}: outputs hold no records", cause=f"dtype {header.dtype}", next="write each field by itself"
        )
    if packer is not None:
        packer.check(header, options)


def load_output(path: str | os.PathLike[str], header: ArrayHeader, options: OutputOptions = PLAIN) -> Any:
    """Return a published output, opened for reading.

    Parameters
    ----------
    path : path-like
    header : ArrayHeader
        What it was written with.
    options : OutputOptions

    Returns
    -------
    A read-only memory map of a ``.npy``, a `zarr.Array`, an `h5py.Dataset`, or for all others an ndarray.

    Raises
    ------
    OSError, ValueError
        If it is not what was written any more.
    """
    packer, header, options = _place_of(path, header.shape, header.dtype, header.order, options)
    if packer is None:
        return np.load(header.name, mmap_mode="r", allow_pickle=False)
    return packer.load(Path(header.name), header, options)


def _place_of(
    path: str | os.PathLike[str], shape: Shape, dtype: np.dtype[Any], order: Order, options: OutputOptions
) -> tuple[Packer | None, ArrayHeader, OutputOptions]:
    """Return the packer (None: ``.npy``), the header, named after the file, and the options with the member's name."""
    location = locate(os.fspath(path))
    suffix = Path(location.file).suffix
    if is_url(location.file) or suffix not in OUTPUT_SUFFIXES:
        kind = "outputs are written to local files" if is_url(location.file) else f"its name ends in {suffix!r}"
        raise OutputError(
            f"{location.name}: outputs of this kind are not written",
            cause=f"{kind}; allowed: {', '.join(OUTPUT_SUFFIXES)}",
            next="give the output a name that ends in .npy",
        )
    header = output_header(location.file, shape, dtype, order)
    options = replaced(options, member=location.member)
    if suffix == _NPY:
        refuse_options(header, options, compressions=("none",))
        return None, header, options
    from .packed.packers import PACKERS

    return PACKERS[suffix], header, options

"""Regions of sources as arrays: a view where there is one, else read into a buffer of the workspace."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..arrays import Reader
from ..blocks import Region, region_shape
from ..headers import ArrayHeader
from ..workspace import Workspace
from .clock import Clock

__all__ = ["read_region"]


def read_region(
    reader: Reader,
    header: ArrayHeader,
    region: Region,
    *,
    name: str,
    workspace: Workspace,
    clock: Clock,
    is_packed: bool = False,
    is_kept: bool = False,
) -> NDArray[Any]:
    """Return a region in native byte order, to be read only; it holds until buffer `name` is taken again.

    Parameters
    ----------
    reader : Reader
    header : ArrayHeader
        Of the reader's source.
    region : Region
    name : str
        The buffer to read into.
    is_packed : bool
        The array has to be contiguous in the memory order of the header.
    is_kept : bool
        It will be looked at many times.
    """
    native = header.dtype.newbyteorder("=")
    with clock.step("read"):
        view = reader.view(region, is_kept=is_kept)
        if view is not None and view.dtype == native and view.dtype.isnative and (not is_packed or _is_packed(view)):
            clock.bytes_read += view.nbytes
            return view
        out = workspace.take(name, region_shape(region), native, header.order)
        clock.bytes_read += reader.read(region, out)
        return out


def _is_packed(view: NDArray[Any]) -> bool:
    return bool(view.flags.c_contiguous or view.flags.f_contiguous)

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
    reader: Reader, header: ArrayHeader, region: Region, *, name: str, workspace: Workspace, clock: Clock
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
    """
    native = header.dtype.newbyteorder("=")
    with clock.step("read"):
        view = reader.view(region)
        if view is not None and view.dtype == native and view.dtype.isnative:
            clock.bytes_read += view.nbytes
            return view
        out = workspace.take(name, region_shape(region), native, header.order)
        clock.bytes_read += reader.read(region, out)
        return out

"""The pieces of a block as arrays, many of them out of one view: what a view costs is not paid for each piece."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from numpy.typing import NDArray

from ..arrays import Reader
from ..arrays.source import view_of
from ..blocks import Region, region_shape
from ..headers import ArrayHeader
from ..workspace import Workspace
from .clock import Clock
from .regions import read_region

__all__ = ["packed_pieces", "spans_of"]

_SPAN_BYTES = 32 << 20
"""Of one view: so much is brought into memory at once, and read ahead from a slow disk."""


def spans_of(regions: Sequence[Region], itemsize: int) -> list[list[Region]]:
    """Return regions in runs of neighbours, so long that a view of each run is worth its cost.

    Parameters
    ----------
    regions : sequence of Region
        In the order in which they are wanted.
    itemsize : int
        Bytes of an element.

    Examples
    --------
    >>> spans_of([((0, 2), (0, 4)), ((2, 4), (0, 4)), ((4, 5), (0, 4))], itemsize=2 << 20)
    [[((0, 2), (0, 4)), ((2, 4), (0, 4))], [((4, 5), (0, 4))]]
    """
    spans: list[list[Region]] = []
    n_elements = 0
    for region in regions:
        size = _size(region)
        joined = [*spans[-1], region] if spans else [region]
        n_joined = n_elements + size
        if spans and _size(_hull(joined)) == n_joined and n_joined * itemsize <= _SPAN_BYTES:
            spans[-1].append(region)
        else:
            spans.append([region])
            n_elements = 0
        n_elements += size
    return spans


def packed_pieces(
    reader: Reader, header: ArrayHeader, regions: Sequence[Region], *, workspace: Workspace, clock: Clock
) -> Iterator[tuple[Region, NDArray[Any]]]:
    """Yield each region with its array, contiguous in the header's memory order and in native byte order.

    An array holds until the next is asked for, and is only to be read.

    Parameters
    ----------
    reader : Reader
    header : ArrayHeader
        Of the reader's source.
    regions : sequence of Region
        In the order in which they are wanted.
    """
    spans = spans_of(regions, header.dtype.itemsize)
    for span in spans[:1]:
        reader.expect(_hull(span))
    for span, following in zip_longest(spans, spans[1:]):
        if following is not None:
            reader.expect(_hull(following))
        hull = _hull(span)
        with clock.step("read"):
            whole = reader.view(hull) if header.dtype.isnative else None
        if whole is None or not _is_packed(whole):
            for region in span:
                shared: dict[str, Any] = {"workspace": workspace, "clock": clock}
                yield region, read_region(reader, header, region, name="piece", is_packed=True, **shared)
            continue
        clock.bytes_read += whole.nbytes
        for region in span:
            yield region, view_of(whole, region, origin=hull)


def _hull(regions: Sequence[Region]) -> Region:
    """Return the smallest region that holds all of `regions`."""
    first, last = regions[0], regions[-1]
    return tuple((start, stop) for (start, _), (_, stop) in zip(first, last, strict=True))


def _size(region: Region) -> int:
    return math.prod(region_shape(region))


def _is_packed(array: NDArray[Any]) -> bool:
    return bool(array.flags.c_contiguous or array.flags.f_contiguous)

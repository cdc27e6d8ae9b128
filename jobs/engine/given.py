"""What an earlier stage found, for a reduction that depends on it: small arrays, read whole by each task."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..arrays import Source
from ..blocks import whole_region
from ..stages.kernels import GivenKernel
from ..stages.shapes import ReduceStage
from .clock import Clock

__all__ = ["bind_given"]


def bind_given(
    stage: ReduceStage, sources: tuple[Source, ...], *, clock: Clock
) -> tuple[ReduceStage, tuple[Source, ...]]:
    """Return the stage with its kernel bound to the arrays given, and the sources that are left: those it cuts."""
    n_cut = len(sources) - len(stage.given)
    given = tuple(_read_whole(source, clock) for source in sources[n_cut:])
    kernel = cast(GivenKernel, stage.kernel).bind(given)
    return replace(stage, kernel=kernel, given=()), sources[:n_cut]


def _read_whole(source: Source, clock: Clock) -> NDArray[Any]:
    header = source.header
    array = np.empty(header.shape, header.dtype.newbyteorder("="), order=header.order)
    with clock.step("read"), source.open() as reader:
        clock.bytes_read += reader.read(whole_region(header.shape), array)
    array.flags.writeable = False
    return array

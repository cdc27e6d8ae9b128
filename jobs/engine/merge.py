"""Merges the partials of the blocks of one region, and finishes the region, on the driver."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Region, region_shape
from ..stages.kernels import Partial
from ..stages.shapes import ContractStage, ReduceStage
from .product import round_product

__all__ = ["finish", "merge"]


def merge(stage: ReduceStage | ContractStage, left: Partial, right: Partial) -> Partial:
    """Return the partial of two neighbours; the sums of products are added in float64 or 64-bit integers."""
    if isinstance(stage, ReduceStage):
        return stage.kernel.merge(left, right)
    with np.errstate(all="ignore"):
        return (left[0] + right[0],)


def finish(stage: ReduceStage | ContractStage, partial: Partial, region: Region) -> NDArray[Any]:
    """Return a region of the output from the partial of all its parts."""
    with np.errstate(all="ignore"):
        if isinstance(stage, ReduceStage):
            return stage.kernel.finish(partial).reshape(region_shape(region))
        return round_product(partial[0], stage.result).reshape(region_shape(region))

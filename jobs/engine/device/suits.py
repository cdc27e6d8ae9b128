"""Which stages the engine takes; the others are computed piece by piece as on any backend (`engine/work.py`).

==========  ===========================================================================================
map         all whose output is in C order, seen as the stage sees it
reduce      all
contract    floats that are matrices, or stacks of matrices large enough to be worth a product each;
            not integers, booleans, complex numbers, vectors, stacks in Fortran order
==========  ===========================================================================================
"""

from __future__ import annotations

import math

from ...arrays import Source, Target
from ...stages.shapes import ContractStage, MapStage, ReduceStage
from ..stored import StoredTarget

__all__ = ["suits"]

_SMALLEST_PRODUCT = 1 << 27
"""Multiplications: a smaller one takes less time than starting it; a stack of such is computed at once."""


def suits(
    stage: MapStage | ReduceStage | ContractStage, sources: tuple[Source, ...], target: Target | StoredTarget | None
) -> bool:
    """Return whether the engine computes a stage."""
    if target is None and stage.n_parts == 1:
        # an error, which is raised where all stages come by
        return False
    if isinstance(stage, ReduceStage):
        return True
    if isinstance(stage, ContractStage):
        return _suits_contract(stage, sources, target)
    return target is not None and target.header.order == "C"


def _suits_contract(stage: ContractStage, sources: tuple[Source, ...], target: Target | StoredTarget | None) -> bool:
    kinds = {stage.dtype.kind, stage.accumulate.kind, *(source.header.dtype.kind for source in sources)}
    if kinds != {"f"} or stage.a_vector or stage.b_vector:
        return False
    if stage.n_parts == 1 and target is not None and target.header.order != "C":
        return False
    if any(source.header.order == "F" and source.header.ndim != 2 for source in sources):
        return False
    *batch, rows, columns = stage.pieces or stage.grid.chunks[:-1]
    span = stage.grid.chunks[-1]
    return math.prod(batch) == 1 or rows * columns * span >= _SMALLEST_PRODUCT

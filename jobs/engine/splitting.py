"""Smaller pieces of the same blocks, for when memory runs out: the blocks themselves, and so the grid, stay.

Each split halves the pieces once more. What that does to the bits of the answer:

========  ==================================================  =====================================================
stage     what is halved                                      the answer
========  ==================================================  =====================================================
map       pieces, the longest axis first, but not along       keeps its bits where every element is computed by
          axes that have to be whole                          itself (`MapStage.is_exact`); transforms on a GPU may
                                                              change last bits
reduce    pieces along kept axes, then along reduced ones;    keeps its bits where the kernel is exact (integers,
          along reduced ones only where blocks are parts      booleans, positions; `ReduceKernel.is_exact`); else the
                                                              last bits of a rounded sum may change, within the same
                                                              bound, and the sign of a zero that is a minimum
contract  the tile's longest side, and the slab of k;         keeps its bits for integers and booleans; else last
          no panel stays on the device                        bits may change: BLAS adds in an order that depends on
                                                              the shape of the product
========  ==================================================  =====================================================

`changes_bits` says which it is; `--deterministic` refuses those splits, and the report names them. (Torch on the CPU,
which no plan chooses, computes the ends of a piece by other code, and there a map may change too.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from ..blocks import Shape
from ..stages.shapes import ContractStage, MapStage, ReduceStage, Stage

__all__ = ["MOST_SPLITS", "can_split", "changes_bits", "split_stage"]

MOST_SPLITS = 8
"""Pieces of a 256th: what does not fit then will not fit."""

_SMALLEST_SLAB = 64
"""Narrower slabs of k make slow products and save no memory worth it."""

_AnyStage = TypeVar("_AnyStage", bound=Stage)


def split_stage(stage: _AnyStage, n_splits: int) -> _AnyStage:
    """Return a stage of the same blocks whose pieces are halved `n_splits` times.

    Examples
    --------
    >>> from ..blocks import Grid
    >>> stage = MapStage(None, Grid((8, 6), (4, 6)), (4, 6), ((8, 6),))
    >>> [split_stage(stage, n).pieces for n in range(4)]
    [(4, 6), (4, 3), (2, 3), (2, 2)]
    """
    if n_splits == 0:
        return stage
    if isinstance(stage, MapStage):
        others = [axis for axis in range(len(stage.pieces)) if axis not in stage.kept]
        return replace(stage, pieces=_halve(_inside(stage.pieces, stage.grid.chunks), n_splits, (others,)))
    if isinstance(stage, ReduceStage):
        kept = [axis for axis in range(len(stage.pieces)) if axis not in stage.axes]
        # a part returns one partial for all that it keeps, so that stays whole
        order = (kept, stage.axes) if stage.n_parts == 1 else (stage.axes,)
        return replace(stage, pieces=_halve(_inside(stage.pieces, stage.grid.chunks), n_splits, order))
    if isinstance(stage, ContractStage):
        tile = stage.grid.chunks[:-1]
        slab = min(stage.slab, max(stage.slab >> n_splits, _SMALLEST_SLAB))
        pieces = _halve(_inside(stage.pieces or tile, tile), n_splits)
        # a panel that stays on the device takes most of its memory
        return replace(stage, pieces=pieces, slab=slab, resident="none")
    return stage


def can_split(stage: Stage, n_splits: int) -> bool:
    """Return whether `n_splits` halvings make smaller pieces than one less, and are not too many."""
    if n_splits > MOST_SPLITS:
        return False
    return _sizes(split_stage(stage, n_splits)) != _sizes(split_stage(stage, n_splits - 1))


def changes_bits(stage: Stage, n_splits: int) -> bool:
    """Return whether `n_splits` halvings may change the last bits of the answer.

    Examples
    --------
    >>> from ..blocks import Grid
    >>> changes_bits(MapStage(None, Grid((8,), (4,)), (4,), ((8,),)), 3)
    False
    """
    if n_splits == 0:
        return False
    if isinstance(stage, MapStage):
        return not stage.is_exact
    if isinstance(stage, ReduceStage):
        return not stage.kernel.is_exact
    return isinstance(stage, ContractStage) and stage.accumulate.kind not in "iu"


def _halve(pieces: Shape, n_splits: int, order: Sequence[Sequence[int]] = ()) -> Shape:
    """Return a shape whose longest axis was halved so many times: of the first group of axes that has one above 1."""
    lengths = list(pieces)
    for _ in range(n_splits):
        groups = ([axis for axis in group if lengths[axis] > 1] for group in order or (range(len(lengths)),))
        choice = next((group for group in groups if group), None)
        if choice is None:
            break
        longest = max(choice, key=lambda axis: lengths[axis])
        lengths[longest] = (lengths[longest] + 1) // 2
    return tuple(lengths)


def _inside(pieces: Shape, chunks: Shape) -> Shape:
    return tuple(min(piece, chunk) for piece, chunk in zip(pieces, chunks, strict=True))


def _sizes(stage: Stage) -> object:
    return (getattr(stage, "pieces", ()), getattr(stage, "slab", 0))

"""One block of a reduce stage: pieces folded and merged in order, written or returned."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from numpy.typing import NDArray

from ..arrays import Source, Target
from ..blocks import Region, region_shape
from ..stages.kernels import Partial
from ..stages.shapes import ReduceStage
from ..workspace import Workspace
from .backend import Backend
from .clock import Clock
from .pieces import piece_groups
from .spans import packed_pieces

__all__ = ["reduce_block"]


def reduce_block(
    stage: ReduceStage,
    index: int,
    source: Source,
    target: Target | None,
    *,
    backend: Backend,
    workspace: Workspace,
    clock: Clock,
) -> Partial | None:
    """Reduce block `index`; write its region of the output, or return its partial where it is one part of several."""
    if target is None and stage.n_parts == 1:
        raise ValueError("a reduction whose blocks are not parts writes its output: it needs a target")
    header = source.header
    with ExitStack() as stack:
        reader = stack.enter_context(source.open())
        writer = stack.enter_context(target.open()) if target is not None and stage.n_parts == 1 else None
        partial: Partial | None = None
        for group in piece_groups(stage, index):
            partial = None
            for region, array in packed_pieces(reader, header, group, workspace=workspace, clock=clock):
                with clock.step("to_device"):
                    piece = backend.load(array)
                with clock.step("compute"):
                    folded = _fold(stage, piece, region, backend)
                    partial = folded if partial is None else stage.kernel.merge(partial, folded)
            if writer is not None and partial is not None:
                kept = stage.kept(group[0])
                with clock.step("compute"):
                    block: NDArray[Any] = stage.kernel.finish(partial).reshape(region_shape(kept))
                with clock.step("write"):
                    clock.bytes_written += writer.write(kept, block)
        return partial if writer is None else None


def _fold(stage: ReduceStage, piece: Any, region: Region, backend: Backend) -> Partial:
    origin = tuple(start for start, _ in region)
    partial = stage.kernel.fold(backend.xp, piece, stage.axes, origin)
    return tuple(_own(backend.store(part)) for part in partial)


def _own(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of its own memory: a partial must not be a view of a buffer that the next piece is read into."""
    return array if array.flags.owndata else array.copy()

"""One block of a map stage: pieces read, computed and written one after another."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Source, Target
from ..blocks import Region, region_shape
from ..headers import ArrayHeader
from ..stages.shapes import MapStage
from ..workspace import Workspace
from .backend import Backend
from .clock import Clock
from .pieces import map_pieces
from .regions import read_region

__all__ = ["map_block"]


def map_block(
    stage: MapStage,
    index: int,
    sources: tuple[Source, ...],
    target: Target | None,
    *,
    backend: Backend,
    workspace: Workspace,
    clock: Clock,
) -> None:
    """Compute block `index` and write it."""
    if target is None:
        raise ValueError("a map stage writes its output: it needs a target")
    with ExitStack() as stack:
        readers = [stack.enter_context(source.open()) for source in sources]
        writer = stack.enter_context(target.open())

        def run_piece(region: Region) -> None:
            arrays = []
            for number, (reader, source, wanted) in enumerate(
                zip(readers, sources, stage.operand_regions(region), strict=True)
            ):
                array = read_region(
                    reader, source.header, wanted, name=f"operand{number}", workspace=workspace, clock=clock
                )
                with clock.step("to_device"):
                    arrays.append(backend.load(array))
            piece = _compute(stage, arrays, region, target.header, backend=backend, workspace=workspace, clock=clock)
            with clock.step("write"):
                clock.bytes_written += writer.write(region, piece)

        for region in map_pieces(stage, index):
            run_piece(region)


def _compute(
    stage: MapStage,
    arrays: list[Any],
    region: Region,
    header: ArrayHeader,
    *,
    backend: Backend,
    workspace: Workspace,
    clock: Clock,
) -> NDArray[Any]:
    if backend.xp is np:
        with clock.step("compute"):
            out = workspace.take("result", region_shape(region), header.dtype, header.order)
            stage.kernel.apply_into(arrays, out, region)
            return out
    with clock.step("compute"):
        result = stage.kernel.apply(backend.xp, arrays, region)
        backend.synchronize()
    with clock.step("from_device"):
        return backend.store(result)

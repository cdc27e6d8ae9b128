"""One block of a contract stage: a tile of C, added up over slabs of k, written or returned.

The panel that the next tile shares stays in its buffer: tiles come row by row, so A's panel is read once per row.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Reader, Source, Target
from ..blocks import Region, as_slices, offset_region, region_shape
from ..stages.inputs import panel_region
from ..stages.kernels import Partial
from ..stages.shapes import ContractStage
from ..workspace import Workspace
from .backend import Backend
from .clock import Clock
from .pieces import tile_pieces, tile_region
from .product import Accumulator
from .regions import read_region

__all__ = ["contract_block"]


def contract_block(
    stage: ContractStage,
    index: int,
    sources: tuple[Source, ...],
    target: Target | None,
    *,
    backend: Backend,
    workspace: Workspace,
    clock: Clock,
) -> Partial | None:
    """Compute block `index`; write its tile, or return it as a partial where k is cut over several blocks."""
    if target is None and stage.n_parts == 1:
        raise ValueError("a tile of a product that is not a part needs a target")
    shared: dict[str, Any] = {"backend": backend, "workspace": workspace, "clock": clock}
    with ExitStack() as stack:
        readers = [stack.enter_context(source.open()) for source in sources]
        if target is None or stage.n_parts > 1:
            return (_total(stage, index, readers, sources, **shared),)
        writer = stack.enter_context(target.open())
        for tile in tile_pieces(stage, index):
            product = _product(stage, index, tile, readers, sources, **shared)
            with clock.step("from_device"):
                block = product.result()
            region = tile_region(stage, tile)
            with clock.step("write"):
                clock.bytes_written += writer.write(region, block.reshape(region_shape(region)))
    return None


def _product(
    stage: ContractStage,
    index: int,
    tile: Region,
    readers: list[Reader],
    sources: tuple[Source, ...],
    *,
    backend: Backend,
    workspace: Workspace,
    clock: Clock,
) -> Accumulator:
    """Return a part of block `index`'s tile, added up over the block's slabs of k."""
    k_start, k_stop = stage.grid.region(index)[-1]
    accumulator = Accumulator(stage, region_shape(tile), backend=backend, workspace=workspace)
    for start in range(k_start, k_stop, stage.slab):
        slab = (start, min(start + stage.slab, k_stop))
        operands = [
            _operand(stage, side, readers[side], sources[side], tile, slab, workspace=workspace, clock=clock)
            for side in (0, 1)
        ]
        with clock.step("to_device"):
            a, b = (backend.load(operand) for operand in operands)
        with clock.step("compute"):
            accumulator.add_product(a, b)
            backend.synchronize()
    return accumulator


def _total(
    stage: ContractStage, index: int, readers: list[Reader], sources: tuple[Source, ...], **shared: Any
) -> NDArray[Any]:
    """Return the sums of a block's tile in a memory of their own, in float64 or 64-bit integers."""
    whole = stage.grid.region(index)[:-1]
    total: NDArray[Any] | None = None
    for tile in tile_pieces(stage, index):
        part = shared["backend"].store(_product(stage, index, tile, readers, sources, **shared).total())
        if tile == whole:
            return np.array(part)
        if total is None:
            total = np.empty(region_shape(whole), part.dtype)
        total[as_slices(offset_region(tile, [-start for start, _ in whole]))] = part
    assert total is not None
    return total


def _operand(
    stage: ContractStage,
    side: int,
    reader: Reader,
    source: Source,
    tile: Region,
    slab: tuple[int, int],
    *,
    workspace: Workspace,
    clock: Clock,
) -> NDArray[Any]:
    """Return one operand's slab as ``(*batch, rows, columns)`` in the dtype of the product."""
    stored = panel_region(stage, side, tile, slab)
    array = _read_panel(stage, "ab"[side], reader, source, stored, workspace=workspace, clock=clock)
    if (stage.a_vector, stage.b_vector)[side]:
        return array.reshape((1, -1) if side == 0 else (-1, 1))
    return array.swapaxes(-1, -2) if (stage.a_transposed, stage.b_transposed)[side] else array


def _read_panel(
    stage: ContractStage,
    name: str,
    reader: Reader,
    source: Source,
    region: Region,
    *,
    workspace: Workspace,
    clock: Clock,
) -> NDArray[Any]:
    """Return a region of an operand, cast; from its buffer if the block before left it there."""
    content = (source, region, stage.dtype)
    shape = region_shape(region)
    native = source.header.dtype.newbyteorder("=")
    if native == stage.dtype:
        if workspace.holds(name, content):
            return workspace.peek(name, shape, native, source.header.order)
        array = read_region(reader, source.header, region, name=name, workspace=workspace, clock=clock, is_kept=True)
        workspace.label(name, content, array)
        return array
    buffer = f"{name}-{stage.dtype.name}"
    if workspace.holds(buffer, content):
        return workspace.peek(buffer, shape, stage.dtype, source.header.order)
    array = read_region(reader, source.header, region, name=name, workspace=workspace, clock=clock)
    if stage.accumulate.kind in "iu" and native.itemsize > 4:
        # 64-bit integers may not be floats: the accumulator looks at their range first
        return array
    with clock.step("compute"):
        panel = workspace.take(buffer, shape, stage.dtype, source.header.order)
        np.copyto(panel, array, casting="unsafe")
    workspace.label(buffer, content, panel)
    return panel

"""The works that are compared: a reduction, a product and an elementwise chain, on files of one size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from ..arrays import create_output
from ..blocks import Grid, Shape, region_shape

__all__ = ["WORKS", "Work", "WorkName", "make_inputs", "works_of"]

WorkName: TypeAlias = Literal["reduction", "product", "chain"]
WORKS: tuple[WorkName, ...] = ("reduction", "product", "chain")

_ITEM_BYTES = 4
_COLUMNS = 1024
_EDGE = 64
_CHUNK_ROWS = 4096
_EXPRESSION = "sqrt(x * x + 1) - 0.5 * x"


@dataclass(frozen=True, slots=True)
class Work:
    """One thing to compute, from files to a file.

    Parameters
    ----------
    name : {"reduction", "product", "chain"}
    operation : str
        arraymill's name for it.
    shapes : tuple of shapes
        Of the inputs, all float32.
    output_shape : shape
    flops : int
        Of a product, else 0.
    params : mapping
        arraymill's parameters.
    """

    name: WorkName
    operation: str
    shapes: tuple[Shape, ...]
    output_shape: Shape
    flops: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_bytes(self) -> int:
        """Bytes of all inputs."""
        return sum(math.prod(shape) for shape in self.shapes) * _ITEM_BYTES

    @property
    def nbytes(self) -> int:
        """Bytes of inputs and output."""
        return self.input_bytes + math.prod(self.output_shape) * _ITEM_BYTES

    @property
    def text(self) -> str:
        """What it is, in words."""
        shapes = " @ ".join(" x ".join(map(str, shape)) for shape in self.shapes)
        said = {"reduction": "sum of the columns of", "product": "product of", "chain": f"{_EXPRESSION} of"}
        return f"{said[self.name]} {shapes}, float32"

    @property
    def input_names(self) -> tuple[str, ...]:
        """File names of the inputs; works of one shape share them."""
        return tuple(f"{'x'.join(map(str, shape))}-{number}.npy" for number, shape in enumerate(self.shapes))


def works_of(size_bytes: int) -> tuple[Work, ...]:
    """Return the works whose inputs and output take about `size_bytes` each.

    Examples
    --------
    >>> [(work.name, work.shapes[0]) for work in works_of(768 << 20)]
    [('reduction', (196608, 1024)), ('product', (8192, 8192)), ('chain', (98304, 1024))]
    """
    rows = max(size_bytes // (_COLUMNS * _ITEM_BYTES), 1)
    edge = max(math.isqrt(size_bytes // (3 * _ITEM_BYTES)) // _EDGE * _EDGE, _EDGE)
    half = max(rows // 2, 1)
    return (
        Work("reduction", "sum", ((rows, _COLUMNS),), (_COLUMNS,), params={"axis": 0}),
        Work("product", "matmul", ((edge, edge),) * 2, (edge, edge), 2 * edge**3),
        Work("chain", "map", ((half, _COLUMNS),), (half, _COLUMNS), params={"expr": _EXPRESSION}),
    )


def make_inputs(work: Work, folder: Path) -> list[Path]:
    """Return the input files of a work, made now where they are not there: normal numbers with mean 1."""
    paths = [folder / name for name in work.input_names]
    for seed, (path, shape) in enumerate(zip(paths, work.shapes, strict=True)):
        if not path.exists():
            _draw(path, shape, seed)
    return paths


def _draw(path: Path, shape: Shape, seed: int) -> None:
    generator = np.random.default_rng(seed)
    with create_output(path, shape, np.dtype("<f4"), "C", replace=True, inputs=()) as output:
        with output.target.open() as writer:
            for region in Grid(shape, (_CHUNK_ROWS, shape[1])).regions():
                numbers = generator.standard_normal(region_shape(region), dtype=np.float32)
                numbers += np.float32(1)
                writer.write(region, numbers)
        output.publish()

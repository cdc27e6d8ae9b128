"""The demo's inputs: real files, written once, larger than the memory that the demo's jobs may take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arrays import create_output, open_source
from ..blocks import Grid, Shape, region_shape
from ..errors import InputError
from ..headers import ArrayHeader

__all__ = ["DemoSizes", "make_input"]

_CHUNK_ROWS = 1024


@dataclass(frozen=True, slots=True)
class DemoSizes:
    """Sizes of the demo: a is m x k, b is k x n, both float32.

    Parameters
    ----------
    m, k, n : int
    memory : str
        Memory that the jobs may take: less than `a` has.
    """

    m: int = 81_920
    k: int = 4096
    n: int = 256
    memory: str = "1GB"

    @property
    def a_bytes(self) -> int:
        """Size of a, in bytes."""
        return 4 * self.m * self.k


def make_input(path: Path, shape: Shape, *, seed: int, mean: float) -> bool:
    """Write standard normal numbers around `mean` as a float32 ``.npy`` file; False if it is there and whole.

    A file gets its name only when it is whole, so one of the right shape and dtype is.
    """
    if _is_whole(path, shape):
        return False
    generator = np.random.default_rng(seed)
    with create_output(path, shape, np.dtype("<f4"), "C", replace=True, inputs=()) as output:
        with output.target.open() as writer:
            for region in Grid(shape, (_CHUNK_ROWS, shape[1])).regions():
                rows = generator.standard_normal(region_shape(region), dtype=np.float32)
                rows += np.float32(mean)
                writer.write(region, rows)
        output.publish()
    return True


def _is_whole(path: Path, shape: Shape) -> bool:
    try:
        header = open_source(path).header
    except InputError:
        return False
    return header == ArrayHeader(header.name, shape, np.dtype("<f4"), "C")

"""An elementwise step read as if its result were a file: computed where a later step reads it, and never written.

::

    x.npy ---> map "log(x + 1)" ---> cov            two passes over files, and one file in between
    x.npy ---> [log(x + 1)] -------> cov            one pass: each piece is computed as it is read
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Reader, Source
from ..blocks import Region
from ..headers import ArrayHeader
from ..stages.shapes import MapStage
from ..workspace import Workspace
from .clock import Clock
from .regions import read_region

__all__ = ["FusedReader", "FusedSource"]


@dataclass(frozen=True, slots=True)
class FusedSource:
    """The result of a map stage as a source; equal regions have equal bits, however they are cut.

    Parameters
    ----------
    header : ArrayHeader
        Of the result.
    stage : MapStage
        Without a layout: of inputs that broadcast.
    sources : tuple of Source
        Its inputs.
    is_transposed : bool
        The axes are those of the result in reverse.
    """

    header: ArrayHeader
    stage: MapStage
    sources: tuple[Source, ...]
    is_transposed: bool = False

    @property
    def data_offset(self) -> int:
        """Return 0: there is no file."""
        return 0

    @property
    def T(self) -> FusedSource:  # noqa: N802 - NumPy's name
        """The same array with its axes reversed."""
        if self.header.ndim < 2:
            return self
        return replace(self, header=self.header.T, is_transposed=not self.is_transposed)

    @contextmanager
    def open(self) -> Iterator[FusedReader]:
        """Open the inputs for reading."""
        with ExitStack() as stack:
            sources = tuple(source.T for source in self.sources) if self.stage.reverse else self.sources
            readers = [stack.enter_context(source.open()) for source in sources]
            yield FusedReader(self, sources, readers)


class FusedReader:
    """An open `FusedSource`, for one thread.

    Parameters
    ----------
    source : FusedSource
    inputs : tuple of Source
        As the stage sees them.
    readers : list of Reader
        Of the inputs.
    """

    __slots__ = ("_clock", "_inputs", "_readers", "_source", "_workspace")

    def __init__(self, source: FusedSource, inputs: tuple[Source, ...], readers: list[Reader]) -> None:
        self._source, self._inputs, self._readers = source, inputs, readers
        self._clock = Clock()
        # of its own: the buffers of who reads are in use meanwhile
        self._workspace = Workspace()

    def read(self, region: Region, out: NDArray[Any]) -> int:
        """Fill `out` with a region and return the bytes read from the inputs."""
        source, stage = self._source, self._source.stage
        # the stage's axes are the result's, or those in reverse
        if source.is_transposed != stage.reverse:
            region, out = region[::-1], out.T
        before = self._clock.bytes_read
        wanted = stage.operand_regions(region)
        blocks = [
            read_region(reader, each.header, part, name=str(number), workspace=self._workspace, clock=self._clock)
            for number, (reader, each, part) in enumerate(zip(self._readers, self._inputs, wanted, strict=True))
        ]
        with np.errstate(all="ignore"):
            stage.kernel.apply_into(blocks, out, region)
        return self._clock.bytes_read - before

    def view(self, region: Region, *, is_kept: bool = False) -> None:
        """Return None: there is nothing to look at."""
        return

    def expect(self, region: Region) -> None:
        """Pass on which region will be wanted next."""
        stage = self._source.stage
        turned = region[::-1] if self._source.is_transposed != stage.reverse else region
        for reader, part in zip(self._readers, stage.operand_regions(turned), strict=True):
            reader.expect(part)

"""What an operation's kernels offer to the engine: one method per step, on arrays of NumPy or of torch.

Kernels are frozen and picklable, and know nothing of files, blocks or devices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeAlias

from numpy.typing import NDArray

from ..blocks import Region, Shape

__all__ = ["GivenKernel", "Layout", "MapKernel", "Namespace", "Partial", "ReduceKernel"]

Namespace: TypeAlias = Any
"""An array API namespace: ``numpy`` or ``array_api_compat.torch``."""
Partial: TypeAlias = tuple[NDArray[Any], ...]
"""What is kept of a part of the input: a few small arrays."""


class Layout(Protocol):
    """What a map stage reads of its inputs; frozen and picklable."""

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the region of each input that a region of the output is made of."""
        ...


class MapKernel(Protocol):
    """The work of a map stage on one piece, which is `region` of the output."""

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the output piece of the operands' pieces, which it never writes to."""
        ...

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the output piece of NumPy operands into `out`, which saves the page faults of a new array."""
        ...


class ReduceKernel(Protocol):
    """The work of a reduce stage: pieces to partials, partials to one, one to the result."""

    @property
    def piece_elements(self) -> int:
        """How many elements one call of `fold` should see: so many that its temporaries stay in cache."""
        ...

    @property
    def is_exact(self) -> bool:
        """Whether the answer has the same bits however the input is cut into pieces."""
        ...

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the partial of one piece, reduced over `axes`; `origin` is where the piece starts in the input."""
        ...

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the partial of two neighbours; `left` comes first. On NumPy arrays, in float64 or exact."""
        ...

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return the result of a whole partial, in the output's dtype."""
        ...


class GivenKernel(ReduceKernel, Protocol):
    """The work of a reduce stage that depends on what an earlier stage found.

    Only `fold` knows what was given: `merge` and `finish` are asked of the kernel as it was planned. What they need of
    it, partials carry.
    """

    def bind(self, given: tuple[NDArray[Any], ...]) -> Self:
        """Return the kernel that folds with these arrays, which it never writes to."""
        ...

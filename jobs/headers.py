"""What is known of an array before a byte of it is read: name, shape, dtype, memory order."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from .blocks import Shape

__all__ = ["ArrayHeader", "Order"]

Order: TypeAlias = Literal["C", "F"]


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """Shape, dtype and memory order of an array.

    Parameters
    ----------
    name : str
        How the array is called in messages: its path, or the argument's name.
    shape : tuple of int
    dtype : numpy.dtype
        As stored: the byte order may be foreign.
    order : {"C", "F"}
        The axis order in memory. An array that is both (1-D, say) is "C".
    reader_bytes : int
        What a reader of it keeps in memory beside what it is asked for, at most.
    chunks : tuple of int
        Shape of what is unpacked at once; empty where elements are read one by one.

    Examples
    --------
    >>> header = ArrayHeader("x.npy", (3, 4), np.dtype("f4"), "F")
    >>> header.nbytes, header.T.shape, header.T.order
    (48, (4, 3), 'C')
    """

    name: str
    shape: Shape
    dtype: np.dtype[Any]
    order: Order = "C"
    reader_bytes: int = 0
    chunks: Shape = ()

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Size of the elements, in bytes."""
        return self.size * self.dtype.itemsize

    @property
    def T(self) -> ArrayHeader:  # noqa: N802 - NumPy's name
        """The same memory with the axes reversed, so that the memory order flips."""
        order: Order = "F" if self.order == "C" else "C"
        return replace(self, shape=self.shape[::-1], order=order, chunks=self.chunks[::-1])

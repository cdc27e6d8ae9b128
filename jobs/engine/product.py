"""Products of slabs, added up: floats by BLAS, booleans as counts, integers exactly.

Integers multiply in float64, where BLAS is, while ``max|a| max|b| k < 2^53`` so that every sum is exact; beyond that by
NumPy in 64-bit integers, exact modulo 2^64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Shape
from ..errors import InputUnsupportedError
from ..stages.shapes import ContractStage
from ..workspace import Workspace
from .backend import Backend

__all__ = ["Accumulator", "round_product"]

_EXACT = 2**53
"""Integers up to here are exact in float64."""


class Accumulator:
    """A tile of C while slabs of k are added to it.

    Parameters
    ----------
    stage : ContractStage
    shape : tuple of int
        Of the tile: ``(*batch, rows, columns)``.
    """

    __slots__ = ("_backend", "_is_empty", "_shape", "_stage", "_total", "_workspace")

    def __init__(self, stage: ContractStage, shape: Shape, *, backend: Backend, workspace: Workspace) -> None:
        self._stage, self._shape, self._backend, self._workspace = stage, shape, backend, workspace
        self._total: Any = None
        self._is_empty = True

    def add_product(self, a: Any, b: Any) -> None:
        """Add ``a @ b``."""
        if self._stage.accumulate.kind in "iu":
            self._add(self._integer_product(a, b))
        elif self._backend.xp is np:
            self._add_numpy(a, b)
        elif self._total is not None and self._total.ndim == 2:
            self._total.addmm_(a, b)
        else:
            self._add(self._backend.xp.matmul(a, b))

    def total(self) -> Any:
        """Return the sum of products, in float64 or 64-bit integers so that parts can be added."""
        wide = {"f": "float64", "c": "complex128", "i": "int64", "u": "uint64"}[self._stage.accumulate.kind]
        if self._backend.xp is np:
            return np.asarray(self._total, wide)
        return self._backend.xp.astype(self._total, getattr(self._backend.xp, wide))

    def result(self) -> NDArray[Any]:
        """Return the tile in the output's dtype, in host memory."""
        if self._backend.xp is not np:
            return round_product(np.asarray(self._backend.store(self._total)), self._stage.result)
        if self._total.dtype == self._stage.result:
            return np.asarray(self._total)
        out = self._workspace.take("result", self._shape, self._stage.result)
        if self._stage.result.kind == "b":
            np.not_equal(self._total, 0, out=out)
            return out
        np.copyto(out, self._total, casting="unsafe")
        return out

    def _add(self, product: Any) -> None:
        if self._total is None:
            self._total = product
        else:
            self._total += product

    def _add_numpy(self, a: NDArray[Any], b: NDArray[Any]) -> None:
        name = "tile" if self._total is None else "product"
        out = self._workspace.take(name, self._shape, self._stage.dtype)
        self._add(np.matmul(a, b, out=out))

    def _integer_product(self, a: Any, b: Any) -> Any:
        xp, k = self._backend.xp, a.shape[-1]
        if _magnitude(xp, a) * _magnitude(xp, b) * k < _EXACT:
            product = xp.matmul(_to_float(xp, a), _to_float(xp, b))
            # through int64: a negative float has no value as an unsigned integer
            return xp.astype(xp.astype(product, xp.int64), getattr(xp, self._stage.accumulate.name))
        if xp is not np:
            raise InputUnsupportedError(
                "matmul of integers this large is not computed on CUDA",
                cause=f"sums of {k} products may pass 2^53, and CUDA multiplies no integers",
                safe="nothing was written",
                next="add --device cpu",
            )
        dtype = self._stage.accumulate
        return np.matmul(_to_integer(a, dtype), _to_integer(b, dtype))


def round_product(total: NDArray[Any], result: np.dtype[Any]) -> NDArray[Any]:
    """Return a sum of products in the output's dtype: rounded once, wrapped for integers, ``!= 0`` for booleans.

    >>> round_product(np.array([0.0, 3.0]), np.dtype(bool)).tolist()
    [False, True]
    """
    return np.not_equal(total, 0) if result.kind == "b" else total.astype(result)


def _magnitude(xp: Any, x: Any) -> int:
    if x.dtype in (xp.float64,):
        return int(xp.max(xp.abs(x)))
    return max(abs(int(xp.min(x))), abs(int(xp.max(x))))


def _to_float(xp: Any, x: Any) -> Any:
    return x if x.dtype == xp.float64 else xp.astype(x, xp.float64)


def _to_integer(x: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return x.astype(np.int64).astype(dtype) if x.dtype.kind == "f" else x.astype(dtype)

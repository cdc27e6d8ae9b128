"""The largest k singular values and vectors, approximated by a random projection and power iterations.

::

    y = x @ w                 w: k + 10 columns of random numbers
    y = x @ (x^H @ y)         so often as there are power iterations, y and x^H y made orthonormal each time
    b = q^H @ x               q: y made orthonormal; k + 10 rows
    b = v s w^H               by TSQR, so that u = q @ v

Every product is `matmul`'s, and every basis a TSQR. With p power iterations x is read 2 p + 2 times. What is left out
has a spectral norm that exceeds the least possible, singular value k + 1, by a factor of at most
``(1 + 4 sqrt(2 min(m, n) / (k - 1)))^(1 / (2 p + 1))`` in expectation, for 2 k columns: about 1.5 for p = 4 and a side
of 1000.

References
----------
N. Halko, P. G. Martinsson, J. A. Tropp, "Finding structure with randomness: probabilistic algorithms for constructing
approximate matrix decompositions", SIAM Review 53 (2011), algorithms 4.4 and 5.1, equation 1.11.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import SpecError
from ...headers import ArrayHeader
from ..chain import Chain, Step
from ..creation.random import RANDN
from ..elementwise.map import MAP
from ..layouts.reshape import RESHAPE
from ..operation import Operation
from ..products.matmul import MATMUL
from .largest import HEAD, LARGEST
from .matrices import real_dtype
from .qr import QR

__all__ = ["OVERSAMPLING", "Approximation"]

OVERSAMPLING = 10
"""Columns beside k: Halko, Martinsson and Tropp's 5 or 10 (section 4.2), scikit-learn's 10."""

_PHASE = "where(y == 0, 1, y / abs(y))"


@dataclass(slots=True)
class _Steps:
    """The steps of one approximation while they are made."""

    is_complex: bool
    steps: list[Step] = field(default_factory=list)

    def add(self, name: str, operation: Operation, *inputs: str, **params: Any) -> str:
        self.steps.append(Step(name, operation, inputs, params))
        return name

    def conjugate(self, source: str) -> str:
        return self.add(f"{source}_conj", MAP, source, expr="conj(x)") if self.is_complex else source

    def basis(self, source: str) -> str:
        return self.add(f"{source}_basis", QR, source)


@dataclass(frozen=True, slots=True)
class Approximation:
    """The k largest singular values of an array.

    Parameters
    ----------
    header : ArrayHeader
    dtype : numpy.dtype
        Of the vectors.
    k, seed, power_iterations : int
    """

    header: ArrayHeader
    dtype: np.dtype[Any]
    k: int
    seed: int
    power_iterations: int

    def values(self, svd: Operation) -> Chain:
        """Return the steps to the singular values alone; `svd` is that of a matrix of a few rows.

        Raises
        ------
        SpecError
            If there are not k of them.
        """
        made, _ = self._project()
        made.add("tree", svd, "small", compute_uv=False)
        made.add("s", HEAD, "tree", shape=(self.k,))
        return Chain(tuple(made.steps), (("s", "s"),), (self._note(),))

    def vectors(self, svd: Operation) -> Chain:
        """Return the steps to the singular values and their vectors; raises as `values`."""
        made, basis = self._project()
        made.add("tree", svd, "small")
        made.add("s", HEAD, "tree.s", shape=(self.k,))
        made.add("rows", HEAD, "tree.vh", shape=(self.k, self.header.shape[1]))
        made.add("largest", LARGEST, "rows")
        made.add("phases", RESHAPE, "largest", shape=(self.k,))
        made.add("turn", HEAD, "tree", shape=(self._n_columns, self.k))
        made.add("left", MATMUL, basis, "turn")
        made.add("u", MAP, "left", "phases", expr=f"x * {_PHASE}")
        made.add("vh", MAP, "rows", "largest", expr=f"x * conj({_PHASE})" if made.is_complex else f"x * {_PHASE}")
        return Chain(tuple(made.steps), (("u", "u"), ("s", "s"), ("vh", "vh")), (self._note(),))

    @property
    def _n_columns(self) -> int:
        return min(self.k + OVERSAMPLING, *self.header.shape)

    def _project(self) -> tuple[_Steps, str]:
        """Return the steps to the "small" matrix of a few rows, and the name of the basis that it is in."""
        self.check()
        made = _Steps(self.dtype.kind == "c")
        shape = (self.header.shape[1], self._n_columns)
        made.add("test", RANDN, shape=shape, seed=self.seed, dtype=real_dtype(self.dtype).name)
        y = made.add("range0", MATMUL, "x", "test")
        for turn in range(1, self.power_iterations + 1):
            basis = made.conjugate(made.basis(y))
            z = made.conjugate(made.add(f"corange{turn}", MATMUL, "x", basis, transpose_a=True))
            y = made.add(f"range{turn}", MATMUL, "x", made.basis(z))
        basis = made.basis(y)
        made.add("small", MATMUL, made.conjugate(basis), "x", transpose_a=True)
        return made, basis

    def check(self) -> None:
        """Raise SpecError if there are not k singular values."""
        if not 1 <= self.k <= min(self.header.shape):
            raise SpecError(
                f"{self.k} singular values cannot be had",
                cause=f"{self.header.name} has the shape {self.header.shape}",
                safe="nothing was read or written",
                next=f"ask for 1 to {min(self.header.shape)}",
            )

    def _note(self) -> str:
        return (
            f"k={self.k}: approximated by {self._n_columns} random columns (seed {self.seed}) and "
            f"{self.power_iterations} power iterations; x is read {2 * self.power_iterations + 2} times"
        )

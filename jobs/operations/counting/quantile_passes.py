"""Quantiles of columns that no task can hold: each pass over the array finds some more bits of the order statistics.

::

    pass 1: how many elements begin with 0000, 0001, ..      element 1000 of the sorted column begins with 0110,
                                                             and is element 37 of those
    pass 2: of those, how many go on with 0000, 0001, ..     .. 0110 1011, and is element 2 of those

A pass is a reduction whose partials are tables of counts: memory does not grow with the array. Between passes an array
is kept, one row per column: how many NaN it has, the prefixes of its order statistics, and their places among the
elements of that prefix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Shape
from ...headers import ArrayHeader, Order
from ...limits import Limits
from ...stages.kernels import Namespace, Partial
from ...stages.shapes import Draft
from ..reductions.tables import PIECE_ELEMENTS, draft_tables
from .key_counts import Bits, Columns, Wanted, count_first_bits, count_next_bits
from .order_keys import from_keys
from .quantile_search import Search, plan_passes

__all__ = ["PassKernel", "draft_pass"]


@dataclass(frozen=True, slots=True)
class PassKernel:
    """One pass. Partials are ``(table, n_nan)`` of the first and ``(table, state)`` of the others.

    Parameters
    ----------
    search : Search
    bits : Bits
    is_first : bool
    order : {"C", "F"}
        Of the array in memory.
    output : ArrayHeader
        Of what the pass makes: the quantiles, if it is the last.
    state : ndarray of uint64 or None
        What earlier passes found.
    wanted : Wanted or None
        What follows from it.
    """

    search: Search
    bits: Bits
    is_first: bool
    order: Order
    output: ArrayHeader
    state: NDArray[np.uint64] | None = None
    wanted: Wanted | None = None

    piece_elements = PIECE_ELEMENTS
    is_exact = True

    def bind(self, given: tuple[NDArray[Any], ...]) -> PassKernel:
        """Return the kernel that goes on from what earlier passes found."""
        n_nan, prefixes, _ = _unpack(given[0])
        is_first = _first_of_equals(prefixes) == np.arange(prefixes.shape[1])
        return replace(self, state=given[0], wanted=Wanted(prefixes, is_first & ~self._is_nan(n_nan)[:, None]))

    def fold(self, xp: Namespace, piece: Any, axes: tuple[int, ...], origin: Shape) -> tuple[Any, ...]:
        """Return the counts of a piece."""
        region = tuple((start, start + n) for start, n in zip(origin, piece.shape, strict=True))
        columns = Columns.of(self.search.shape, self.search.axes, region)
        if self.order == "F":
            piece, columns = xp.permute_dims(piece, tuple(reversed(range(piece.ndim)))), columns.T
        if self.state is None or self.wanted is None:
            return count_first_bits(xp, piece, columns, self.bits), self._count_nan(xp, piece, columns)
        table = count_next_bits(xp, piece, columns, self.bits, self.wanted)
        state = self.state if xp is np else xp.asarray(self.state.view(np.int64).copy(), device=piece.device)
        return table, state

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Return the counts of two parts."""
        return left[0] + right[0], left[1] + right[1] if self.is_first else left[1]

    def finish(self, partial: Partial) -> NDArray[Any]:
        """Return what is known now: the next state, or the quantiles."""
        n_nan, prefixes, rests = self._begin(partial[1]) if self.is_first else _unpack(partial[1].view(np.uint64))
        counts = partial[0][:, :1] if self.is_first else partial[0]
        slots = np.zeros(prefixes.shape, np.int64) if self.is_first else _first_of_equals(prefixes)
        values, before = _find_in_tables(np.cumsum(counts, axis=2), slots, rests)
        rests = rests - before
        prefixes = prefixes | (values.astype(np.uint64) << np.uint64(self.bits.shift))
        if self.bits.shift:
            return np.concatenate([n_nan[:, None], prefixes, rests], axis=1, dtype=np.uint64, casting="unsafe")
        return self._answer(n_nan, prefixes)

    def _count_nan(self, xp: Namespace, piece: Any, columns: Columns) -> Any:
        n_nan = xp.zeros((columns.n_columns,), dtype=xp.int64, **({} if xp is np else {"device": piece.device}))
        if self.search.dtype.kind == "f":
            is_nan = xp.isnan(piece)
            if bool(xp.any(is_nan)):
                places = xp.nonzero(xp.reshape(is_nan, (-1,)))[0]
                n_nan = n_nan + xp.bincount(columns.at(xp, places), minlength=columns.n_columns)
        return n_nan

    def _begin(self, n_nan: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
        ranks = self.search.rule.ranks(self._lengths(n_nan)).T
        ranks = np.broadcast_to(ranks, (self.search.n_columns, self.search.rule.n_ranks))
        return n_nan, np.zeros(ranks.shape, np.uint64), ranks

    def _lengths(self, n_nan: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many elements of each column are ranked."""
        length = np.int64(self.search.length)
        return np.maximum(length - n_nan, 1) if self.search.rule.skip_nan else np.full(n_nan.shape, length)

    def _is_nan(self, n_nan: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which columns have NaN for their answer."""
        return np.asarray(n_nan == self.search.length if self.search.rule.skip_nan else n_nan > 0)

    def _answer(self, n_nan: NDArray[np.int64], keys: NDArray[np.uint64]) -> NDArray[Any]:
        values = from_keys(keys, self.search.dtype).T
        answer = self.search.rule.interpolate(values, self._lengths(n_nan))
        if answer.dtype.kind == "f":
            answer[:, self._is_nan(n_nan)] = np.nan
        return answer.astype(self.output.dtype).reshape(self.output.shape)


def _unpack(state: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    prefixes, rests = np.split(state[:, 1:], 2, axis=1)
    return state[:, 0].astype(np.int64), prefixes, rests.astype(np.int64)


def _find_in_tables(
    below: NDArray[np.int64], slots: NDArray[np.int64], rests: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which value element number `rest` has, and how many elements have smaller ones, by bisection.

    Parameters
    ----------
    below : ndarray, shape (n_columns, n_tables, 2^width)
        How many elements have a value or a smaller one.
    slots, rests : ndarray, shape (n_columns, n_slots)
        The table of each slot, and the number of its element.

    Examples
    --------
    >>> below = np.cumsum(np.array([[[0, 2, 0, 1]]]), axis=2)
    >>> _find_in_tables(below, np.array([[0, 0]]), np.array([[1, 2]]))
    (array([[1, 3]]), array([[0, 2]]))
    """
    n_columns, n_tables, n_values = below.shape
    flat, starts = below.reshape(-1), (np.arange(n_columns)[:, None] * n_tables + slots) * n_values
    values, step = np.zeros(slots.shape, np.int64), n_values
    while step > 1:
        step //= 2
        values += step * (flat[starts + values + step - 1] <= rests)
    return values, np.where(values > 0, flat[starts + np.maximum(values - 1, 0)], 0)


def _first_of_equals(prefixes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return, for each slot, the first slot of its column that has the same prefix.

    >>> _first_of_equals(np.array([[7, 3, 7, 3, 5]], np.uint64)).tolist()
    [[0, 1, 0, 1, 4]]
    """
    order = np.argsort(prefixes, axis=1, kind="stable")
    ordered = np.take_along_axis(prefixes, order, axis=1)
    is_new = np.ones(order.shape, bool)
    is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.maximum.accumulate(np.where(is_new, np.arange(order.shape[1]), 0), axis=1)
    firsts = np.empty_like(order)
    np.put_along_axis(firsts, order, np.take_along_axis(order, starts, axis=1), axis=1)
    return firsts


def draft_pass(header: ArrayHeader, limits: Limits, *, search: Search, number: int, result: ArrayHeader) -> Draft:
    """Return the draft of one pass.

    Parameters
    ----------
    header : ArrayHeader
        Of the array.
    limits : Limits
    search : Search
    number : int
        Of the pass, from 0.
    result : ArrayHeader
        Of the quantiles.
    """
    passes = plan_passes(search)
    bits, is_first, n_ranks = passes[number], number == 0, search.rule.n_ranks
    state = ArrayHeader("output", (search.n_columns, 1 + 2 * n_ranks), np.dtype(np.uint64))
    output = state if bits.shift else result
    kernel = PassKernel(search, bits, is_first, header.order, output)
    return draft_tables(
        header,
        limits,
        kernel=kernel,
        output=output,
        table_elements=search.n_columns * (1 if is_first else n_ranks) * bits.n_values,
        given=() if is_first else (state,),
        what=f"the counts of {search.n_columns} columns",
        way_out="ask for fewer quantiles at once",
    )

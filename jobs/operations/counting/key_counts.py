"""How often each value of some bits of the key occurs, column by column: one pass of a search for order statistics.

A *column* is what one result is made of: all elements that differ along the reduced axes alone. A *slot* is one order
statistic of a column; its *prefix* is what earlier passes have found of its key, the bits below `shift + width` zero::

    key      | found: the prefix |  width bits, counted here | shift bits, left to later passes |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...blocks import Region, Shape
from ...stages.kernels import Namespace
from .order_keys import from_keys, key_bits, order_keys, to_keys, torch_keys

__all__ = ["Bits", "Columns", "Wanted", "count_first_bits", "count_next_bits"]

_FEW = 5
"""Two comparisons of every element for each of so many prefixes take less time than one look-up in a table."""
_SIGN_OF_64 = np.uint64(1 << 63)


@dataclass(frozen=True, slots=True)
class Bits:
    """The bits of a key that a pass counts.

    Parameters
    ----------
    width : int
    shift : int
        Bits below them.
    """

    width: int
    shift: int

    @property
    def n_values(self) -> int:
        """How many values they may have."""
        return 1 << self.width


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column each element of a piece belongs to.

    Parameters
    ----------
    shape : tuple of int
        Of the piece.
    numbers : ndarray of int64
        Of the columns, of the shape of the piece, with length 1 along reduced axes.
    n_columns : int
        In the whole array.
    """

    shape: Shape
    numbers: NDArray[np.int64]
    n_columns: int

    @classmethod
    def of(cls, shape: Shape, axes: tuple[int, ...], region: Region) -> Columns:
        """Return the columns of a region of an array that is reduced over `axes`; they are numbered in C order.

        >>> Columns.of((4, 3), (0,), ((2, 4), (1, 3))).numbers
        array([[1, 2]])
        """
        kept = tuple(1 if axis in axes else n for axis, n in enumerate(shape))
        numbers: Any = np.zeros((), np.int64)
        for axis, (start, stop) in enumerate(region):
            here = np.arange(1) if axis in axes else np.arange(start, stop)
            numbers = numbers[..., None] * kept[axis] + here
        return cls(tuple(stop - start for start, stop in region), numbers, int(np.prod(kept, dtype=np.int64)))

    @property
    def T(self) -> Columns:  # noqa: N802 - NumPy's name
        """Those of the piece with its axes reversed."""
        return Columns(self.shape[::-1], self.numbers.T, self.n_columns)

    def at(self, xp: Namespace, places: Any) -> Any:
        """Return the columns of places in the flattened piece."""
        if self.n_columns == 1:
            return xp.zeros_like(places)
        total, step = 0, 1
        numbers = _like(xp, self.numbers.reshape(-1), places)
        for axis in reversed(range(len(self.shape))):
            if self.numbers.shape[axis] > 1:
                total = total + places % self.shape[axis] * step
            places = places // self.shape[axis]
            step *= self.numbers.shape[axis]
        return numbers[total] if step > 1 else numbers[xp.zeros_like(places)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for.

    Parameters
    ----------
    prefixes : ndarray of uint64, shape (n_columns, n_slots)
    is_wanted : ndarray of bool, of the same shape
        False of a slot whose prefix another slot of its column has too, and of a column whose answer is known.
    """

    prefixes: NDArray[np.uint64]
    is_wanted: NDArray[np.bool_]


def count_first_bits(xp: Namespace, x: Any, columns: Columns, bits: Bits) -> Any:
    """Return how often each value of the first bits of the keys occurs, shape (n_columns, 1, 2^width).

    Examples
    --------
    >>> x = np.array([-3, 5, 90, 100], np.int8)
    >>> count_first_bits(np, x, Columns.of((4,), (0,), ((0, 4),)), Bits(2, 6)).tolist()
    [[[0, 1, 1, 2]]]
    """
    if xp is not np:
        keys = torch_keys(xp, x)
        values = (keys >> bits.shift) & (bits.n_values - 1)
        if _keys_are_signed(x.dtype):
            values = values ^ (bits.n_values >> 1)
        order = None
    elif x.dtype.kind == "f" and np.isnan(x).any():
        values, order = order_keys(x) >> bits.shift, None
    else:
        # the leading bits as they are stored: one table is put in order rather than every element
        values, order = x.view(f"u{x.dtype.itemsize}") >> bits.shift, _stored_order(x.dtype, bits)
    if columns.n_columns > 1:
        values = xp.astype(values, xp.int64) + (_like(xp, columns.numbers, values) << bits.width)
    table = xp.bincount(xp.reshape(values, (-1,)), minlength=columns.n_columns * bits.n_values)
    table = xp.reshape(table, (columns.n_columns, 1, bits.n_values))
    return table if order is None else table[:, :, order]


def count_next_bits(xp: Namespace, x: Any, columns: Columns, bits: Bits, wanted: Wanted) -> Any:
    """Return how often each value of the next bits occurs behind each prefix, shape (n_columns, n_slots, 2^width).

    Examples
    --------
    >>> x = np.array([-3, 5, 90, 100], np.int8)
    >>> wanted = Wanted(np.array([[0b11 << 6]], np.uint64), np.array([[True]]))
    >>> count_next_bits(np, x, Columns.of((4,), (0,), ((0, 4),)), Bits(2, 4), wanted).tolist()
    [[[0, 1, 1, 0]]]
    """
    n_columns, n_slots = wanted.prefixes.shape
    if xp is not np:
        found = _find_on_torch(xp, x, columns, bits, wanted)
    elif n_columns == 1 and np.count_nonzero(wanted.is_wanted) > _FEW:
        found = _find_many(x, bits, wanted)
    else:
        found = _find_few(x, columns, bits, wanted)
    table = xp.bincount(found, minlength=n_columns * n_slots * bits.n_values)
    return xp.reshape(table, (n_columns, n_slots, bits.n_values))


def _keys_are_signed(dtype: Any) -> bool:
    """Tell whether keys of a torch dtype have their first bit flipped."""
    return bool(dtype.itemsize == 8)


def _stored_order(dtype: np.dtype[Any], bits: Bits) -> NDArray[np.int64] | None:
    """Return, for each value of the first bits of a key, the same bits of the number as it is stored."""
    keys, half = np.arange(bits.n_values), bits.n_values >> 1
    if dtype.kind == "f":
        return np.where(keys >= half, keys - half, bits.n_values - 1 - keys)
    return keys ^ half if dtype.kind == "i" else None


def _bounds(dtype: np.dtype[Any], bits: Bits, wanted: Wanted) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the smallest and the largest number behind each prefix; none lies between them where none is wanted."""
    rest = np.uint64((1 << (bits.width + bits.shift)) - 1)
    low, high = wanted.prefixes.copy(), wanted.prefixes | rest
    if dtype.kind == "f":
        ends = to_keys(-np.inf, dtype), to_keys(np.inf, dtype)
        low, high = low.clip(*ends), high.clip(*ends)
    nothing = ~wanted.is_wanted
    smallest, largest = from_keys(low, dtype), from_keys(high, dtype)
    best = (np.inf, -np.inf) if dtype.kind == "f" else (1, 0)
    smallest[nothing], largest[nothing] = best
    return smallest, largest


def _find_few(x: NDArray[Any], columns: Columns, bits: Bits, wanted: Wanted) -> NDArray[Any]:
    smallest, largest = _bounds(x.dtype, bits, wanted)
    flat, found = x.reshape(-1), [np.zeros(0, np.int64)]
    for slot in np.flatnonzero(wanted.is_wanted.any(axis=0)):
        low, high = smallest[columns.numbers, slot], largest[columns.numbers, slot]
        inside = x >= low
        inside &= x <= high
        places = np.flatnonzero(inside)
        column = columns.at(np, places)
        found.append(_places_in_table(order_keys(flat[places]), column, slot, bits, wanted))
    return np.concatenate(found)


def _find_many(x: NDArray[Any], bits: Bits, wanted: Wanted) -> NDArray[Any]:
    """Return places in the table of one column, in which many are looked for."""
    slots = np.flatnonzero(wanted.is_wanted[0])
    prefixes = wanted.prefixes[0, slots]
    order = np.argsort(prefixes)
    slots, prefixes = slots[order], prefixes[order]
    known = max(key_bits(x.dtype) - 16, 0)
    stored = f"u{x.dtype.itemsize}"
    may_be = np.zeros(1 << min(key_bits(x.dtype), 16), bool)
    may_be[from_keys(prefixes, x.dtype).view(stored) >> known] = True
    flat = x.reshape(-1)
    keys = order_keys(flat[may_be[flat.view(stored) >> known]])
    place = np.searchsorted(prefixes, keys, side="right") - 1
    keys, place = keys[place >= 0], place[place >= 0]
    return _places_in_table(keys, np.zeros_like(place), slots[place], bits, wanted)


def _places_in_table(keys: Any, column: Any, slot: Any, bits: Bits, wanted: Wanted) -> NDArray[Any]:
    """Return the places of keys in the flat table, of those that have the prefix of the slot."""
    known = bits.width + bits.shift
    has_prefix = (keys >> known) == (wanted.prefixes[column, slot] >> np.uint64(known))
    values = ((keys >> bits.shift) & (bits.n_values - 1)).astype(np.int64)
    places = ((column * wanted.prefixes.shape[1] + slot) << bits.width) + values
    return np.asarray(places[has_prefix])


def _find_on_torch(xp: Namespace, x: Any, columns: Columns, bits: Bits, wanted: Wanted) -> Any:
    keys, known = torch_keys(xp, x), bits.width + bits.shift
    prefixes = (wanted.prefixes ^ _SIGN_OF_64 if _keys_are_signed(x.dtype) else wanted.prefixes).view(np.int64) >> known
    flat, found = xp.reshape(keys, (-1,)), [keys.new_zeros(0)]
    for slot in np.flatnonzero(wanted.is_wanted.any(axis=0)).tolist():
        prefix = _like(xp, prefixes[columns.numbers, slot], keys)
        asked = _like(xp, wanted.is_wanted[columns.numbers, slot], keys)
        places = xp.nonzero(xp.reshape((keys >> known == prefix) & asked, (-1,)))[0]
        values = (flat[places] >> bits.shift) & (bits.n_values - 1)
        found.append(((columns.at(xp, places) * wanted.prefixes.shape[1] + slot) << bits.width) + values)
    return xp.concat(found)


def _like(xp: Namespace, array: NDArray[Any], x: Any) -> Any:
    """Return a small array where `x` is."""
    return array if xp is np else xp.asarray(np.ascontiguousarray(array), device=x.device)

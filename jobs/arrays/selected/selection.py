"""Selections as text, ``"0:1000, ::2, -1"``: NumPy's basic slicing, parsed strictly into one cut per axis."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...blocks import Shape
from ...errors import SpecError

__all__ = ["Cut", "parse_selection"]

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_EXAMPLE = 'write integers, start:stop:step and ... with commas between: "0:1000, ::2, -1"'


@dataclass(frozen=True, slots=True)
class Cut:
    """What is taken of one axis: ``start, start + step, ...``.

    Parameters
    ----------
    start : int
        The first index, not negative.
    step : int
        Not 0; negative ones go backwards.
    length : int
        How many indices.
    is_kept : bool
        False where one integer was given: then the axis falls away.

    Examples
    --------
    >>> Cut(8, -2, 4).bounds(1, 3), Cut(8, -2, 4).bounds(0, 0)
    ((4, 7), (0, 0))
    """

    start: int
    step: int
    length: int
    is_kept: bool = True

    def bounds(self, first: int, stop: int) -> tuple[int, int]:
        """Return the narrowest range of the axis that holds the places from `first` to `stop` of what is taken."""
        if first == stop:
            return 0, 0
        ends = self.start + first * self.step, self.start + (stop - 1) * self.step
        return min(ends), max(ends) + 1


def parse_selection(text: str, shape: Shape, *, name: str) -> tuple[Cut, ...]:
    """Return the cut of each axis that a selection says, as NumPy's basic slicing does.

    Parameters
    ----------
    text : str
        Integers, slices and at most one ellipsis, with commas between.
    shape : tuple of int
        Of what is selected from.
    name : str
        How that is called in messages.

    Raises
    ------
    SpecError
        If the text is something else, an integer is out of bounds, or there are more of them than axes.

    Examples
    --------
    >>> cuts = parse_selection("..., ::-2, -1", (4, 5, 6), name="x")
    >>> [(cut.start, cut.step, cut.length, cut.is_kept) for cut in cuts]
    [(0, 1, 4, True), (4, -2, 3, True), (5, 1, 1, False)]
    """
    items = [item.strip() for item in text.split(",")]
    if len(items) > 1 and not items[-1]:
        items.pop()
    n_taken = sum(item != "..." for item in items)
    if len(items) - n_taken > 1 or n_taken > len(shape):
        raise _refused(
            name, text, f"{n_taken} axes and {len(items) - n_taken} ellipses are named; there are {len(shape)} axes"
        )
    place = items.index("...") if "..." in items else len(items)
    whole = [":"] * (len(shape) - n_taken)
    full = [*items[:place], *whole, *items[place + 1 :]]
    return tuple(_cut(item, n, axis, name, text) for axis, (item, n) in enumerate(zip(full, shape, strict=True)))


def _cut(item: str, n: int, axis: int, name: str, text: str) -> Cut:
    fields = [field.strip() for field in item.split(":")]
    if not item or len(fields) > 3 or not all(_INTEGER.fullmatch(field) for field in fields if field):
        raise _refused(name, text, f"{item!r} is no integer and no slice")
    numbers = [int(field) if field else None for field in fields]
    if len(numbers) == 1:
        (index,) = numbers
        assert index is not None
        if not -n <= index < n:
            raise _refused(name, text, f"index {index} is out of bounds for axis {axis} with size {n}")
        return Cut(index % n, 1, 1, is_kept=False)
    if numbers[2:] == [0]:
        raise _refused(name, text, "a slice has no step of 0")
    start, _, step = (places := slice(*numbers).indices(n))
    length = len(range(*places))
    return Cut(start if length else 0, step, length)


def _refused(name: str, text: str, cause: str) -> SpecError:
    return SpecError(f"{name}: cannot be selected from by {text!r}", cause=cause, next=_EXAMPLE)

"""einsum's subscripts read: ``"ij,jk->ik"``, with or without an output, ``...`` for axes that are not named."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence

from ...errors import SpecError

__all__ = ["Subscripts", "label_lengths", "parse_subscripts"]

Subscripts = tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]
"""The labels of each operand's axes, and of the output's. Axes of ``...`` are called 0, 1 and so on from the last."""


def parse_subscripts(text: str, ndims: Sequence[int]) -> Subscripts:
    """Return the labels of operands and output.

    Parameters
    ----------
    text : str
    ndims : sequence of int
        Numbers of axes of the operands.

    Raises
    ------
    SpecError
        In the places where `numpy.einsum` raises ValueError.

    Examples
    --------
    >>> parse_subscripts("ij, jk", [2, 2])
    ((('i', 'j'), ('j', 'k')), ('i', 'k'))
    >>> parse_subscripts("...i,i->...", [3, 1])
    ((('1', '0', 'i'), ('i',)), ('1', '0'))
    """
    left, arrow, right = text.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise _refusal(text, f"it names {len(terms)} operand(s), and {len(ndims)} were given")
    inputs = tuple(_term(text, term, ndim) for term, ndim in zip(terms, ndims, strict=True))
    named = {label for labels in inputs for label in labels}
    unnamed = tuple(sorted((label for label in named if label.isdigit()), key=int, reverse=True))
    if arrow:
        output = _output(text, right, unnamed)
    else:
        counts = Counter(label for labels in inputs for label in labels if not label.isdigit())
        output = (*unnamed, *sorted(label for label, count in counts.items() if count == 1))
    if len(set(output)) != len(output) or not set(output) <= named:
        raise _refusal(text, f"the output {right} has a label twice, or one that no operand has")
    return inputs, output


def label_lengths(text: str, inputs: Sequence[Sequence[str]], shapes: Sequence[Sequence[int]]) -> dict[str, int]:
    """Return the length of every label; an operand of length 1 is repeated.

    Raises
    ------
    SpecError
        If it differs between operands and none of the lengths is 1, or within an operand.

    Examples
    --------
    >>> label_lengths("ij,ij->j", ["ij", "ij"], [(5, 2), (1, 2)])
    {'i': 5, 'j': 2}
    """
    lengths: dict[str, int] = {}
    for labels, shape in zip(inputs, shapes, strict=True):
        own: dict[str, int] = {}
        for label, length in zip(labels, shape, strict=True):
            before = lengths.get(label, 1)
            others = (own.setdefault(label, length), length if 1 in (length, before) else before)
            for other in others:
                if other != length:
                    name = f"an axis of ..., {label} from the last," if label.isdigit() else f"label {label}"
                    raise _refusal(text, f"{name} has the lengths {other} and {length}; shapes {[*shapes]}")
        lengths |= {label: length for label, length in own.items() if length != 1 or label not in lengths}
    return lengths


def _term(text: str, term: str, ndim: int) -> tuple[str, ...]:
    before, dots, after = term.partition("...")
    n_unnamed = ndim - len(before) - len(after)
    if any(letter not in string.ascii_letters for letter in before + after):
        raise _refusal(text, f"{term} holds something other than letters and one ...")
    if n_unnamed < 0 or (n_unnamed > 0 and not dots):
        raise _refusal(text, f"{term} does not name the {ndim} axes of its operand")
    return (*before, *(str(place) for place in reversed(range(n_unnamed))), *after)


def _output(text: str, right: str, unnamed: tuple[str, ...]) -> tuple[str, ...]:
    before, dots, after = right.partition("...")
    if any(letter not in string.ascii_letters for letter in before + after):
        raise _refusal(text, f"{right} holds something other than letters and one ...")
    if unnamed and not dots:
        raise _refusal(text, "the output has no ..., and axes that are not named cannot be summed")
    return (*before, *unnamed, *after)


def _refusal(text: str, cause: str) -> SpecError:
    return SpecError(
        f"einsum: the subscripts {text!r} do not fit the operands",
        cause=cause,
        safe="nothing was read or written",
        next="name every axis of every operand, as in: --subscripts 'ij,jk->ik'",
    )

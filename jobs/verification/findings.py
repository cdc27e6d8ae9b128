"""What a check found: how many elements it looked at, the largest error, the bound it was held to, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks import Region
from ..errors import VerificationError

__all__ = ["Finding", "Place", "compare", "failure_of", "merged", "offset_by", "to_json"]


@dataclass(frozen=True, slots=True)
class Place:
    """One element of an output, or one number that is made of all of it.

    Parameters
    ----------
    index : tuple of int
        Where it stands; empty for an array without axes, and for a number that is made of all elements.
    found, expected : bool, int, float or complex
    error, bound : float
        How far they are from each other, and how far they may be.
    """

    index: tuple[int, ...]
    found: Any
    expected: Any
    error: float
    bound: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check of one output found.

    Parameters
    ----------
    output : str
        The name of the output's file.
    method : str
        How it was checked, in words.
    n_checked, n_elements : int
        Elements that were compared, of so many.
    of_bound : float
        Largest error over the bound of its element; right if this is at most 1. NaN is not.
    worst : Place or None
        Where that is; None where nothing was compared.
    n_undecided : int
        Elements of which rounding decides too much to say anything; they are not among those compared.
    """

    output: str
    method: str
    n_checked: int
    n_elements: int
    of_bound: float = 0.0
    worst: Place | None = None
    n_undecided: int = 0

    @property
    def is_within_bound(self) -> bool:
        """Whether every element that was compared is within its bound."""
        return self.of_bound <= 1

    @property
    def says_nothing(self) -> bool:
        """Whether there are elements, and not one of them could be compared."""
        return self.n_elements > 0 and self.n_checked == 0


def compare(
    found: NDArray[Any],
    expected: NDArray[Any],
    bound: NDArray[Any] | None,
    *,
    output: str,
    method: str,
    n_elements: int,
    index_of: Callable[[tuple[int, ...]], tuple[int, ...]] = tuple,
) -> Finding:
    """Compare a part of an output with what NumPy says of it.

    Parameters
    ----------
    found : ndarray
        In the dtype of the output.
    expected : ndarray
        Of the same shape; floats in float64 or complex128, unless it is exact.
    bound : ndarray or None
        How far each element may be off before it is rounded to the output's dtype; inf where nothing can be said. None:
        every bit counts.
    output, method, n_elements
        See `Finding`.
    index_of : callable
        Gives the place in the output of a place in `found`.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([1.0, 2.0]), np.array([1.0, 2.5])
    >>> finding = compare(y, x, np.full(2, 0.1), output="y.npy", method="all", n_elements=2)
    >>> finding.worst.index, finding.worst.error, finding.is_within_bound
    ((1,), 0.5, False)
    """
    expected = np.broadcast_to(expected, found.shape)
    is_exact = bound is None or found.dtype.kind in "biu"
    limit = np.zeros(found.shape) if bound is None else np.broadcast_to(bound, found.shape).astype(np.float64)
    undecided = ~(limit < np.inf)
    with np.errstate(all="ignore"):
        error, share, allowed = _exact(found, expected) if is_exact else _rounded(found, expected, limit)
    share = np.where(undecided, 0.0, share)
    n_checked = int(found.size - undecided.sum())
    finding = Finding(output, method, n_checked, n_elements, n_undecided=int(undecided.sum()))
    if not n_checked:
        return finding
    # the largest share of a bound; where all are 0, the first element that was compared
    flat = int(np.argmax(np.where(undecided, -1.0, share)))
    at = tuple(int(i) for i in np.unravel_index(flat, found.shape))
    numbers = found[at].item(), expected[at].item(), float(error[at]), float(allowed[at])
    return replace(finding, of_bound=float(share[at]), worst=Place(index_of(at), *numbers))


def _exact(found: NDArray[Any], expected: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    wide = np.complex128 if "c" in (found.dtype.kind, expected.dtype.kind) else np.float64
    error = np.abs(found.astype(wide) - expected.astype(wide))
    right = _same(found, expected)
    error = np.where(right, 0.0, np.where(error > 0, error, np.inf if found.dtype.kind in "fc" else 1.0))
    return error, np.where(right, 0.0, np.inf), np.zeros(found.shape)


def _same(found: NDArray[Any], expected: NDArray[Any]) -> NDArray[Any]:
    same = np.asarray(found == expected)
    if found.dtype.kind in "fc":
        same = same | (np.isnan(found) & np.isnan(expected))
    return same


def _rounded(
    found: NDArray[Any], expected: NDArray[Any], bound: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return errors, their shares of what is allowed, and that: the bound, and one rounding of the output's dtype."""
    limits = np.finfo(found.dtype)
    wide = found.astype(expected.dtype)
    allowed = bound + np.abs(expected) * float(limits.eps) / 2 + float(limits.smallest_subnormal)
    error = np.abs(wide - expected)
    same = _same(wide, expected)
    if found.dtype.kind == "c":
        # what NumPy itself makes of infinities depends on how it multiplies
        same |= ~np.isfinite(expected) & ~np.isfinite(wide)
    overflows = np.isfinite(expected) & (np.abs(expected) + bound >= float(limits.max) * (1 - float(limits.eps)))
    same |= overflows & np.isinf(wide)
    share = np.where(same, 0.0, error / allowed)
    return np.where(same, 0.0, error), np.where(np.isnan(share), np.inf, share), np.asarray(allowed)


def offset_by(region: Region) -> Callable[[tuple[int, ...]], tuple[int, ...]]:
    """Return what gives the place in an array of a place in a region of it.

    >>> offset_by(((10, 12), (5, 9)))((1, 2))
    (11, 7)
    """
    starts = [start for start, _ in region]
    return lambda index: tuple(start + i for start, i in zip(starts, index, strict=True))


def merged(findings: Iterable[Finding]) -> Finding:
    """Return what several checks of one kind, each of a part of an output, found together."""
    first, *others = findings
    for other in others:
        worse = other if _badness(other) > _badness(first) else first
        first = replace(
            worse,
            n_checked=first.n_checked + other.n_checked,
            n_undecided=first.n_undecided + other.n_undecided,
        )
    return first


def _badness(finding: Finding) -> tuple[bool, float]:
    return finding.worst is not None, finding.of_bound


def failure_of(findings: Iterable[Finding], *, safe: str, next_step: str) -> VerificationError | None:
    """Return the error for the worst finding, or None if all are within their bounds."""
    wrong = [finding for finding in findings if not finding.is_within_bound]
    if not wrong:
        return None
    worst = max(wrong, key=lambda finding: finding.of_bound)
    place = worst.worst
    assert place is not None
    at = f"[{', '.join(map(str, place.index))}]" if place.index else ""
    return VerificationError(
        f"{worst.output}{at} is not what NumPy computes",
        cause=f"found {place.found!r}, expected {place.expected!r}: off by {place.error:.3g}, and at most "
        f"{place.bound:.3g} is allowed ({worst.method})",
        safe=safe,
        next=next_step,
    )


def to_json(finding: Finding) -> dict[str, Any]:
    """Return a finding in JSON's types; numbers that JSON has not, and complex ones, are text."""
    place = finding.worst
    return {
        "output": finding.output,
        "method": finding.method,
        "checked": finding.n_checked,
        "elements": finding.n_elements,
        "undecided": finding.n_undecided,
        "error": None if place is None else _number(place.error),
        "bound": None if place is None else _number(place.bound),
        "of_bound": _number(finding.of_bound),
        "index": None if place is None else list(place.index),
        "found": None if place is None else _number(place.found),
        "expected": None if place is None else _number(place.expected),
        "ok": finding.is_within_bound,
    }


def _number(value: Any) -> Any:
    is_plain = isinstance(value, bool | int) or (isinstance(value, float) and np.isfinite(value))
    return value if is_plain else str(value)

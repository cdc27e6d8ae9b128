"""Scans of short runs: every prefix of a run combined, in groups, so that many groups are worked on at once.

A run is cut into groups of `GROUP` elements. Within a group elements are combined one after another, and so are the
groups' totals; each prefix is the total of the groups before and the prefix within its own. That is what the bits of an
answer depend on: neither on how many lines are scanned at once, nor on how they lie in memory.

::

    run      x0 x1 x2 x3 | x4 x5 x6 x7 | x8 ...      groups of 4
    groups   s0 s1 s2 s3 | s4 s5 s6 s7 | s8 ...      s1 = x0 + x1, s2 = s1 + x2 ...
    before        -      |     o1      |     o2      o1 = s3, o2 = o1 + s7 ...
    prefix   s0 s1 s2 s3 | o1 + s4 ... | o2 + s8 ...

Sums that do not decrease stay so: the last prefix of a group is what the next begins with, to the last bit.

Error, with u = 2^-53: a prefix of a run of P elements has been rounded at most ``GROUP + P / GROUP`` times, so it is
within that times ``u sum|x|`` of the exact one (Higham 2002, section 4.2).

References
----------
G. E. Blelloch, "Prefix sums and their applications", CMU-CS-90-190 (1990).
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), equation 4.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GROUP", "scan_lanes", "scan_rows", "total_lanes", "total_rows"]

GROUP = 32
"""Elements that are combined one after another before anything else is done with them."""


def scan_lanes(combine: np.ufunc, s: NDArray[Any]) -> None:
    """Replace elements by prefixes along the last axis.

    Parameters
    ----------
    combine : numpy.ufunc
        ``numpy.add`` or ``numpy.multiply``.
    s : ndarray, C-contiguous, of shape (lanes, n)

    Examples
    --------
    >>> s = np.ones((1, 100), int)
    >>> scan_lanes(np.add, s)
    >>> s[0, -3:].tolist()
    [98, 99, 100]
    """
    if s.dtype.kind in "biu":
        combine.accumulate(s, axis=1, dtype=s.dtype, out=s)
        return
    whole = s.shape[1] // GROUP * GROUP
    if whole:
        groups = s[:, :whole].reshape(len(s), -1, GROUP)
        for place in range(1, GROUP):
            combine(groups[..., place - 1], groups[..., place], out=groups[..., place])
        if groups.shape[1] > 1:
            before = combine.accumulate(groups[:, :-1, -1], axis=1)
            combine(before[..., None], groups[:, 1:], out=groups[:, 1:])
    rest = s[:, whole:]
    for place in range(1, rest.shape[1]):
        combine(rest[:, place - 1], rest[:, place], out=rest[:, place])
    if whole and rest.shape[1]:
        combine(s[:, whole - 1, None].copy(), rest, out=rest)


def scan_rows(combine: np.ufunc, s: NDArray[Any]) -> None:
    """Replace elements by prefixes along the first axis; the bits are those of `scan_lanes` of the transpose."""
    for start in range(0, len(s), GROUP):
        group = s[start : start + GROUP]
        for place in range(1, len(group)):
            combine(group[place - 1], group[place], out=group[place])
        if start:
            combine(s[start - 1], group, out=group)


def total_lanes(combine: np.ufunc, s: NDArray[Any]) -> NDArray[Any]:
    """Return what `scan_lanes` leaves at the end of each lane, sooner; nothing is changed."""
    whole = s.shape[1] // GROUP * GROUP
    total = None
    if whole:
        total = combine.accumulate(_in_order(combine, s[:, :whole].reshape(len(s), -1, GROUP)), axis=1)[:, -1]
    if whole == s.shape[1]:
        assert total is not None
        return np.asarray(total)
    rest = _in_order(combine, s[:, whole:])
    return rest if total is None else np.asarray(combine(total, rest))


def total_rows(combine: np.ufunc, s: NDArray[Any]) -> NDArray[Any]:
    """Return what `scan_rows` leaves in the last row, sooner; nothing is changed."""
    total = None
    for start in range(0, len(s), GROUP):
        group = s[start].copy()
        for row in s[start + 1 : start + GROUP]:
            combine(group, row, out=group)
        total = group if total is None else combine(total, group, out=total)
    assert total is not None
    return np.asarray(total)


def _in_order(combine: np.ufunc, groups: NDArray[Any]) -> NDArray[Any]:
    """Return the totals along the last axis, of at least one element, combined one after another."""
    total = groups[..., 0].copy()
    for place in range(1, groups.shape[-1]):
        combine(total, groups[..., place], out=total)
    return total

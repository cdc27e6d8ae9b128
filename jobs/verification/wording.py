"""A finding in words, as a row of a table."""

from __future__ import annotations

from .findings import Finding

__all__ = ["finding_row", "sentence_of"]


def finding_row(finding: Finding) -> tuple[str, str, str, str, str, str, str]:
    """Return what was checked, how much of it, the largest error, its bound, where, the verdict, and how.

    >>> finding_row(Finding("y.npy", "by NumPy", 0, 0))
    ('y.npy', '0 of 0', '', '', '', 'ok', 'by NumPy')
    """
    place = finding.worst
    left = f", {finding.n_undecided} undecided" if finding.n_undecided else ""
    return (
        finding.output,
        f"{finding.n_checked} of {finding.n_elements}{left}",
        "" if place is None else f"{place.error:.3g}",
        "" if place is None else f"{place.bound:.3g}",
        "" if place is None or not place.index else f"[{', '.join(map(str, place.index))}]",
        "ok" if finding.is_within_bound else "WRONG",
        finding.method,
    )


def sentence_of(finding: Finding) -> str:
    """Return a finding as one line.

    >>> sentence_of(Finding("y.npy", "by NumPy", 3, 9))
    'y.npy: 3 of 9 elements checked (by NumPy): ok'
    """
    row = finding_row(finding)
    found = "" if finding.worst is None else f", error {row[2]} of {row[3]} allowed"
    return f"{row[0]}: {row[1]} elements checked ({row[6]}){found}: {row[5]}"

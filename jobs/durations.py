"""Durations as people write and read them: ``"7d"``, ``1 min 15 s``."""

from __future__ import annotations

import re

__all__ = ["format_age", "format_seconds", "parse_duration"]

_UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?P<number>\d{1,9}(?:\.\d{1,9})?) ?(?P<unit>[a-z]+)")


def format_seconds(seconds: float) -> str:
    """Return a duration in two units at most.

    >>> [format_seconds(s) for s in (0.0042, 3.21, 75, 7300, 200_000)]
    ['4 ms', '3.2 s', '1 min 15 s', '2 h 1 min', '2 d 7 h']
    """
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def format_age(seconds: float) -> str:
    """Return how long something is ago, in one unit.

    >>> [format_age(s) for s in (0.3, 59, 150, 7300, 200_000)]
    ['0 s', '59 s', '2 min', '2 h', '2 d']
    """
    whole = max(int(seconds), 0)
    for unit in ("d", "h", "min"):
        limit = 2 if unit == "d" else 1
        if whole >= limit * _UNITS[unit]:
            return f"{whole // _UNITS[unit]} {unit}"
    return f"{whole} s"


def parse_duration(text: str) -> float:
    """Return seconds.

    Parameters
    ----------
    text : str
        A number and one of s, min (or m), h, d, w.

    Raises
    ------
    ValueError
        If it is anything else.

    Examples
    --------
    >>> parse_duration("7d"), parse_duration("1.5 h")
    (604800.0, 5400.0)
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or match["unit"] not in _UNITS:
        raise ValueError(f"{text!r} is not a duration: write 30s, 15min, 12h, 7d or 2w")
    return float(match["number"]) * _UNITS[match["unit"]]

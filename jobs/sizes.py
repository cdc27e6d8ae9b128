"""Sizes as people write them: ``"60GB"``, ``"512MiB"``, ``"70%"``, or a number of bytes.

Units are decimal (kB, MB, GB, TB: powers of 1000) or binary (KiB, MiB, GiB, TiB: powers of 1024), in upper
or lower case. Anything else is refused, never guessed.
"""

from __future__ import annotations

import re

__all__ = ["format_bytes", "limit_bytes", "parse_size"]

_DECIMAL = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS = _DECIMAL | {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_SIZE = re.compile(r"(?P<number>\d{1,15}(?:\.\d{1,9})?) ?(?P<unit>%|[A-Za-z]+)?")
_FORM = 'write bytes, "60GB", "512MiB" or "70%"'


def parse_size(size: str | int) -> int | float:
    """Return bytes as an int, or a share of the whole as a float in (0, 1].

    Parameters
    ----------
    size : str or int

    Raises
    ------
    ValueError
        If `size` is not positive, is above 100 %, or has no known unit.

    Examples
    --------
    >>> parse_size("1.5 GiB"), parse_size("60GB"), parse_size(4096), parse_size("70%")
    (1610612736, 60000000000, 4096, 0.7)
    """
    match = _SIZE.fullmatch(str(size).strip())
    if match is None or isinstance(size, bool):
        raise ValueError(f"{size!r} is not a size: {_FORM}")
    number, unit = float(match["number"]), (match["unit"] or "b").lower()
    if unit == "%":
        if not 0 < number <= 100:
            raise ValueError(f"{size!r} is not above 0% and at most 100%")
        return number / 100
    if unit not in _UNITS:
        raise ValueError(f"{size!r} has an unknown unit: {_FORM}")
    n_bytes = int(number * _UNITS[unit])
    if n_bytes < 1:
        raise ValueError(f"{size!r} is less than one byte: {_FORM}")
    return n_bytes


def limit_bytes(size: str | int, total_bytes: int) -> int:
    """Return a limit in bytes, a percentage being taken of `total_bytes`.

    Examples
    --------
    >>> limit_bytes("70%", 1000), limit_bytes("2kB", 1000)
    (700, 2000)
    """
    parsed = parse_size(size)
    return parsed if isinstance(parsed, int) else round(parsed * total_bytes)


def format_bytes(n_bytes: float) -> str:
    """Return bytes with three digits and a decimal unit.

    Examples
    --------
    >>> [format_bytes(n) for n in (0, 999, 1000, 40_800_000, 2.5e12)]
    ['0 B', '999 B', '1.00 kB', '40.8 MB', '2.50 TB']
    """
    if n_bytes < 1000:
        return f"{n_bytes:.0f} B"
    scaled, unit = n_bytes / 1e3, "kB"
    for larger in ("MB", "GB", "TB", "PB"):
        if scaled < 999.5:
            break
        scaled, unit = scaled / 1e3, larger
    digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
    return f"{scaled:.{digits}f} {unit}"
